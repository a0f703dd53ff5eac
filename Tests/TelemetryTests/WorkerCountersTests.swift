import Testing

@testable import Telemetry

@Suite struct WorkerCountersTests {
  @Test func `copies of the workers add up`() {
    var first = WorkerCounters()
    first.count(.connectionsAccepted)
    first.count(.contentBytesSent, 10)
    first.finished(status: 204)
    first.refused(reason: 3)
    let snapshot = first
    first.count(.connectionsAccepted)
    var sum = WorkerCounters()
    sum.add(snapshot)
    sum.add(first)
    #expect(sum[.connectionsAccepted] == 3)
    #expect(sum[.contentBytesSent] == 20)
    #expect(sum.responses(statusClass: 2) == 2)
    #expect(sum.refusals(reason: 3) == 2)
  }

  @Test func `no number reaches outside the table`() {
    var counters = WorkerCounters()
    for status: UInt16 in [0, 99, 100, 599, 600, .max] { counters.finished(status: status) }
    for reason in [-1, 0, WorkerCounters.reasonCapacity, .max] { counters.refused(reason: reason) }
    for counter in WorkerCounters.Counter.allCases { counters.count(counter, .max) }
    #expect(counters.responses(statusClass: 5) == 3)
    #expect(counters.refusals(reason: 0) == 2)
    #expect(counters.refusals(reason: WorkerCounters.reasonCapacity - 1) == 2)
    #expect(counters.refusals(reason: 1000) == 0 && counters.responses(statusClass: -1) == 0)
  }
}
