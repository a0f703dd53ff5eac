import Glibc

/// A moment of the wall clock in UTC, as the logs write it: RFC 3339 with milliseconds.
public struct Timestamp: Sendable, Equatable, Comparable {
  public var unixMilliseconds: Int64

  @inlinable public init(unixMilliseconds: Int64) {
    self.unixMilliseconds = unixMilliseconds
  }

  /// Reads the system's clock. Loops read theirs once a turn and pass it on.
  public static func now() -> Timestamp {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(unixMilliseconds: Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000)
  }

  @inlinable public static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.unixMilliseconds < right.unixMilliseconds
  }
}

/// Writes timestamps; the date and time of day are computed once a second.
struct TimestampFormatter: Sendable {
  static let byteCount = 24
  private var second = Int64.min
  private var digits = InlineArray<19, UInt8>(repeating: 0x30)

  /// Appends `2026-01-02T03:04:05.678Z`. Moments outside the years 0000 to 9999 are clamped (RFC 3339 §5.6).
  mutating func append(_ moment: Timestamp, to output: inout OutputSpan<UInt8>) {
    let bounded = min(max(moment.unixMilliseconds, -62_167_219_200_000), 253_402_300_799_999)
    let newSecond = floorDivide(bounded, 1000)
    if newSecond != second { compute(newSecond) }
    for index in digits.indices { output.append(digits[index]) }
    let millisecond = Int(bounded - newSecond * 1000)
    output.append(0x2E)
    output.append(digit(millisecond / 100))
    output.append(digit(millisecond / 10 % 10))
    output.append(digit(millisecond % 10))
    output.append(0x5A)
  }

  private mutating func compute(_ newSecond: Int64) {
    second = newSecond
    let day = floorDivide(newSecond, 86_400)
    let secondOfDay = Int(newSecond - day * 86_400)
    // Days to a civil date by counting in eras of 400 years that begin on 1 March, so that leap days come last.
    let shifted = Int(day) + 719_468
    let era = Int(floorDivide(Int64(shifted), 146_097))
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    set(0, year / 100)
    set(2, year % 100)
    digits[4] = 0x2D
    set(5, month)
    digits[7] = 0x2D
    set(8, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    digits[10] = 0x54
    set(11, secondOfDay / 3600)
    digits[13] = 0x3A
    set(14, secondOfDay / 60 % 60)
    digits[16] = 0x3A
    set(17, secondOfDay % 60)
  }

  private mutating func set(_ index: Int, _ twoDigits: Int) {
    digits[index] = digit(twoDigits / 10)
    digits[index + 1] = digit(twoDigits % 10)
  }

  private func digit(_ value: Int) -> UInt8 { UInt8(truncatingIfNeeded: 0x30 &+ value) }
}

private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
  let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
  return remainder < 0 ? quotient - 1 : quotient
}
