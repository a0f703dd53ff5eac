import Gate
import HTTPClient
import JOSE
import Keys
import Login
import Proxy
import Settings
import StateStore
import Synchronization
import Telemetry
import Transport

/// The slow side of the process: serves the workers' questions and publishes what they decide by.
final class ControlLoop: Sendable {
  struct State {
    var snapshot: ProxySnapshot
    /// By the bytes of their names.
    var issuers: [[UInt8]: IssuerFacts]
    /// Of our own tokens.
    var ownIssuer: String?
    var finder: UpstreamFinder?
    /// Counts the finders.
    var finderNumber = 0
    /// A configuration is being put into force: its parts are published together.
    var isApplying = false
    /// Counts the configurations that were in force.
    var configurationNumber = 0
    var isDraining = false
    var drainedCount = 0
    var stoppedCount = 0
    var upstream: UpstreamFinder.Outcome?
    /// No address takes a connection.
    var isUpstreamAway = false
    /// What the store last answered.
    var stateStore: StateProbe.Outcome?
    /// The last that each worker reported.
    var reports: [Int: WorkerReport] = [:]
  }

  let executor: LoopExecutor
  let log: EventLog
  let login: LoginEndpoints
  let keys: KeyService
  let outbound: OutboundClient
  let subjectHash = SubjectHash()
  let exporter: SpanExporter
  let mailboxes: [Mailbox<WorkerMessage>]
  let state: Mutex<State>

  /// What the control loop must know of an issuer.
  struct IssuerFacts: Sendable {
    var emailsAreVerified: Bool

    static func byName(_ settings: SidecarSettings) -> [[UInt8]: IssuerFacts] {
      var facts: [[UInt8]: IssuerFacts] = [:]
      for issuer in settings.issuers { facts[Array(issuer.issuer.utf8)] = IssuerFacts(emailsAreVerified: issuer.emailsAreVerified) }
      return facts
    }
  }

  init(
    executor: LoopExecutor, log: EventLog, login: LoginEndpoints, keys: KeyService, outbound: OutboundClient,
    exporter: SpanExporter, mailboxes: [Mailbox<WorkerMessage>], loaded: LoadedSettings, revocations: Revocations
  ) {
    self.executor = executor
    self.log = log
    self.login = login
    self.keys = keys
    self.mailboxes = mailboxes
    self.outbound = outbound
    self.exporter = exporter
    state = Mutex(
      State(
        snapshot: ProxySnapshot(policy: loaded.policy, keys: .empty, revocations: revocations),
        issuers: IssuerFacts.byName(loaded.settings), ownIssuer: loaded.settings.login.ownIssuer))
  }

  var isDraining: Bool { state.withLock { $0.isDraining } }
  /// Whether the last of the issuers is ourselves.
  var isIssuer: Bool { state.withLock { $0.ownIssuer != nil } }
  /// As published last.
  var snapshot: ProxySnapshot { state.withLock { $0.snapshot } }
  /// Its address and protocol are known, and it takes connections.
  var isUpstreamThere: Bool {
    state.withLock { state in
      guard case .found? = state.upstream else { return false }
      return !state.isUpstreamAway
    }
  }

  func tellAll(_ message: WorkerMessage) {
    for mailbox in mailboxes { mailbox.post(message) }
  }

  // MARK: Publishing

  func publish(_ keys: KeySnapshot) {
    state.withLock { state in
      state.snapshot.keys = keys
      // Under the lock: what was decided later arrives later.
      if !state.isApplying { tellAll(.publish(state.snapshot)) }
    }
  }

  func publish(_ change: RevocationChange) {
    state.withLock { state in
      state.snapshot.revocations = state.snapshot.revocations.changed(by: change)
      if !state.isApplying { tellAll(.publish(state.snapshot)) }
    }
  }

  private func publish(assertionKey key: SigningKey) {
    state.withLock { state in
      guard state.snapshot.assertionKey?.keyID != key.keyID else { return }
      state.snapshot.assertionKey = key
      if !state.isApplying { tellAll(.publish(state.snapshot)) }
    }
  }

  // MARK: Another configuration

