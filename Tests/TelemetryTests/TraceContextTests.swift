import Testing

@testable import Telemetry

@Suite struct TraceContextTests {
  private func parse(_ text: String) -> TraceContext { TraceContext(fieldValue: Array(text.utf8).span) }

  // The first two are examples of the recommendation (§3.2.3).
  @Test(arguments: [
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
  ])
  func `a valid value is read and written back`(text: String) {
    let trace = parse(text)
    #expect(trace.isPresent)
    var bytes: [UInt8] = []
    trace.append(to: &bytes)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }

  @Test func `a later version is read as far as it is known`() {
    #expect(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future").isPresent)
  }

  @Test(arguments: [
    "", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
    "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
    "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
  ])
  func `anything else counts as missing`(text: String) {
    #expect(parse(text) == .absent)
  }

  @Test func `started traces are valid and unlike each other`() {
    var generator = TraceIDGenerator()
    var seen: Set<String> = []
    for _ in 0..<1000 {
      var bytes: [UInt8] = []
      TraceContext(startedWith: &generator).append(to: &bytes)
      let isPresent = TraceContext(fieldValue: bytes.span).isPresent
      #expect(isPresent)
      seen.insert(String(decoding: bytes, as: UTF8.self))
    }
    #expect(seen.count == 1000)
  }

  @Test func `the generator is SplitMix64`() {
    // First outputs for seed 1234567, as published with the algorithm's reference code.
    var generator = TraceIDGenerator(seed: 1_234_567)
    #expect(
      [generator.next(), generator.next(), generator.next()] == [
        6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      ])
  }
}
