@testable import Sidecar
import Testing

@Suite struct CPUQuotaTests {
  @Test(arguments: [
    ("200000 100000\n", 2), ("150000 100000\n", 2), ("10000 100000\n", 1), ("max 100000\n", nil), ("", nil), ("1 0\n", nil),
    ("abc def\n", nil),
  ] as [(String, Int?)])
  func `a quota is rounded up to whole workers`(_ content: String, _ expected: Int?) {
    #expect(CPUQuota.quota(in: Array(content.utf8)) == expected)
  }
}
