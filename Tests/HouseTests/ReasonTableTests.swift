import Foundation
import Proxy
import Testing

/// The README's table of reasons is the code's.
@Suite struct ReasonTableTests {
  struct Row: Hashable {
    var status: String
    var grpcStatus: String
    var reason: String
  }

  private func rows() throws -> [[String]] {
    try Project.rows(of: "README.md", columnCount: 4).filter { row in
      UInt16(row[0]) != nil && UInt8(row[1]) != nil && Project.quoted(row[2]).count == 1
    }
  }

  @Test func `the README names every reason once, with the status that the code gives it`() throws {
    let written = try rows().map { Row(status: $0[0], grpcStatus: $0[1], reason: Project.quoted($0[2])[0]) }
    let meant = Reason.allCases.map {
      Row(status: "\($0.answer.status)", grpcStatus: "\($0.answer.grpcStatus)", reason: $0.rawValue)
    }
    #expect(written.count == Set(written).count)
    #expect(Set(meant).subtracting(written) == [], "missing in the README")
    #expect(Set(written).subtracting(meant) == [], "only in the README")
  }

  @Test func `every reason of the README has a meaning`() throws {
    #expect(try rows().allSatisfy { !$0[3].isEmpty })
  }
}
