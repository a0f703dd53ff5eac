public import HTTPClient
public import JOSE
public import Telemetry
public import Transport

/// Keeps the keys of all issuers: performs what each issuer's ``KeyLifeCycle`` asks for, on the control loop, and
/// publishes immutable snapshots.
public actor KeyService {
  /// Bytes of a JWK Set, of metadata or of a file. Above: the fetch fails with `response_too_large`, a file's with
  /// `file_unreadable`.
  static let contentLimitBytes = 512 * 1024
  /// Keys of one issuer. Above: the fetch fails with `too_many_keys`.
  static let keyCountLimit = 100
  /// Of a whole fetch, metadata included. Above: it fails.
  static let fetchTimeout = Duration.seconds(5)
  /// Between two looks at a file.
  static let filePollInterval = Duration.seconds(5)

  /// What the service reaches outside itself.
  struct Surroundings: Sendable {
    var outbound: Outbound
    var now: @Sendable () -> MonotonicTime = { Clock.monotonic() }
    /// In 0..<1.
    var jitter: @Sendable () -> Double = { Double.random(in: 0..<1) }
    var read: @Sendable (String, Int) throws(Errno) -> [UInt8] = { path, limit throws(Errno) in
      try FileContent.read(path, limitBytes: limit)
    }
  }

  /// One issuer: its life cycle and what the life cycle does not hold.
  final class Entry {
    let issuer: Configuration.Issuer
    var lifeCycle: KeyLifeCycle
    var keys: [VerificationKey] = []
    var memory = KeyFetch.Memory()
    /// Of the last fetch that was started; what an earlier one brings is too late. No two fetches of the service have
    /// the same: an issuer that a new configuration begins anew never gets what was asked for under the old one.
    var fetchNumber = 0
    var fetch: Task<Void, Never>?
    var waiting: [@Sendable () -> Void] = []
    var fetchCounts: [String: Int] = [:]

    init(_ issuer: Configuration.Issuer) {
      self.issuer = issuer
      if case .fixed = issuer.source {
        lifeCycle = KeyLifeCycle(issuer.timing, isFetched: false)
      } else {
        lifeCycle = KeyLifeCycle(issuer.timing)
      }
    }
  }

  struct Need: Sendable {
    var issuer: String
    var keyID: String?
    var answer: @Sendable () -> Void
  }

  let executor: LoopExecutor
  let surroundings: Surroundings
  let log: EventLog
  let publish: @Sendable (KeySnapshot) -> Void
  private(set) var entries: [Entry]
  private let needs: Mailbox<Need>
  private(set) var isRunning = false
  private var lastFetchNumber = 0

  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  /// - Parameter publish: takes each snapshot, on the control loop's thread; the first one during ``start()``.
  /// - Throws: out of descriptors.
  public init(
    _ configuration: Configuration, executor: LoopExecutor, outbound: Outbound, log: EventLog,
    publish: @escaping @Sendable (KeySnapshot) -> Void
  ) throws(Errno) {
    try self.init(
      configuration, executor: executor, surroundings: Surroundings(outbound: outbound), log: log, publish: publish)
  }

  init(
    _ configuration: Configuration, executor: LoopExecutor, surroundings: Surroundings, log: EventLog,
    publish: @escaping @Sendable (KeySnapshot) -> Void
  ) throws(Errno) {
    self.executor = executor
    self.surroundings = surroundings
    self.log = log
    self.publish = publish
    needs = try Mailbox()
    entries = configuration.issuers.map { Entry($0) }
  }

  /// Publishes the keys that are there already and begins to fetch all others. Nothing of it fails: an issuer that is
  /// down is asked again.
  public func start() {
    guard !isRunning else { return }
    isRunning = true
    let now = surroundings.now()
    for entry in entries {
      if case .fixed(let keys) = entry.issuer.source, !keys.isEmpty {
        entry.keys = keys
        receive(.handedIn, entry, at: now)
      }
    }
    publishSnapshot()
    executor.attach(descriptor: needs.descriptor) { [weak self] in self?.assumeIsolated { $0.turn() } }
  }

  /// Ends all fetches and lets every request go that waits for one.
  public func stop() {
    guard isRunning else { return }
    isRunning = false
    executor.detach(descriptor: needs.descriptor)
    for entry in entries {
      forgetFetch(of: entry)
      release(entry)
    }
    for need in needs.takeAll() { need.answer() }
  }

  /// Another configuration: what an unchanged issuer has is kept, with the fetch that it waits for; the others begin
  /// anew, or are forgotten with those who wait for them. Publishes once.
  public func reconfigure(_ configuration: Configuration) {
    let before = entries
    entries = configuration.issuers.map { issuer in
      before.first { $0.issuer.isSame(as: issuer) } ?? Entry(issuer)
    }
    for entry in before where !entries.contains(where: { $0 === entry }) {
      forgetFetch(of: entry)
      release(entry)
    }
    guard isRunning else { return }
    let now = surroundings.now()
    for entry in entries where entry.keys.isEmpty {
      guard case .fixed(let keys) = entry.issuer.source, !keys.isEmpty else { continue }
      entry.keys = keys
      receive(.handedIn, entry, at: now)
    }
    publishSnapshot()
    // The loop asks ``turn()`` again after this job, and that begins the fetches of the new ones.
  }

  /// New keys of an issuer whose source is ``Configuration/Source/fixed(_:)``; published at once.
  public func handIn(_ keys: [VerificationKey], issuer: String) {
    guard let entry = entry(issuer), case .fixed = entry.issuer.source else { return }
    replaceKeys(of: entry, keys, passedOverCount: 0)
    receive(.handedIn, entry, at: surroundings.now())
  }

  func nextFetchNumber() -> Int {
    lastFetchNumber += 1
    return lastFetchNumber
  }

  func entry(_ issuer: String) -> Entry? {
    entries.first { $0.issuer.issuer.utf8.elementsEqual(issuer.utf8) }
  }

  /// Called on any thread for a request whose token names a key that the caller's snapshot lacks.
  ///
  /// - Parameters:
  ///   - keyID: `kid`; nil: the token has none, or the snapshot has no keys of the issuer at all.
  ///   - answer: called once on the control loop's thread, which it must not hold up: at once where no fetch would help
  ///     or none is due, else when the fetch has ended, well or not. What was found has been published before.
  public nonisolated func needKeys(issuer: String, keyID: String?, _ answer: @escaping @Sendable () -> Void) {
    needs.post(Need(issuer: issuer, keyID: keyID, answer: answer))
  }

  /// As ``needKeys(issuer:keyID:_:)``.
  public func needKeys(issuer: String, keyID: String?) async {
    await withCheckedContinuation { continuation in
      need(Need(issuer: issuer, keyID: keyID) { continuation.resume() })
    }
  }

  /// In the order of the configuration.
  public func status() -> [IssuerStatus] {
    let now = surroundings.now()
    return entries.map { entry in
      IssuerStatus(
        issuer: entry.issuer.issuer, state: entry.lifeCycle.state, keyCount: entry.keys.count,
        age: entry.lifeCycle.confirmedAt.map { .nanoseconds(now.nanoseconds - $0.nanoseconds) },
        failure: entry.lifeCycle.lastFailure, failureCount: entry.lifeCycle.failureCount,
        retryAfter: entry.lifeCycle.retryAfter(now), fetchCounts: entry.fetchCounts)
    }
  }

  /// What is due now: requests that need keys, fetches, keys that have become too old. Answers when it is next to be
  /// called.
  func turn() -> MonotonicTime? {
    guard isRunning else { return nil }
    for need in needs.takeAll() { self.need(need) }
    let now = surroundings.now()
    var next = MonotonicTime.distantFuture
    for entry in entries {
      if entry.lifeCycle.nextEventAt <= now { receive(.timeReached, entry, at: now) }
      next = min(next, entry.lifeCycle.nextEventAt)
    }
    return next
  }

  private func need(_ need: Need) {
    guard isRunning, let entry = entry(need.issuer) else { return need.answer() }
    // The caller's snapshot was older than ours.
    if let keyID = need.keyID, entry.keys.contains(where: { $0.isNamed(keyID) }) { return need.answer() }
    let now = surroundings.now()
    let actions = entry.lifeCycle.receive(.needed(keyID: need.keyID.map { Array($0.utf8) }), at: now, jitter: 0)
    guard actions.contains(.wait) else { return need.answer() }
    entry.waiting.append(need.answer)
    perform(actions, entry)
  }
}
