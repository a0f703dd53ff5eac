import Testing

@testable import Telemetry

@Suite struct MetricsTextTests {
  @Test func `every bound is the last of its bucket`() {
    for (index, bound) in DurationHistogram.bounds.enumerated() {
      var histogram = DurationHistogram()
      histogram.observe(microseconds: bound)
      histogram.observe(microseconds: bound + 1)
      #expect(histogram.count(ofBucket: index) == 1 && histogram.count(ofBucket: index + 1) == 1, "\(bound)")
    }
  }

  @Test func `buckets add up to the count, and negative durations count as none`() {
    var histogram = DurationHistogram()
    for microseconds: Int64 in [-5, 0, 70, 3_000_000, .max] { histogram.observe(microseconds: microseconds) }
    #expect(histogram.count == 5)
    #expect(histogram.count(ofBucket: 0) == 2 && histogram.count(ofBucket: DurationHistogram.bounds.count) == 1)
  }

  @Test func `a histogram is cumulative, with sum and count`() {
    var histogram = DurationHistogram()
    histogram.observe(microseconds: 60)
    histogram.observe(microseconds: 1_500_000)
    var text = MetricsText(.prometheus)
    text.begin(.requestDuration)
    text.sample(histogram)
    let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines[1] == "# TYPE passkey_sidecar_request_duration_seconds histogram")
    #expect(lines[2] == "passkey_sidecar_request_duration_seconds_bucket{le=\"0.00005\"} 0")
    #expect(lines[3] == "passkey_sidecar_request_duration_seconds_bucket{le=\"0.0001\"} 1")
    #expect(lines.contains("passkey_sidecar_request_duration_seconds_bucket{le=\"1.0\"} 1"))
    #expect(lines.suffix(3) == [
      "passkey_sidecar_request_duration_seconds_bucket{le=\"+Inf\"} 2",
      "passkey_sidecar_request_duration_seconds_sum 1.500060", "passkey_sidecar_request_duration_seconds_count 2",
    ])
  }

  @Test func `whatever stands in a label stays inside it`() {
    var text = MetricsText(.prometheus)
    text.begin(.issuerKeys)
    text.sample(["issuer": "a\"b\\c\nd"], 1)
    let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
    #expect(lines.last == #"passkey_sidecar_issuer_keys{issuer="a\"b\\c\nd"} 1"#)
  }

  @Test func `names follow the conventions, and none stands in the table twice`() {
    #expect(Set(MetricFamily.all.map(\.name)).count == MetricFamily.all.count)
    for family in MetricFamily.all {
      #expect((family.kind == .counter) == family.name.hasSuffix("_total"), "\(family.name)")
      #expect(family.kind != .histogram || family.name.hasSuffix("_seconds"), "\(family.name)")
      #expect(!family.help.isEmpty && !family.help.contains("\n"))
    }
  }

  @Test func `more kinds of calls than there is room for are counted together`() {
    let meter = CallMeter()
    for number in 0..<(2 * CallMeter.seriesLimit) { meter.record("call", "outcome-\(number)", microseconds: 1) }
    #expect(meter.series.count <= CallMeter.seriesLimit + 1)
    #expect(meter.series.reduce(0) { $0 + $1.durations.count } == Int64(2 * CallMeter.seriesLimit))
    #expect(meter.durationsByCall.map(\.call) == ["call"])
  }
}
