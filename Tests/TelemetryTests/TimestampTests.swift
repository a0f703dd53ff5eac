import Foundation
import Testing

@testable import Telemetry

@Suite struct TimestampTests {
  private func text(_ unixMilliseconds: Int64, _ formatter: inout TimestampFormatter) -> String {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: TimestampFormatter.byteCount) { output in
      formatter.append(Timestamp(unixMilliseconds: unixMilliseconds), to: &output)
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test func `moments read as Foundation writes them, also when the formatter is used again`() {
    let oracle = ISO8601DateFormatter()
    oracle.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
    var formatter = TimestampFormatter()
    var random = SystemRandomNumberGenerator()
    var moments: [Int64] = [0, 999, 1000, 951_782_399_999, 951_782_400_000, 4_107_542_400_000, -1, -86_400_001]
    for _ in 0..<2000 { moments.append(Int64.random(in: -2_000_000_000_000...8_000_000_000_000, using: &random)) }
    for moment in moments {
      let date = Date(timeIntervalSince1970: Double(moment) / 1000)
      #expect(text(moment, &formatter) == oracle.string(from: date), "\(moment)")
    }
  }

  @Test(arguments: [(Int64.min, "0000-01-01T00:00:00.000Z"), (.max, "9999-12-31T23:59:59.999Z")])
  func `moments that RFC 3339 cannot write are clamped`(moment: Int64, expected: String) {
    var formatter = TimestampFormatter()
    #expect(text(moment, &formatter) == expected)
  }

  @Test func `the system's clock is read in milliseconds`() {
    let before = Int64(Date().timeIntervalSince1970 * 1000) - 2
    let now = Timestamp.now().unixMilliseconds
    #expect(now >= before && now <= before + 60_000)
  }
}
