public import StateStore
internal import Telemetry
internal import Transport

/// What has changed among the revocations in force.
public struct RevocationChange: Equatable, Sendable {
  /// New ones, and those that were extended.
  public var inForce: [RevocationInForce] = []
  /// Those that are about nothing any more; of identities the moment does not matter.
  public var expired: [Revocation] = []
  /// Nothing else is in force: the first that is heard. Before that nobody can say what is in force.
  public var isWhole = false
}

/// What is revoked, known in memory: read from the store, followed there, and told on as it changes. An entry leaves
/// when the tokens that it is about have expired.
public actor RevocationFeed {
  /// What is told to whoever decides by it.
  public typealias Publish = @Sendable (RevocationChange) -> Void

  /// Entries that this process may add to. Beyond: `stateUnavailable`, so that memory is bounded (some 600 bytes each).
  public static let maximumCount = 262_144
  /// Between two looks for entries that have run out, and between two of many.
  static let forgettingPause = Duration.seconds(30)
  private static let shortPause = Duration.milliseconds(200)
  /// Entries that leave at once, so that the loop turns on.
  static let forgettingCount = 4096

  private let store: any StateStore
  private let log: EventLog
  private let executor: LoopExecutor
  private let now: @Sendable () -> StoredTime
  private let publish: Publish
  private var entries = RevocationTable()
  /// The store has said what is in force.
  private var isHeard = false
  /// When it was looked last for entries that have run out.
  private var forgotAt = StoredTime(seconds: 0)
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
  public var trouble: String? { failure?.description ?? (isHeard ? nil : "nothing was heard yet") }

  /// Begins to follow the store.
  public nonisolated func start() {
    store.followRevocations(at: now) { [weak self, executor] news in
      Task(executorPreference: executor) { await self?.heard(news) }
    }
    Task(executorPreference: executor) { [weak self, executor] in
      var pause = Self.forgettingPause
      while !executor.isStopping {
        await executor.sleep(for: pause)
        guard let self else { return }
        pause = await self.forget() ? Self.shortPause : Self.forgettingPause
      }
    }
  }

  /// In force here on return, and on its way to all others.
  ///
  /// - Throws: `overloaded` beyond ``maximumCount``; and what the store throws: then nothing is in force.
  func revoke(_ revocations: [RevocationInForce]) async throws(StateStoreError) {
    if entries.count + revocations.count > Self.maximumCount, forgotAt < now() { _ = forget() }
    guard entries.count + revocations.count <= Self.maximumCount else { throw .overloaded }
    try await store.revoke(revocations, at: now())
    add(revocations)
  }

  /// Up to when all that the identity was issued is void; nil if nothing is.
  func revokedUntil(issuer: String, subject: String) -> StoredTime? {
    let key = Revocation.identity(issuer: issuer, subject: subject, issuedUntil: StoredTime(seconds: 0))
    guard case .identity(_, _, let moment)? = entries[key]?.revocation else { return nil }
    return moment
  }

  private func heard(_ news: RevocationNews) {
    switch news {
    case .inForce(let entries):
      if failure != nil { log.info("revocations_heard_again") }
      failure = nil
      hear(entries)
    case .added(let entries): add(entries)
    case .unheard(let error):
      if failure == nil { log.error("revocations_unheard", ["detail": .text(error.description)]) }
      failure = error
    }
  }

  private func add(_ revocations: [RevocationInForce]) {
    let change = merge(revocations)
    if !change.inForce.isEmpty { publish(change) }
  }

  private func hear(_ revocations: [RevocationInForce]) {
    var change = merge(revocations)
    if !isHeard {
      isHeard = true
      // With what was revoked here before.
      change = RevocationChange(inForce: entries.all, isWhole: true)
    }
    if change.isWhole || !change.inForce.isEmpty { publish(change) }
  }

  private func merge(_ revocations: [RevocationInForce]) -> RevocationChange {
    var change = RevocationChange()
    for entry in revocations {
      let key = entry.revocation.withoutMoment
      let merged = entries[key]?.extended(by: entry) ?? entry
      guard entries.update(key, to: merged) != merged else { continue }
      change.inForce.append(merged)
    }
    return change
  }

  /// - Returns: whether there may be more.
  func forget() -> Bool {
    let moment = now()
    forgotAt = moment
    let expired = entries.removeSome(before: moment, atMost: Self.forgettingCount)
    if !expired.isEmpty { publish(RevocationChange(expired: expired)) }
    return expired.count >= Self.forgettingCount
  }
}

/// A dictionary that grows in small parts: one of a quarter of a million entries would stop the loop each time that it doubles.
private struct RevocationTable {
  /// A power of two.
  private static let partCount = 256
  private var parts = [[Revocation: RevocationInForce]](repeating: [:], count: partCount)
  private(set) var count = 0

  private func index(of key: Revocation) -> Int { key.hashValue & (Self.partCount - 1) }

  var all: [RevocationInForce] { parts.flatMap(\.values) }

  subscript(key: Revocation) -> RevocationInForce? { parts[index(of: key)][key] }

  /// - Returns: what was there before.
  mutating func update(_ key: Revocation, to entry: RevocationInForce) -> RevocationInForce? {
    let old = parts[index(of: key)].updateValue(entry, forKey: key)
    if old == nil { count += 1 }
    return old
  }

  /// The keys of entries that have run out, which are gone now; of many, those of some parts.
  mutating func removeSome(before moment: StoredTime, atMost limit: Int) -> [Revocation] {
    var keys: [Revocation] = []
    for number in parts.indices where keys.count < limit {
      let expired = parts[number].filter { $0.value.until < moment }.map(\.key)
      for key in expired { parts[number][key] = nil }
      keys += expired
    }
    count -= keys.count
    return keys
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