  /// Puts a configuration into force: at once for everything that begins from now on. Called on the control loop.
  func apply(_ loaded: LoadedSettings, _ configuration: WorkerConfiguration, isUpstreamOther: Bool) {
    state.withLock { state in
      state.isApplying = true
      state.snapshot.policy = loaded.policy
      state.issuers = IssuerFacts.byName(loaded.settings)
      state.ownIssuer = loaded.settings.login.ownIssuer
    }
    let passkeyDataKeys = passkeyDataKeys(loaded.settings.corbado)
    login.assumeIsolated { $0.reconfigure(loaded.login, passkeyDataKeys: passkeyDataKeys) }
    keys.assumeIsolated { $0.reconfigure(loaded.keys) }
    // Certificate authorities are read again.
    outbound.assumeIsolated { $0.setProxy(loaded.settings.egress.proxy) }
    exporter.set(loaded.settings.spanTarget)
    if isUpstreamOther { setUpstream(loaded.settings.upstream) }
    state.withLock { state in
      state.isApplying = false
      state.configurationNumber += 1
      tellAll(.configure(configuration, state.snapshot, isUpstreamOther: isUpstreamOther))
    }
    if isUpstreamOther { findUpstream() }
    Task(executorPreference: executor) { await self.followOwnKeys() }
  }

  /// Without descriptors for another key service signatures are not checked here, which Corbado does in any case.
  private func passkeyDataKeys(_ settings: CorbadoSettings) -> PasskeyDataKeys? {
    do throws(Errno) {
      return try PasskeyDataKeys(settings, executor, outbound.outbound, log)
    } catch {
      log.error("passkey_data_keys_unavailable", ["detail": .text(error.description)])
      return nil
    }
  }

  // MARK: The app

  /// Where the app is and what it speaks is found out by ``findUpstream()``; what an earlier search still finds is not
  /// passed on.
  func setUpstream(_ upstream: UpstreamSettings) {
    let number = state.withLock { state in
      state.finderNumber += 1
      return state.finderNumber
    }
    let finder = UpstreamFinder(
      upstream.location, version: upstream.version, log: log,
      report: { [weak self] outcome in self?.upstreamSettled(outcome, by: number) })
    state.withLock { state in
      state.finder = finder
      state.upstream = nil
      state.isUpstreamAway = false
    }
  }

  func findUpstream() { state.withLock { $0.finder }?.find() }

  private func upstreamSettled(_ outcome: UpstreamFinder.Outcome, by finder: Int) {
    let isLost = state.withLock { state in
      guard state.finderNumber == finder else { return false }
      let wasLost = if case .lost? = state.upstream { true } else { false }
      state.upstream = outcome
      switch outcome {
      case .found(let addresses, let version):
        if wasLost { state.isUpstreamAway = false }
        tellAll(.upstreamFound(addresses, version))
        return false
      case .lost(let detail):
        log.warn("upstream_not_found", ["detail": .text(detail)])
        tellAll(.upstreamLost(detail))
        return true
      }
    }
    if isLost { upstream(isAway: true) }
  }

  /// The app takes no connection, or does again. While it is away it is looked for without waiting for a request: none may
  /// come as long as we are not ready.
  func upstream(isAway: Bool) {
    let finder = state.withLock { state -> UpstreamFinder? in
      defer { state.isUpstreamAway = isAway }
      return isAway && !state.isUpstreamAway ? state.finder : nil
    }
    finder?.awaitReturn(
      of: { [weak self] finder in self?.state.withLock { $0.isUpstreamAway && $0.finder === finder } ?? false },
      returned: { [weak self] in self?.upstreamReturned() })
  }

  private func upstreamReturned() {
    let wasLost = state.withLock { state in
      state.isUpstreamAway = false
      return if case .lost? = state.upstream { true } else { false }
    }
    if wasLost { findUpstream() }
  }

  // MARK: Endpoints

  func serve(_ request: EndpointRequest, for passage: Handle, of worker: Int) {
    let mailbox = mailboxes[worker]
    Task(executorPreference: executor) {
      let answer = await TraceParent.$current.withValue(request.trace) { await self.answer(request) }
      mailbox.post(.endpointAnswered(passage, answer))
    }
  }

  private func answer(_ request: EndpointRequest) async -> EndpointAnswer {
    switch request.call.endpoint {
    case .createConnectToken:
      guard let token = request.call.token else { return .notServed }
      return await login.createConnectToken(for: identity(token), content: request.content)
    case .completeLogin: return await login.completeLogin(content: request.content, client: request.client)
    case .jwks: return await login.jwks()
    case .logout:
      guard let token = request.call.token else { return .notServed }
      return await login.logout(presented(token), content: request.content)
    case .refresh: return await login.refresh(content: request.content, client: request.client)
    }
  }

