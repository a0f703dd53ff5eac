import Synchronization
import Transport

/// What every worker is asked for probes, metrics and operators. Each answers from its own loop; one that does not answer in
/// time is done without.
extension ControlLoop {
  /// What all workers have counted. One that does not answer counts as it did the last time: counters never go backwards.
  func report(within limit: Duration) async -> WorkerReport {
    let answered = Gathered<Void>()
    await ask(answered, within: limit) { number in
      .report { [weak self] report in
        self?.state.withLock { $0.reports[number] = report }
        answered.add(())
      }
    }
    var sum = WorkerReport()
    for report in state.withLock({ $0.reports.values }) { sum.add(report) }
    return sum
  }

  /// - Parameter limit: connections of each worker.
  func connections(limit: Int, within time: Duration) async -> [WorkerConnections] {
    let answered = Gathered<WorkerConnections>()
    await ask(answered, within: time) { _ in .listConnections(limit: limit) { answered.add($0) } }
    return answered.values.sorted { $0.number < $1.number }
  }

  /// Whether every worker's loop turns within `limit`.
  func loopsTurn(within limit: Duration) async -> Bool {
    let answered = Gathered<Void>()
    await ask(answered, within: limit) { _ in .ping { answered.add(()) } }
    return answered.count == mailboxes.count
  }

  private func ask<Answer>(
    _ answers: Gathered<Answer>, within limit: Duration, _ question: (Int) -> WorkerMessage
  ) async {
    for (number, mailbox) in mailboxes.enumerated() { mailbox.post(question(number)) }
    let end = Clock.monotonic() + limit
    while answers.count < mailboxes.count, Clock.monotonic() < end { await executor.sleep(for: .milliseconds(1)) }
  }
}

/// Answers that come from several threads.
private final class Gathered<Answer: Sendable>: Sendable {
  private let answers = Mutex<[Answer]>([])
  func add(_ answer: Answer) { answers.withLock { $0.append(answer) } }
  var values: [Answer] { answers.withLock { $0 } }
  var count: Int { answers.withLock { $0.count } }
}
