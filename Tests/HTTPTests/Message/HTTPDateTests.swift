import HTTP
import Testing

@Suite struct HTTPDateTests {
  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 GMT"),
    (1_709_251_200, "Fri, 01 Mar 2024 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
    (1_796_083_199, "Mon, 30 Nov 2026 23:59:59 GMT"), (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
  ] as [(Int64, String)])
  func `a moment is written as an IMF-fixdate`(second: Int64, text: String) {
    var date = HTTPDate()
    #expect(String(decoding: date.text(unixSeconds: second), as: UTF8.self) == text)
    // The second time it is remembered.
    #expect(String(decoding: date.text(unixSeconds: second), as: UTF8.self) == text)
  }
}
