public import HTTPClient
public import JOSE
internal import OpenSSL
public import StateStore
public import Telemetry
public import Transport

/// Our own endpoints: one actor on the control loop. Each call is bounded in time by Corbado's timeout, the store's bound
/// and those of the services asked about a user; in number by the configuration.
public actor LoginEndpoints {
  private(set) var configuration: Configuration
  let store: any StateStore
  let log: EventLog
  private(set) var corbado: CorbadoBackend
  let outbound: Outbound
  let now: @Sendable () -> UnixTime
  let monotonic: @Sendable () -> MonotonicTime
  /// Corbado's own keys, where signed passkey data are checked here as well.
  private(set) var passkeyDataKeys: PasskeyDataKeys?
  /// What was asked of Corbado and of the store, for metrics.
  public nonisolated let meters = LoginMeters()
  /// What is revoked. To be started by whoever serves.
  public nonisolated let revocations: RevocationFeed
  let executor: LoopExecutor
  private var keys: SigningKeys?
  private var budget: CallBudget
  /// Of refreshes, which must not take Corbado's calls from those who sign in.
  private var refreshBudget: CallBudget
  var attempts: LoginAttempts
  /// Refreshes that were refused: clients behind one address may refresh as often as they have tokens.
  var refusedRefreshes: LoginAttempts
  var directoryAnswers = DirectoryAnswers()
  /// Passkey data that a running call holds: of two with the same, the second is refused at once.
  private var reserved: Set<PasskeyDataDigest> = []

  /// - Parameters:
  ///   - executor: the control loop.
  ///   - passkeyDataKeys: nil: Corbado alone checks signatures.
  ///   - publishRevocations: called on the control loop with all that are in force, whenever they have changed.
  ///   - now: the wall clock.
  public init(
    _ configuration: Configuration, store: any StateStore, outbound: Outbound, log: EventLog, executor: LoopExecutor,
    passkeyDataKeys: PasskeyDataKeys? = nil, publishRevocations: @escaping RevocationFeed.Publish = { _ in },
    now: @escaping @Sendable () -> UnixTime = { UnixTime(microseconds: Clock.unixNanoseconds() / 1000) },
    monotonic: @escaping @Sendable () -> MonotonicTime = { Clock.monotonic() }
  ) {
    self.configuration = configuration
    self.outbound = outbound
    self.store = store
    self.log = log
    self.executor = executor
    self.passkeyDataKeys = passkeyDataKeys
    self.now = now
    revocations = RevocationFeed(
      store: store, log: log, executor: executor, now: { StoredTime(now()) }, publish: publishRevocations)
    self.monotonic = monotonic
    budget = CallBudget(
      maximumInFlightCount: configuration.corbado.maximumInFlightCount,
      perSecondCount: configuration.corbado.maximumPerSecondCount)
    refreshBudget = budget
    attempts = LoginAttempts(perMinute: configuration.loginAttemptsPerMinute)
    refusedRefreshes = attempts
    corbado = CorbadoBackend(
      configuration: configuration.corbado, outbound: outbound, log: log, meter: meters.corbado, now: monotonic)
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  /// Another configuration: calls that run end with what they began with, as far as they had asked for it.
  ///
  /// Tokens that were minted before are verified by ``verificationKeys()`` as they are then.
  public func reconfigure(_ configuration: Configuration, passkeyDataKeys: PasskeyDataKeys? = nil) {
    let old = self.configuration
    self.configuration = configuration
    self.passkeyDataKeys = passkeyDataKeys
    corbado = CorbadoBackend(
      configuration: configuration.corbado, outbound: outbound, log: log, meter: meters.corbado, now: monotonic)
    let bounds = (configuration.corbado.maximumInFlightCount, configuration.corbado.maximumPerSecondCount)
    budget.limit(maximumInFlightCount: bounds.0, perSecondCount: bounds.1)
    refreshBudget.limit(maximumInFlightCount: bounds.0, perSecondCount: bounds.1)
    if configuration.loginAttemptsPerMinute != old.loginAttemptsPerMinute {
      attempts = LoginAttempts(perMinute: configuration.loginAttemptsPerMinute)
      refusedRefreshes = attempts
    }
    directoryAnswers = DirectoryAnswers()
    keys = nil
  }

  /// The keys that tokens of ours are verified with, for the Gate. Where none is there yet, a key is made and stored.
  ///
  /// - Throws: `stateUnavailable`, `internalError`; the next call tries again.
  public func verificationKeys() async throws(LoginReason) -> [VerificationKey] {
    try await signingKeys().published.compactMap(\.verificationKey)
  }

  /// As ``verificationKeys()``, looked for in the store again: another process may have made one, or one may be due.
  public func renewedVerificationKeys() async throws(LoginReason) -> [VerificationKey] {
    try await loadSigningKeys().published.compactMap(\.verificationKey)
  }

  /// The key that signs now, for identity assertions.
  public func signingKey() async throws(LoginReason) -> SigningKey { try await signingKeys().active }

  func signingKeys() async throws(LoginReason) -> SigningKeys {
    if let keys { return keys }
    return try await loadSigningKeys()
  }

  private func loadSigningKeys() async throws(LoginReason) -> SigningKeys {
    do throws(SigningKeys.Failure) {
      let loaded = try await SigningKeys.load(configuration.token, from: store, now: now())
      keys = loaded
      return loaded
    } catch {
      switch error {
      case .state(let failure):
        throw stateUnavailable("signing_keys", failure)
      case .key(let failure):
        log.error("signing_key_unusable", ["detail": .text("\(failure)")])
        throw .internalError
      }
    }
  }

  /// Asks the store; whatever keeps it from answering is told in the log and ends the call.
  func ask<Value: Sendable>(
    _ operation: StaticString, _ question: (any StateStore) async throws(StateStoreError) -> Value
  ) async throws(LoginReason) -> Value {
    let start = Clock.monotonic()
    do throws(StateStoreError) {
      let value = try await question(store)
      meters.state.record("\(operation)", "ok", microseconds: Clock.monotonic().microseconds(since: start))
      return value
    } catch {
      meters.state.record("\(operation)", "failed", microseconds: Clock.monotonic().microseconds(since: start))
      throw stateUnavailable(operation, error)
    }
  }

  /// As ``ask(_:_:)``, of what is revoked.
  func revoking(
    _ operation: StaticString, _ order: (RevocationFeed) async throws(StateStoreError) -> Void
  ) async throws(LoginReason) {
    do throws(StateStoreError) { try await order(revocations) } catch { throw stateUnavailable(operation, error) }
  }

  private func stateUnavailable(_ operation: StaticString, _ error: StateStoreError) -> LoginReason {
    log.error("state_unavailable", ["operation": .text("\(operation)"), "detail": .text(error.description)])
    return .stateUnavailable
  }

  /// Runs a call if there is room for it.
  ///
  /// - Throws: `rateLimited`
  func withRoom<Value>(_ call: () async throws(LoginReason) -> Value) async throws(LoginReason) -> Value {
    guard budget.take(at: monotonic()) else { throw .rateLimited }
    defer { budget.giveBack() }
    return try await call()
  }

  /// As ``withRoom(_:)``, of refreshes.
  func withRoomToRefresh<Value>(_ call: () async throws(LoginReason) -> Value) async throws(LoginReason) -> Value {
    guard refreshBudget.take(at: monotonic()) else { throw .rateLimited }
    defer { refreshBudget.giveBack() }
    return try await call()
  }

  /// Runs a call that nobody else makes with the same passkey data meanwhile.
  ///
  /// - Throws: `passkeyDataReplayed`
  func reserving<Value>(
    _ digest: PasskeyDataDigest, _ call: () async throws(LoginReason) -> Value
  ) async throws(LoginReason) -> Value {
    guard reserved.insert(digest).inserted else { throw .passkeyDataReplayed }
    defer { reserved.remove(digest) }
    return try await call()
  }
}

/// What slow calls came to and how long they took.
public struct LoginMeters: Sendable {
  /// Calls of Corbado's Backend API: `ok` or the reason why not.
  public let corbado = CallMeter()
  /// Operations of the state store: `ok` or `failed`.
  public let state = CallMeter()
}

extension StoredTime {
  init(_ time: UnixTime) { self.init(seconds: time.seconds) }
}
