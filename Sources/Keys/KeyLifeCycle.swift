internal import Transport

/// The life of one issuer's keys: what happened and when goes in, what to do comes out. It reads no clock, does no I/O
/// and holds no key; `jitter` is a random number in 0..<1.
///
/// ```
///           fetched                    keptUntil                      fetched
/// waiting ──────────▶ usable (fresh ─▶ stale) ──────────▶ tooOld ──────────────▶ usable
/// ```
/// In each state at most one fetch runs; the next is due at `nextFetchAt`, or at once when a request needs keys.
struct KeyLifeCycle: ~Copyable {
  enum Event {
    /// The moment `nextEventAt` has come.
    case timeReached
    /// A request needs a key that is not there: the one with this ID, or any at all (nil).
    case needed(keyID: [UInt8]?)
    /// The running fetch brought keys, or word that they are unchanged. `freshness`: what the answer said, unbounded.
    case fetched(freshness: Duration?)
    case failed(KeyFetchFailure)
    /// The keys of an issuer that is not fetched have come.
    case handedIn
  }

  struct Actions: OptionSet, Equatable {
    let rawValue: UInt8
    /// Start a fetch; its end is to be told by `fetched` or `failed`.
    static let fetch = Actions(rawValue: 1)
    /// Forget the running fetch: whatever it still brings is too late.
    static let abandonFetch = Actions(rawValue: 2)
    /// Drop the keys, publish that there are none, and tell the operator.
    static let dropKeys = Actions(rawValue: 4)
    /// The requests that wait for the fetch are to go on.
    static let releaseWaiting = Actions(rawValue: 8)
    /// The request is to wait for the running fetch. Without it: it goes on with what there is.
    static let wait = Actions(rawValue: 16)
    /// Tell the operator: fetching has begun to fail, or fails in another way.
    static let reportFailure = Actions(rawValue: 32)
    /// Tell the operator: fetching succeeds again.
    static let reportRecovery = Actions(rawValue: 64)
  }

  let timing: KeyTiming
  private(set) var state = IssuerStatus.State.waiting
  /// When an answer last confirmed the keys.
  private(set) var confirmedAt: MonotonicTime?
  /// Of the failures since the last success.
  private(set) var failureCount = 0
  private(set) var lastFailure: KeyFetchFailure?

  private var freshUntil = MonotonicTime.distantPast
  private var keptUntil = MonotonicTime.distantFuture
  private var nextFetchAt = MonotonicTime.distantPast
  /// When the running fetch is given up; nil: none runs.
  private var fetchEndsAt: MonotonicTime?
  /// When requests may again cause a fetch, and when they last did.
  private var nextDemandAt = MonotonicTime.distantPast
  private var lastDemandAt = MonotonicTime.distantPast
  private var absent = AbsentKeyIDs()
  /// Asked for while the running fetch runs, or causing it.
  private var asked: [[UInt8]] = []

  /// - Parameter isFetched: false for keys that are handed in: nothing ever happens of itself, nor on demand.
  init(_ timing: KeyTiming, isFetched: Bool = true) {
    self.timing = timing
    guard !isFetched else { return }
    nextFetchAt = .distantFuture
    nextDemandAt = .distantFuture
  }

  var isFetching: Bool { fetchEndsAt != nil }

  /// When `timeReached` is next to be told.
  var nextEventAt: MonotonicTime {
    min(fetchEndsAt ?? nextFetchAt, state == .usable ? keptUntil : .distantFuture)
  }

  /// How long a client that was refused for want of keys does well to wait.
  func retryAfter(_ now: MonotonicTime) -> Duration {
    if isFetching { return .seconds(1) }
    let next = max(min(nextFetchAt, nextDemandAt), now)
    return max(.seconds(1), .nanoseconds(next.nanoseconds &- now.nanoseconds))
  }

  mutating func receive(_ event: Event, at now: MonotonicTime, jitter: Double) -> Actions {
    switch event {
    case .timeReached: timeReached(now, jitter)
    case .needed(let keyID): needed(keyID, now)
    case .fetched(let freshness): fetched(timing.freshness(asked: freshness), now, jitter)
    case .failed(let failure): failed(failure, now, jitter)
    case .handedIn: handedIn(now)
    }
  }

  private mutating func timeReached(_ now: MonotonicTime, _ jitter: Double) -> Actions {
    var actions: Actions = []
    if let fetchEndsAt, fetchEndsAt <= now {
      actions.formUnion(failed(.unfinished, now, jitter))
      actions.insert(.abandonFetch)
    }
    if state == .usable, keptUntil <= now {
      state = .tooOld
      actions.insert(.dropKeys)
    }
    if !isFetching, nextFetchAt <= now { actions.formUnion(startFetch(now)) }
    return actions
  }

  private mutating func needed(_ keyID: [UInt8]?, _ now: MonotonicTime) -> Actions {
    if state == .usable {
      guard let keyID, !absent.contains(keyID, at: now) else { return [] }
    }
    if !isFetching, now < nextDemandAt { return [] }
    if let keyID, keyID.count <= AbsentKeyIDs.keyIDLimitBytes, asked.count < AbsentKeyIDs.countLimit,
      !asked.contains(keyID)
    {
      asked.append(keyID)
    }
    if isFetching { return .wait }
    // One that is due anyway, such as the first, is no request's doing.
    if nextFetchAt > now {
      nextDemandAt = lastDemandAt + timing.demandInterval
      lastDemandAt = now
    }
    return startFetch(now).union(.wait)
  }

  private mutating func startFetch(_ now: MonotonicTime) -> Actions {
    fetchEndsAt = now + timing.fetchLimit
    return .fetch
  }

  private mutating func fetched(_ freshness: Duration, _ now: MonotonicTime, _ jitter: Double) -> Actions {
    guard isFetching else { return [] }
    var actions = Actions.releaseWaiting
    if lastFailure != nil { actions.insert(.reportRecovery) }
    fetchEndsAt = nil
    state = .usable
    failureCount = 0
    lastFailure = nil
    confirmedAt = now
    freshUntil = now + freshness
    keptUntil = freshUntil + timing.keepWhenUnreachable
    nextFetchAt = now + timing.refreshDelay(freshness: freshness, jitter: jitter)
    absent.insert(asked, until: now + timing.absence, now: now)
    asked.removeAll()
    return actions
  }

  private mutating func handedIn(_ now: MonotonicTime) -> Actions {
    state = .usable
    confirmedAt = now
    return .releaseWaiting
  }

  private mutating func failed(_ failure: KeyFetchFailure, _ now: MonotonicTime, _ jitter: Double) -> Actions {
    guard isFetching else { return [] }
    var actions = Actions.releaseWaiting
    if failure.label != lastFailure?.label { actions.insert(.reportFailure) }
    fetchEndsAt = nil
    failureCount = min(failureCount, Int.max - 1) + 1
    lastFailure = failure
    let isFresh = state == .usable && now < freshUntil
    nextFetchAt = now + timing.retryDelay(failureCount: failureCount, isFresh: isFresh, jitter: jitter)
    // Not remembered as absent: the issuer has not been heard.
    asked.removeAll()
    return actions
  }
}

extension MonotonicTime {
  static let distantPast = MonotonicTime(nanoseconds: .min)
}
