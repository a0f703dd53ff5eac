public import StateStore
internal import Telemetry
internal import Transport

/// What is revoked, known in memory: read from the store, followed there, and published whenever it has changed. An
/// entry leaves when the tokens that it is about have expired.
public actor RevocationFeed {
  /// What is told to whoever decides by it.
  public typealias Publish = @Sendable ([RevocationInForce]) -> Void

  /// Entries that this process may add to. Beyond: `stateUnavailable`, so that memory is bounded (some 300 bytes each).
  public static let maximumCount = 262_144
  /// Between two looks for entries that have run out.
  static let forgettingPause = Duration.seconds(30)

  private let store: any StateStore
  private let log: EventLog
  private let executor: LoopExecutor
  private let now: @Sendable () -> StoredTime
  private let publish: Publish
  private var entries: [Revocation: RevocationInForce] = [:]
  private var isPublished = false
  private var failure: StateStoreError?

  init(
    store: any StateStore, log: EventLog, executor: LoopExecutor, now: @escaping @Sendable () -> StoredTime,
    publish: @escaping Publish
  ) {
    self.store = store
    self.log = log
    self.executor = executor
    self.now = now
    self.publish = publish
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  /// What keeps revocations of others from being heard; nil while all is well.
  public var trouble: String? { failure?.description ?? (isPublished ? nil : "nothing was heard yet") }

  /// Begins to follow the store.
  public nonisolated func start() {
    store.followRevocations(at: now) { [weak self, executor] news in
      Task(executorPreference: executor) { await self?.heard(news) }
    }
    Task(executorPreference: executor) { [weak self, executor] in
      while !executor.isStopping {
        await executor.sleep(for: Self.forgettingPause)
        guard let self else { return }
        await self.forget()
      }
    }
  }

  /// In force here on return, and on its way to all others.
  ///
  /// - Throws: `overloaded` beyond ``maximumCount``; and what the store throws: then nothing is in force.
  func revoke(_ revocations: [RevocationInForce]) async throws(StateStoreError) {
    forget()
    guard entries.count + revocations.count <= Self.maximumCount else { throw .overloaded }
    try await store.revoke(revocations, at: now())
    merge(revocations)
  }

  /// Whether sessions of that identity that began then are void.
  func isRevoked(issuer: String, subject: String, since moment: StoredTime) -> Bool {
    let key = Revocation.identity(issuer: issuer, subject: subject, issuedUntil: StoredTime(seconds: 0))
    guard case .identity(_, _, let until)? = entries[key]?.revocation else { return false }
    return moment <= until
  }

  private func heard(_ news: RevocationNews) {
    switch news {
    case .inForce(let entries):
      if failure != nil { log.info("revocations_heard_again") }
      failure = nil
      merge(entries)
    case .unheard(let error):
      if failure == nil { log.error("revocations_unheard", ["detail": .text(error.description)]) }
      failure = error
    }
  }

  private func merge(_ revocations: [RevocationInForce]) {
    var isChanged = !isPublished
    for entry in revocations {
      let key = entry.revocation.withoutMoment
      guard let known = entries[key] else {
        entries[key] = entry
        isChanged = true
        continue
      }
      let merged = known.extended(by: entry)
      if merged != known {
        entries[key] = merged
        isChanged = true
      }
    }
    guard isChanged else { return }
    isPublished = true
    publish(Array(entries.values))
  }

  private func forget() {
    let moment = now()
    let count = entries.count
    entries = entries.filter { $0.value.until >= moment }
    if entries.count != count, isPublished { publish(Array(entries.values)) }
  }
}

extension Revocation {
  /// Of an identity there is one entry, whatever its moment.
  fileprivate var withoutMoment: Revocation {
    guard case .identity(let issuer, let subject, _) = self else { return self }
    return .identity(issuer: issuer, subject: subject, issuedUntil: StoredTime(seconds: 0))
  }
}

extension RevocationInForce {
  fileprivate func extended(by other: RevocationInForce) -> RevocationInForce {
    var merged = self
    merged.until = max(until, other.until)
    if case .identity(_, _, let moment) = revocation, case .identity(let issuer, let subject, let later) = other.revocation {
      merged.revocation = .identity(issuer: issuer, subject: subject, issuedUntil: max(moment, later))
    }
    return merged
  }
}
