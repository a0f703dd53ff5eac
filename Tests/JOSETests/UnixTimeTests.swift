import JOSE
import TestPeers
import Testing

@Suite struct UnixTimeTests {
  @Test(
    arguments: [
      ("0", 0), ("1", 1_000_000), ("-1", -1_000_000), ("1.5", 1_500_000), ("1700000000.123456", 1_700_000_000_123_456),
      ("1700000000.1234569", 1_700_000_000_123_456), ("1.7e9", 1_700_000_000_000_000), ("17e8", 1_700_000_000_000_000),
      ("1700000000000e-3", 1_700_000_000_000_000), ("0.0000001", 0), ("1e-6", 1), ("-0.5", -500_000), ("0e300", 0),
      ("9000000000000", 9_000_000_000_000_000_000),
    ] as [(String, Int64)])
  func `a NumericDate is read exactly`(text: String, microseconds: Int64) throws {
    let document = try JSONDocument(text)
    #expect(document.numericDate(document.root) == UnixTime(microseconds: microseconds))
  }

  @Test(arguments: ["9300000000000", "1e13", "1e300", "-1e300", "\"1\"", "true"])
  func `what is no moment in range is none`(text: String) throws {
    let document = try JSONDocument(text)
    #expect(document.numericDate(document.root) == nil)
  }

  @Test func `arithmetic saturates`() {
    let last = UnixTime(microseconds: .max)
    let first = UnixTime(microseconds: .min)
    #expect(last + .seconds(1) == last)
    #expect(first - .seconds(1) == first)
    #expect(UnixTime(seconds: .max) == last)
    #expect(UnixTime(seconds: .min) == first)
    #expect(UnixTime(seconds: 0) + .seconds(Int64.max) == last)
    #expect(UnixTime(seconds: 0) - .seconds(Int64.max) == first)
  }

  @Test func `durations are added and taken away`() {
    let time = UnixTime(seconds: 100)
    #expect(time + .milliseconds(1500) == UnixTime(microseconds: 101_500_000))
    #expect(time - .milliseconds(1500) == UnixTime(microseconds: 98_500_000))
    #expect(time + .milliseconds(-1500) == UnixTime(microseconds: 98_500_000))
    #expect(time - UnixTime(seconds: 40) == .seconds(60))
    #expect(UnixTime(microseconds: -1).seconds == -1)
    #expect(UnixTime(microseconds: 1_999_999).seconds == 1)
  }
}
