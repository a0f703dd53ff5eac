/// A moment in microseconds since 1970-01-01T00:00:00Z without leap seconds: the NumericDate of RFC 7519 §2 in fixed
/// point.
///
/// Arithmetic saturates at the ends of the range, some 292,000 years away.
public struct UnixTime: Comparable, Hashable, Sendable {
  public var microseconds: Int64

  @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }

  @inlinable public init(seconds: Int64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    microseconds = overflow ? (seconds < 0 ? .min : .max) : product
  }

  /// Whole seconds, rounded down.
  @inlinable public var seconds: Int64 {
    let (quotient, remainder) = microseconds.quotientAndRemainder(dividingBy: 1_000_000)
    return remainder < 0 ? quotient - 1 : quotient
  }

  @inlinable public static func < (left: UnixTime, right: UnixTime) -> Bool { left.microseconds < right.microseconds }

  @inlinable public static func + (time: UnixTime, duration: Duration) -> UnixTime {
    let (seconds, attoseconds) = duration.components
    return time.adding(UnixTime(seconds: seconds).microseconds).adding(attoseconds / 1_000_000_000_000)
  }

  @inlinable public static func - (time: UnixTime, duration: Duration) -> UnixTime {
    let (seconds, attoseconds) = duration.components
    return time.adding(UnixTime(seconds: seconds == .min ? .max : -seconds).microseconds)
      .adding(-(attoseconds / 1_000_000_000_000))
  }

  @inlinable public static func - (left: UnixTime, right: UnixTime) -> Duration {
    let (difference, overflow) = left.microseconds.subtractingReportingOverflow(right.microseconds)
    return .microseconds(overflow ? (left.microseconds < 0 ? .min : .max) : difference)
  }

  @usableFromInline func adding(_ other: Int64) -> UnixTime {
    let (sum, overflow) = microseconds.addingReportingOverflow(other)
    return UnixTime(microseconds: overflow ? (other < 0 ? .min : .max) : sum)
  }

  /// The moment that a JSON number names, cut to whole microseconds; nil where it is out of range.
  ///
  /// - Parameter number: a number of the grammar of RFC 8259 §6.
  init?(jsonNumber number: Span<UInt8>) {
    guard let decimal = JSONDecimal(number), let magnitude = decimal.integer(scaledByPowerOfTen: 6) else { return nil }
    microseconds = decimal.isNegative ? -magnitude : magnitude
  }
}
