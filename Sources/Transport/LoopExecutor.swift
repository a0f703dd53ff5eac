internal import CLinux
internal import Glibc
internal import Synchronization

/// The control loop: one thread that runs the slow flows. Actors name it as their executor; each may bring an
/// ``EventLoop`` of its own, which is turned on this thread when it has something to do.
///
/// Nothing here uses the global concurrent pool: no `Task.sleep`, no detached tasks. A task of a slow flow is started with
/// `Task(executorPreference: executor)`: without the preference each resumed continuation and each call of a function
/// without isolation takes its way through the global pool, and so starts its threads, even from an actor of this executor.
public final class LoopExecutor: SerialExecutor, TaskExecutor {
  /// Turns a loop without waiting and says when it next wants to be turned.
  public typealias Turn = @Sendable () -> MonotonicTime?

  private struct Source {
    var descriptor: CInt
    var turn: Turn
  }

  private struct Sleeper {
    var deadline: MonotonicTime
    var continuation: CheckedContinuation<Void, Never>
  }

  private struct State {
    var jobs: [UnownedJob] = []
    var sources: [Source] = []
    var sleepers: [Sleeper] = []
    var thread: pthread_t?
    var isStopping = false
  }

  private let state = Mutex(State())
  private let wakeUp: WakeUp

  public init() throws(Errno) { wakeUp = try WakeUp() }

  public func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    state.withLock { $0.jobs.append(job) }
    wakeUp.send()
  }

  public func checkIsolated() {
    precondition(isCurrent, "not on the control loop")
  }

  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  private var isCurrent: Bool {
    guard let thread = state.withLock({ $0.thread }) else { return false }
    return pthread_equal(thread, pthread_self()) != 0
  }

  /// Adds a loop to wait on. `turn` is called on the control loop's thread whenever `descriptor` is readable, when the
  /// moment that it returned has come, and once right away.
  public func attach(descriptor: CInt, _ turn: @escaping Turn) {
    state.withLock { $0.sources.append(Source(descriptor: descriptor, turn: turn)) }
    wakeUp.send()
  }

  public func detach(descriptor: CInt) {
    state.withLock { state in state.sources.removeAll { $0.descriptor == descriptor } }
    wakeUp.send()
  }

  /// Suspends without a thread of the global pool.
  public func sleep(for duration: Duration) async {
    let deadline = Clock.monotonic() + duration
    await withCheckedContinuation { continuation in
      let isOver = state.withLock { state in
        if state.isStopping { return true }
        state.sleepers.append(Sleeper(deadline: deadline, continuation: continuation))
        return false
      }
      if isOver { continuation.resume() } else { wakeUp.send() }
    }
  }

  /// Ends ``run()`` once no job is left; sleepers wake at once. Jobs that come after that are never run: stop a loop last.
  public func stop() {
    state.withLock { $0.isStopping = true }
    wakeUp.send()
  }

  /// ``stop()`` was called: what repeats itself must end, for nobody sleeps any more.
  public var isStopping: Bool { state.withLock { $0.isStopping } }

  /// Runs on the calling thread until ``stop()``.
  public func run() {
    state.withLock { $0.thread = pthread_self() }
    while true {
      wakeUp.clear()
      var jobs: [UnownedJob] = []
      var sources: [Source] = []
      var isStopping = false
      state.withLock { state in
        swap(&jobs, &state.jobs)
        sources = state.sources
        isStopping = state.isStopping
      }
      for job in jobs {
        unsafe job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
      }
      if isStopping {
        wakeSleepers(all: true)
        if endsNow() { return }
        continue
      }

      var deadline = MonotonicTime.distantFuture
      for source in sources {
        if let next = source.turn() { deadline = min(deadline, next) }
      }
      deadline = min(deadline, wakeSleepers())
      wait(until: deadline, sources)
    }
  }

  /// Whether nothing is left; then the thread is given up in the same breath.
  private func endsNow() -> Bool {
    state.withLock { state in
      guard state.jobs.isEmpty, state.sleepers.isEmpty else { return false }
      state.thread = nil
      return true
    }
  }

  @discardableResult
  private func wakeSleepers(all: Bool = false) -> MonotonicTime {
    let now = all ? .distantFuture : Clock.monotonic()
    var due: [Sleeper] = []
    let next = state.withLock { state in
      due = state.sleepers.filter { $0.deadline <= now }
      state.sleepers.removeAll { $0.deadline <= now }
      return state.sleepers.map(\.deadline).min() ?? .distantFuture
    }
    for sleeper in due { sleeper.continuation.resume() }
    return next
  }

  private func wait(until deadline: MonotonicTime, _ sources: [Source]) {
    var polled = sources.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    polled.append(pollfd(fd: wakeUp.descriptor, events: Int16(POLLIN), revents: 0))
    var milliseconds: CInt = -1
    if deadline != .distantFuture {
      let left = max(0, deadline.nanoseconds - Clock.monotonic().nanoseconds)
      milliseconds = CInt(min(left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1), 3_600_000))
    }
    _ = unsafe polled.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, nfds_t($0.count), milliseconds) }
  }
}
