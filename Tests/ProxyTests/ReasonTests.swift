import Gate
import Login
import Proxy
import Telemetry
import Testing

/// The one table of reasons.
@Suite struct ReasonTests {
  @Test(arguments: Denial.allCases)
  func `a denial of the Gate keeps its name and status`(_ denial: Denial) {
    #expect(Reason(denial).rawValue == denial.rawValue)
    #expect(Reason(denial).answer.status == denial.status)
    #expect(Reason(denial).answer.grpcStatus == denial.grpcStatus)
  }

  @Test(arguments: LoginReason.allCases)
  func `a reason of Login keeps its name and status`(_ reason: LoginReason) {
    #expect(Reason(reason).rawValue == reason.rawValue)
    #expect(Reason(reason).answer.status == reason.status)
  }

  @Test func `reasons are numbered densely and fit the counters`() {
    #expect(Reason.allCases.map(\.number) == Array(Reason.allCases.indices))
    #expect(Reason.allCases.count <= WorkerCounters.reasonCapacity)
  }

  /// The statuses of behaviour section 2 and their gRPC statuses.
  static let grpc: [UInt16: UInt8] = [
    400: 13, 401: 16, 403: 7, 404: 5, 405: 12, 408: 4, 413: 8, 414: 8, 415: 3, 417: 8, 429: 8, 431: 8, 499: 1, 500: 13,
    502: 14, 503: 14, 504: 4,
  ]

  @Test(arguments: Reason.allCases)
  func `a reason's gRPC status is that of its HTTP status`(_ reason: Reason) {
    #expect(Self.grpc[reason.answer.status] == reason.answer.grpcStatus)
  }
}
