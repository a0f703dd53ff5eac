/// The `Date` of messages (RFC 9110 §5.6.7, §6.6.1), written once a second.
public struct HTTPDate: Sendable {
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private var second = Int64.min
  private var text: [UInt8] = []

  public init() {}

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, for moments since 1970.
  public mutating func text(unixSeconds: Int64) -> [UInt8] {
    if unixSeconds != second {
      second = unixSeconds
      text = Self.text(of: max(0, unixSeconds))
    }
    return text
  }

  private static func text(of second: Int64) -> [UInt8] {
    let day = Int(second / 86_400)
    let secondOfDay = Int(second % 86_400)
    // Years are counted from March, so that a leap day comes last in its own.
    let era = (day + 719_468) / 146_097
    let dayOfEra = (day + 719_468) % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 2 : shifted - 10
    let year = era * 400 + yearOfEra + (month <= 1 ? 1 : 0)
    let dayOfMonth = dayOfYear - (153 * shifted + 2) / 5 + 1
    let clock = [secondOfDay / 3600, secondOfDay / 60 % 60, secondOfDay % 60].map(twoDigits).joined(separator: ":")
    return Array("\(days[day % 7]), \(twoDigits(dayOfMonth)) \(months[month]) \(year) \(clock) GMT".utf8)
  }

  private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