  private func presented(_ token: VerifiedToken) -> PresentedToken {
    let session = token.claims.claim("sid").flatMap { token.claims.document.string($0) }
    return PresentedToken(
      issuer: token.issuer, isOwn: token.isOwn, subjectIssuer: token.subjectIssuer, subject: token.subject,
      sessionID: session,
      tokenID: token.claims.tokenID, digest: token.digest, validUntil: token.validUntil)
  }

  private func identity(_ token: VerifiedToken) -> VerifiedIdentity {
    let session = token.claims.claim("sid").flatMap { token.claims.document.string($0) }
    // By name: the token may have been judged by the configuration before this one.
    let isVerified = state.withLock { $0.issuers[Array(token.issuer.utf8)]?.emailsAreVerified } ?? false
    return VerifiedIdentity(
      subjectIssuer: token.subjectIssuer, subject: token.subject, claims: token.claims.document,
      origin: token.isOwn ? .passkeyLogin(sessionID: session) : .issuer(emailsAreVerified: isVerified))
  }

  // MARK: Own keys

  /// Between two looks at our own keys in the store: another process may have made one, or one may be due.
  static let ownKeysInterval = Duration.seconds(30)

  /// Hands our own keys to the key service as soon as the store has them, and whenever they have changed; asks again every
  /// second while there are none. Ends with the configuration.
  func followOwnKeys() async {
    let (issuer, number) = state.withLock { ($0.ownIssuer, $0.configurationNumber) }
    var known: [VerificationKey] = []
    while !isDraining, state.withLock({ $0.configurationNumber }) == number {
      do throws(LoginReason) {
        let fresh = try await login.renewedVerificationKeys()
        let isSame = fresh.count == known.count && zip(fresh, known).allSatisfy { $0.isSame(as: $1) }
        if !isSame, let issuer { await keys.handIn(fresh, issuer: issuer) }
        known = fresh
        publish(assertionKey: try await login.signingKey())
      } catch {
        log.error("signing_keys_unavailable", ["reason": .text(error.rawValue)])
      }
      await executor.sleep(for: known.isEmpty ? .seconds(1) : Self.ownKeysInterval)
    }
  }

  // MARK: What it depends on

  /// Asks the store again and again until the end, and tells when its answer has become another.
  func watch(_ probe: StateProbe) async {
    while true {
      let outcome = await probe.ask()
      let before = state.withLock { state in
        defer { state.stateStore = outcome }
        return state.stateStore
      }
      switch outcome {
      case .failed(let failure) where before != outcome: log.error("state_store_fails", ["failure": .text(failure)])
      case .answers where before != nil && before != outcome: log.info("state_store_answers")
      default: break
      }
      await executor.sleep(for: StateProbe.interval)
    }
  }

  func readiness(isStrict: Bool, _ reload: ReloadStatus) async -> ProcessReadiness {
    let issuers = await keys.status()
    let trouble = await login.revocations.trouble
    return state.withLock { state in
      ProcessReadiness(
        isDraining: state.isDraining, issuers: issuers, upstream: state.upstream, isUpstreamAway: state.isUpstreamAway,
        state: state.stateStore,
        areRevocationsKnown: state.snapshot.revocations.isKnown, revocationTrouble: trouble, reload: reload,
        isStrict: isStrict, isIssuer: state.ownIssuer != nil)
    }
  }

  // MARK: Ending

  /// Not ready from now on; the workers go on serving until ``drain()``.
  func beginLameDuck() { state.withLock { $0.isDraining = true } }

  /// - Parameter notice: between telling clients that there will be an end, and naming the last request.
  func drain(notice: Duration) { tellAll(.drain(notice: notice)) }

  /// Cuts what is still under way, so that nobody takes it for complete. Each worker that has ended wakes the main thread.
  func stopWorkers() {
    tellAll(.stop { [weak self] in
      self?.state.withLock { $0.stoppedCount += 1 }
      SignalWaiter.wake()
    })
  }

  var areWorkersStopped: Bool { state.withLock { $0.stoppedCount == mailboxes.count } }

  /// One worker has nothing left to do; the last one ends the wait of the main thread.
  func workerDrained() {
    let isLast = state.withLock { state in
      state.drainedCount += 1
      return state.drainedCount == mailboxes.count
    }
    if isLast { SignalWaiter.wake() }
  }
}
