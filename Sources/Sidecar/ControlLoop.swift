import Gate
import HTTPClient
import JOSE
import Keys
import Login
import Proxy
import StateStore
import Synchronization
import Telemetry
import Transport

/// The slow side of the process: serves the workers' questions and publishes what they decide by.
final class ControlLoop: Sendable {
  private struct State {
    var snapshot: ProxySnapshot
    var isDraining = false
    var drainedCount = 0
    var upstream: UpstreamFinder.Outcome?
  }

  let executor: LoopExecutor
  let log: EventLog
  let login: LoginEndpoints
  let keys: KeyService
  let mailboxes: [Mailbox<WorkerMessage>]
  private let issuers: [IssuerFacts]
  private let state: Mutex<State>

  /// What the control loop must know of an issuer, by its position in the policy.
  struct IssuerFacts: Sendable {
    var emailsAreVerified: Bool
  }

  init(
    executor: LoopExecutor, log: EventLog, login: LoginEndpoints, keys: KeyService, mailboxes: [Mailbox<WorkerMessage>],
    issuers: [IssuerFacts], snapshot: ProxySnapshot
  ) {
    self.executor = executor
    self.log = log
    self.login = login
    self.keys = keys
    self.mailboxes = mailboxes
    self.issuers = issuers
    state = Mutex(State(snapshot: snapshot))
  }

  var isDraining: Bool { state.withLock { $0.isDraining } }
  var upstream: UpstreamFinder.Outcome? { state.withLock { $0.upstream } }

  private func tellAll(_ message: WorkerMessage) {
    for mailbox in mailboxes { mailbox.post(message) }
  }

  // MARK: Publishing

  func publish(_ keys: KeySnapshot) {
    let snapshot = state.withLock { state in
      state.snapshot.keys = keys
      return state.snapshot
    }
    tellAll(.publish(snapshot))
  }

  func upstreamSettled(_ outcome: UpstreamFinder.Outcome) {
    state.withLock { $0.upstream = outcome }
    switch outcome {
    case .found(let addresses, let version): tellAll(.upstreamFound(addresses, version))
    case .lost(let detail):
      log.warn("upstream_not_found", ["detail": .text(detail)])
      tellAll(.upstreamLost(detail))
    }
  }

  // MARK: Endpoints

  func serve(_ request: EndpointRequest, for passage: Handle, of worker: Int) {
    let mailbox = mailboxes[worker]
    Task(executorPreference: executor) {
      let answer = await self.answer(request)
      mailbox.post(.endpointAnswered(passage, answer))
    }
  }

  private func answer(_ request: EndpointRequest) async -> EndpointAnswer {
    switch request.call.endpoint {
    case .createConnectToken:
      guard let token = request.call.token else { return .notServed }
      return await login.createConnectToken(for: identity(token), content: request.content)
    case .completeLogin: return await login.completeLogin(content: request.content)
    case .jwks: return await login.jwks()
    // The policy enables none of these.
    case .logout, .refresh: return .notServed
    }
  }

  private func identity(_ token: VerifiedToken) -> VerifiedIdentity {
    let session = token.claims.claim("sid").flatMap { token.claims.document.string($0) }
    let isVerified = issuers.indices.contains(token.issuerIndex) && issuers[token.issuerIndex].emailsAreVerified
    return VerifiedIdentity(
      subjectIssuer: token.subjectIssuer, subject: token.subject, claims: token.claims.document,
      origin: token.isOwn ? .passkeyLogin(sessionID: session) : .issuer(emailsAreVerified: isVerified))
  }

  // MARK: Own keys

  /// Hands our own keys to the key service as soon as the store has them; asks again every second until then.
  func loadOwnKeys(issuer index: Int) async {
    while !isDraining {
      do throws(LoginReason) {
        return await keys.handIn(try await login.verificationKeys(), issuer: index)
      } catch {
        log.error("signing_keys_unavailable", ["reason": .text(error.rawValue)])
        await executor.sleep(for: .seconds(1))
      }
    }
  }

  // MARK: Ending

  /// Not ready from now on; the workers go on serving until ``drain()``.
  func beginLameDuck() { state.withLock { $0.isDraining = true } }

  func drain() { tellAll(.drain) }

  /// One worker has nothing left to do; the last one ends the wait of the main thread.
  func workerDrained() {
    let isLast = state.withLock { state in
      state.drainedCount += 1
      return state.drainedCount == mailboxes.count
    }
    if isLast { SignalWaiter.wake() }
  }

  /// Whether every worker's loop turns within `limit`.
  func loopsTurn(within limit: Duration) async -> Bool {
    let answers = Counter()
    for mailbox in mailboxes { mailbox.post(.ping { answers.add() }) }
    let end = Clock.monotonic() + limit
    while answers.value < mailboxes.count {
      if Clock.monotonic() >= end { return false }
      await executor.sleep(for: .milliseconds(2))
    }
    return true
  }
}

private final class Counter: Sendable {
  private let count = Mutex(0)
  func add() { count.withLock { $0 += 1 } }
  var value: Int { count.withLock { $0 } }
}
