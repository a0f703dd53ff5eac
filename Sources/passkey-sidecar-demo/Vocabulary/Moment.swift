import FoundationEssentials
import Transport

/// Wall-clock time in the forms that the APIs speak.
enum Moment {
  /// Milliseconds since 1970.
  @Sendable static func milliseconds() -> Int { Int(Clock.unixNanoseconds() / 1_000_000) }

  /// Unix seconds as `yyyy-MM-ddTHH:mm:ss` in UTC.
  static func text(_ seconds: Int) -> String {
    String(Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601).dropLast())
  }
}
