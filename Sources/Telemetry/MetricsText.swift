/// What is exposed for a scrape: Prometheus' text format 0.0.4, or OpenMetrics 1.0.
public struct MetricsText: Sendable {
  public enum Format: Sendable {
    case prometheus, openMetrics

    public var mediaType: String {
      switch self {
      case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
      case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
      }
    }
  }

  public typealias Labels = KeyValuePairs<StaticString, String>

  private let format: Format
  private var text = ""
  private var family: MetricFamily?

  public init(_ format: Format) { self.format = format }

  public var bytes: [UInt8] { Array(text.utf8) + (format == .openMetrics ? Array("# EOF\n".utf8) : []) }

  /// All samples of a family stand together (OpenMetrics §4.1): this begins one.
  public mutating func begin(_ family: MetricFamily) {
    self.family = family
    // OpenMetrics names a family of counters without the suffix that its samples have, and an info likewise.
    var name = family.name
    if format == .openMetrics, family.kind == .counter { name.removeLast("_total".count) }
    text += "# HELP \(name) \(family.help)\n# TYPE \(name) \(family.kind.rawValue)\n"
  }

  public mutating func sample(_ value: Int64) { sample([:], value) }

  public mutating func sample(_ labels: Labels, _ value: Int64) {
    line("", labels, nil, String(value))
  }

  public mutating func sample(_ labels: Labels = [:], seconds microseconds: Int64) {
    line("", labels, nil, Self.seconds(microseconds))
  }

  /// A histogram: cumulative buckets, sum and count.
  public mutating func sample(_ histogram: DurationHistogram) { sample([:], histogram) }

  public mutating func sample(_ labels: Labels, _ histogram: DurationHistogram) {
    var sum: Int64 = 0
    for (index, bound) in DurationHistogram.bounds.enumerated() {
      sum += histogram.count(ofBucket: index)
      line("_bucket", labels, Self.bound(bound), String(sum))
    }
    line("_bucket", labels, "+Inf", String(histogram.count))
    line("_sum", labels, nil, Self.seconds(histogram.sumMicroseconds))
    line("_count", labels, nil, String(histogram.count))
  }

  private mutating func line(_ suffix: String, _ labels: Labels, _ bound: String?, _ value: String) {
    guard let family else { return }
    text += family.name + suffix
    if !labels.isEmpty || bound != nil {
      var parts = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
      if let bound { parts.append("le=\"\(bound)\"") }
      text += "{\(parts.joined(separator: ","))}"
    }
    text += " \(value)\n"
  }

  private static func escaped(_ value: String) -> String {
    var result = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func seconds(_ microseconds: Int64) -> String {
    let fraction = String(microseconds.magnitude % 1_000_000)
    return "\(microseconds < 0 ? "-" : "")\(microseconds.magnitude / 1_000_000)."
      + String(repeating: "0", count: 6 - fraction.count) + fraction
  }

  /// As short as OpenMetrics wants floats: `0.0025`, `1.0`.
  private static func bound(_ microseconds: Int64) -> String {
    var text = seconds(microseconds)[...]
    while text.hasSuffix("0"), !text.hasSuffix(".0") { text.removeLast() }
    return String(text)
  }
}
