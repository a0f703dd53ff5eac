public import HTTPClient
public import JOSE
internal import OpenSSL
public import StateStore
public import Telemetry
public import Transport

/// Our own endpoints: one actor on the control loop. Each call is bounded in time by Corbado's timeout and the store's
/// bound, and in number by ``maximumInFlightCount``.
public actor LoginEndpoints {
  private(set) var configuration: Configuration
  let store: any StateStore
  let log: EventLog
  private(set) var corbado: CorbadoBackend
  private let outbound: Outbound
  let now: @Sendable () -> UnixTime
  private let executor: LoopExecutor
  private var keys: SigningKeys?
  private var inFlightCount = 0
  /// Passkey data that a running call holds: of two with the same, the second is refused at once.
  private var reserved: Set<PasskeyDataDigest> = []

  /// Calls at once of createConnectToken and completeLogin together. Above: 429 `rate_limited`.
  public static let maximumInFlightCount = 64

  /// - Parameters:
  ///   - executor: the control loop.
  ///   - now: the wall clock.
  public init(
    _ configuration: Configuration, store: any StateStore, outbound: Outbound, log: EventLog, executor: LoopExecutor,
    now: @escaping @Sendable () -> UnixTime = { UnixTime(microseconds: Clock.unixNanoseconds() / 1000) }
  ) {
    self.configuration = configuration
    self.outbound = outbound
    self.store = store
    self.log = log
    self.executor = executor
    self.now = now
    corbado = CorbadoBackend(configuration: configuration.corbado, outbound: outbound, log: log)
  }

  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  /// Another configuration: calls that run end with what they began with, as far as they had asked for it.
  ///
  /// Tokens that were minted before are verified by ``verificationKeys()`` as they are then.
  public func reconfigure(_ configuration: Configuration) {
    self.configuration = configuration
    corbado = CorbadoBackend(configuration: configuration.corbado, outbound: outbound, log: log)
    keys = nil
  }

  /// The keys that tokens of ours are verified with, for the Gate. Where none is there yet, a key is made and stored.
  ///
  /// - Throws: `stateUnavailable`, `internalError`; the next call tries again.
  public func verificationKeys() async throws(LoginReason) -> [VerificationKey] {
    try await signingKeys().published.compactMap(\.verificationKey)
  }

  func signingKeys() async throws(LoginReason) -> SigningKeys {
    if let keys { return keys }
    do throws(SigningKeys.Failure) {
      let loaded = try await SigningKeys.load(configuration.token, from: store, now: StoredTime(now()))
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
    do throws(StateStoreError) { return try await question(store) } catch { throw stateUnavailable(operation, error) }
  }

  private func stateUnavailable(_ operation: StaticString, _ error: StateStoreError) -> LoginReason {
    log.error("state_unavailable", ["operation": .text("\(operation)"), "detail": .text(error.description)])
    return .stateUnavailable
  }

  /// Runs a call if there is room for it.
  ///
  /// - Throws: `rateLimited`
  func withRoom<Value>(_ call: () async throws(LoginReason) -> Value) async throws(LoginReason) -> Value {
    guard inFlightCount < Self.maximumInFlightCount else { throw .rateLimited }
    inFlightCount += 1
    defer { inFlightCount -= 1 }
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

extension StoredTime {
  init(_ time: UnixTime) { self.init(seconds: time.seconds) }
}
