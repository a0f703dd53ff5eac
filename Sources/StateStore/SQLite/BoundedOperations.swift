internal import Synchronization
internal import Transport

/// One database on a thread of its own: operations one after the other, each answered within a bound.
///
/// The thread may hang in fsync(2) for as long as the disk likes. Those who wait are therefore answered by the control
/// loop when their time is up; what has not begun by then never begins.
final class BoundedOperations: Sendable {
  private struct Operation: Sendable {
    var deadline: MonotonicTime
    var run: @Sendable (borrowing SQLiteDatabase) -> Void
    var giveUp: @Sendable () -> Void
  }

  private struct Queue: Sendable {
    var running: Operation?
    var waiting: [Operation] = []
  }

  /// An answer that is given once, by whoever is first.
  private final class Answer<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Result<Value, StateStoreError>, Never>?>

    init(_ continuation: CheckedContinuation<Result<Value, StateStoreError>, Never>) {
      self.continuation = Mutex(continuation)
    }

    func give(_ result: Result<Value, StateStoreError>) {
      continuation.withLock { $0.take() }?.resume(returning: result)
    }
  }

  private let database: Mutex<SQLiteDatabase>
  private let queue = Mutex(Queue())
  private let bound: Duration
  private let waitingCount: Int
  private let worker: LoopExecutor
  private let posted: Mailbox<Void>
  private let loop: LoopExecutor
  private let deadlines: Mailbox<Void>

  /// - Parameters:
  ///   - bound: of an operation, waiting included.
  ///   - waitingCount: operations beyond it are answered with `overloaded` at once.
  ///   - loop: watches the deadlines.
  init(
    on database: consuming sending SQLiteDatabase, bound: Duration, waitingCount: Int, deadlinesOn loop: LoopExecutor
  ) throws(Errno) {
    self.database = Mutex(database)
    self.bound = bound
    self.waitingCount = waitingCount
    self.loop = loop
    let worker = try LoopExecutor()
    self.worker = worker
    posted = try Mailbox()
    deadlines = try Mailbox()
    let posted = posted
    worker.attach(descriptor: posted.descriptor) { [weak self] in
      _ = posted.takeAll()
      self?.runWaiting()
      return nil
    }
    let deadlines = deadlines
    loop.attach(descriptor: deadlines.descriptor) { [weak self] in
      _ = deadlines.takeAll()
      return self?.giveUpOverdue(at: Clock.monotonic())
    }
    _ = try Thread(named: "state") { worker.run() }
  }

  deinit {
    loop.detach(descriptor: deadlines.descriptor)
    worker.stop()
  }

  nonisolated(nonsending) func perform<Value: Sendable>(
    _ body: @escaping @Sendable (borrowing SQLiteDatabase) throws(StateStoreError) -> Value
  ) async throws(StateStoreError) -> Value {
    let deadline = Clock.monotonic() + bound
    let result: Result<Value, StateStoreError> = await withCheckedContinuation { continuation in
      let answer = Answer(continuation)
      enqueue(
        Operation(deadline: deadline) { database in
          // Three quarters of what is left: the lock is given up, and nothing has happened, before the caller is.
          let left = deadline.nanoseconds - Clock.monotonic().nanoseconds
          database.waitForLocks(atMost: .nanoseconds(left / 4 * 3))
          do throws(StateStoreError) { answer.give(.success(try body(database))) } catch {
            answer.give(.failure(error))
          }
        } giveUp: {
          answer.give(.failure(.timedOut))
        },
        orElse: { answer.give(.failure(.overloaded)) })
    }
    return try result.get()
  }

  private func enqueue(_ operation: Operation, orElse refuse: () -> Void) {
    let isAccepted = queue.withLock { queue in
      guard queue.waiting.count < waitingCount else { return false }
      queue.waiting.append(operation)
      return true
    }
    guard isAccepted else { return refuse() }
    posted.post(())
    deadlines.post(())
  }

  private func runWaiting() {
    while let operation = next() {
      if operation.deadline <= Clock.monotonic() {
        operation.giveUp()
      } else {
        database.withLock { operation.run($0) }
      }
    }
  }

  private func next() -> Operation? {
    queue.withLock { queue in
      queue.running = queue.waiting.isEmpty ? nil : queue.waiting.removeFirst()
      return queue.running
    }
  }

  /// Returns the next deadline. All have the same bound, so the first in the queue is the first to be overdue.
  private func giveUpOverdue(at now: MonotonicTime) -> MonotonicTime? {
    var overdue: [Operation] = []
    let next = queue.withLock { queue -> MonotonicTime? in
      if let running = queue.running, running.deadline <= now {
        overdue.append(running)
        queue.running = nil
      }
      let count = queue.waiting.prefix { $0.deadline <= now }.count
      overdue += queue.waiting.prefix(count)
      queue.waiting.removeFirst(count)
      return queue.running?.deadline ?? queue.waiting.first?.deadline
    }
    for operation in overdue { operation.giveUp() }
    return next
  }
}
