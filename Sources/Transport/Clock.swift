internal import Glibc

/// A moment of CLOCK_MONOTONIC, in nanoseconds. Durations and deadlines are measured with it and never with the wall clock.
public struct MonotonicTime: Comparable, Sendable {
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let distantFuture = MonotonicTime(nanoseconds: .max)

  @inlinable public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

  /// Saturates: a very long duration is never reached rather than an overflow.
  @inlinable public static func + (left: MonotonicTime, right: Duration) -> MonotonicTime {
    let (sum, overflow) = left.nanoseconds.addingReportingOverflow(right.wholeNanoseconds)
    return MonotonicTime(nanoseconds: overflow ? .max : sum)
  }

  @inlinable public func microseconds(since start: MonotonicTime) -> Int64 { (nanoseconds - start.nanoseconds) / 1_000 }
}

extension Duration {
  /// Saturates at about 292 years.
  @inlinable public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return carry ? .max : sum
  }
}

/// The one clock. A loop reads it once a turn; everything behind the loop is handed the value.
public enum Clock {
  public static func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: read(CLOCK_MONOTONIC)) }

  /// Nanoseconds since 1970-01-01T00:00:00Z without leap seconds.
  public static func unixNanoseconds() -> Int64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var value = timespec()
    unsafe clock_gettime(clock, &value)
    return Int64(value.tv_sec) &* 1_000_000_000 &+ Int64(value.tv_nsec)
  }
}
