internal import HTTPClient
internal import JOSE
internal import Telemetry
internal import Transport

/// The calls of Corbado's Backend API that a Connect backend makes. What is single-use is sent once; a connect token may be
/// asked for twice, since one that nobody gets harms nobody.
///
/// Belongs to the endpoints' actor and never leaves it.
final class CorbadoBackend {
  let configuration: Configuration.Corbado
  let outbound: Outbound
  let log: EventLog
  let meter: CallMeter
  private let now: @Sendable () -> MonotonicTime
  private var breaker = CircuitBreaker()
  /// What `authorization` was made of.
  private var content: [UInt8]
  private var authorization: String

  /// Bytes of an answer.
  static let answerLimitBytes = 64 * 1024
  /// Bytes of a connect token.
  static let connectTokenLimitBytes = 4096

  init(
    configuration: Configuration.Corbado, outbound: Outbound, log: EventLog, meter: CallMeter,
    now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.configuration = configuration
    self.outbound = outbound
    self.log = log
    self.meter = meter
    self.now = now
    content = configuration.credential.content
    // The configuration has made it before.
    authorization =
      (try? configuration.credential.authorization(of: content, projectID: configuration.projectID)) ?? ""
  }

  /// - Returns: the `secret` that the frontend gets.
  /// - Throws: `corbadoRefused`, `corbadoAnswerInvalid`, `corbadoMisconfigured`, `corbadoUnreachable`
  nonisolated(nonsending) func createConnectToken(
    _ type: ConnectTokenType, identifier: String, displayName: String?
  ) async throws(LoginReason) -> String {
    var content = JSONWriter()
    content.beginObject()
    content.member("type", type.rawValue)
    content.name("data")
    content.beginObject()
    content.member("identifier", identifier)
    if let displayName { content.member("displayName", displayName) }
    content.endObject()
    if let lifetime = configuration.connectTokenLifetime {
      content.member("maxLifetimeInSeconds", lifetime.components.seconds)
    }
    content.endObject()
    let call = Call(name: "create_connect_token", path: "/v2/connectTokens", content: content.bytes, isRepeatable: true)
    return try await perform(call) { answer throws(LoginReason) in
      guard (200...299).contains(answer.status) else { throw answer.failure }
      guard let node = answer.document?.member("secret"), let secret = answer.document?.string(node), !secret.isEmpty,
        secret.utf8.count <= Self.connectTokenLimitBytes, secret.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { throw .corbadoAnswerInvalid }
      return secret
    }
  }

  /// Returns if and only if Corbado says `success`.
  ///
  /// - Throws: `passkeyDataRefused` and as ``createConnectToken(_:identifier:displayName:)``
  nonisolated(nonsending) func verify(_ data: SignedPasskeyData, username: String?) async throws(LoginReason) {
    var content = JSONWriter()
    content.beginObject()
    content.member("signedPasskeyData", data.compact)
    if let username { content.member("username", username) }
    content.endObject()
    let call = Call(
      name: "verify_signed_data", path: configuration.verifyPath, content: content.bytes, isRepeatable: false)
    return try await perform(call) { answer throws(LoginReason) in
      if answer.status == 400 { throw .passkeyDataRefused }
      guard !(200...299).contains(answer.status) || answer.status == 200 else { throw .corbadoAnswerInvalid }
      guard answer.status == 200 else { throw answer.failure }
      guard let verdict = answer.verdict else { throw .corbadoAnswerInvalid }
      guard verdict.hasSameBytes(as: "success") else { throw .passkeyDataRefused }
    }
  }

  private struct Call {
    let name: String
    let path: String
    let content: [UInt8]
    /// Nothing is lost if Corbado gets it twice.
    let isRepeatable: Bool
  }

  /// One call and its one line in the event log.
  private nonisolated(nonsending) func perform<Value>(
    _ call: Call, _ read: (Answer) throws(LoginReason) -> Value
  ) async throws(LoginReason) -> Value {
    let start = now()
    // No call, no line: the pause was told when it began.
    guard breaker.admits(at: start) else { throw .corbadoUnreachable }
    let answer: Answer
    do throws(OutboundFailure) {
      answer = Answer(try await send(call, until: start + configuration.timeout))
    } catch {
      let isAnswer = error.kind == .protocolError || error.kind == .responseTooLarge
      let reason: LoginReason = isAnswer ? .corbadoAnswerInvalid : .corbadoUnreachable
      meter.record(call.name, reason.rawValue, microseconds: now().microseconds(since: start))
      log.warn(
        "corbado_call",
        [
          "call": .text(call.name), "outcome": .text(reason.rawValue), "failure": .text(error.kind.rawValue),
          "detail": .text(error.detail), "duration": .seconds(elapsed(since: start)),
        ])
      tell(isAnswer ? breaker.succeeded() : breaker.failed(at: now()))
      throw reason
    }
    // 500 may be about this one request; these are about all.
    tell([429, 502, 503, 504].contains(answer.status) ? breaker.failed(at: now()) : breaker.succeeded())
    do throws(LoginReason) {
      let value = try read(answer)
      report(call.name, nil, answer, since: start)
      return value
    } catch {
      report(call.name, error, answer, since: start)
      throw error
    }
  }

  private nonisolated(nonsending) func send(
    _ call: Call, until deadline: MonotonicTime
  ) async throws(OutboundFailure) -> OutboundResponse {
    do throws(OutboundFailure) { return try await outbound.send(request(call, configuration.timeout)) } catch {
      // Only what may be well by now: a connection that was closed. Who is unreachable or slow is not asked again.
      guard error.kind == .connectionClosed, call.isRepeatable || !error.requestMayHaveLeft else { throw error }
      let rest = Duration.nanoseconds(deadline.nanoseconds - now().nanoseconds)
      guard rest > .zero else { throw error }
      return try await outbound.send(request(call, rest))
    }
  }

  private func request(_ call: Call, _ timeout: Duration) -> OutboundRequest {
    let base = configuration.backendAPI
    return OutboundRequest(
      .post, base.replacingTarget((base.target == "/" ? "" : base.target) + call.path),
      authority: configuration.certificateAuthority,
      fields: [
        ("authorization", currentAuthorization()), ("content-type", "application/json"), ("accept", "application/json"),
      ],
      content: call.content, timeout: timeout, responseLimitBytes: Self.answerLimitBytes)
  }

  /// Secrets in files are exchanged while we run. One that is no good leaves the last good one in force.
  private func currentAuthorization() -> String {
    guard let fresh = configuration.credential.reread?(), fresh != content else { return authorization }
    content = fresh
    do throws(BackendCredential.Problem) {
      authorization = try configuration.credential.authorization(of: fresh, projectID: configuration.projectID)
      log.info("corbado_credential_changed")
    } catch {
      log.error("corbado_credential_refused", ["problem": .text(error.rawValue)])
    }
    return authorization
  }

  private func tell(_ change: CircuitBreaker.Change?) {
    switch change {
    case .opened(let pause): log.warn("corbado_paused", ["pause": .seconds(pause)])
    case .closed: log.info("corbado_resumed")
    case nil: break
    }
  }

  private func report(_ name: String, _ reason: LoginReason?, _ answer: Answer, since start: MonotonicTime) {
    meter.record(name, reason?.rawValue ?? "ok", microseconds: now().microseconds(since: start))
    let members: KeyValuePairs<StaticString, EventLog.Value> = [
      "call": .text(name), "outcome": .text(reason?.rawValue ?? "ok"), "status": EventLog.Value(answer.status),
      "verdict": answer.knownVerdict.map { .text($0) } ?? .null,
      "request_id": answer.requestID.map { .text($0) } ?? .null,
      "duration": .seconds(elapsed(since: start)),
    ]
    switch reason {
    case nil: log.info("corbado_call", members)
    case .corbadoMisconfigured: log.error("corbado_call", members)
    default: log.warn("corbado_call", members)
    }
  }

  private func elapsed(since start: MonotonicTime) -> Duration {
    .nanoseconds(now().nanoseconds - start.nanoseconds)
  }

  /// An answer of Corbado's, its content read strictly.
  private struct Answer {
    let status: Int
    /// Nil if the content is no JSON object.
    let document: JSONDocument?

    init(_ response: OutboundResponse) {
      status = response.status
      let parsed = try? JSONDocument(response.content.span, limits: JSONLimits(textBytes: answerLimitBytes))
      document = parsed.flatMap { $0.kind(of: $0.root) == .object ? $0 : nil }
    }

    /// Of a status that is not 2xx.
    var failure: LoginReason { status == 401 || status == 403 ? .corbadoMisconfigured : .corbadoRefused }

    var verdict: String? { document?.member("verificationResult").flatMap { document?.string($0) } }

    /// For the log, which takes no text of Corbado's that it does not know.
    var knownVerdict: String? {
      verdict.map { verdict in
        ["success", "invalid_signature", "invalid_challenge", "user_mismatch", "generic_error"].contains(verdict)
          ? verdict : "unknown"
      }
    }

    /// `requestData.requestID`, with which Corbado's support finds the call.
    var requestID: String? {
      guard let document, let data = document.member("requestData"), let node = document.member("requestID", of: data),
        let text = document.string(node), (1...64).contains(text.utf8.count),
        text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
      else { return nil }
      return text
    }
  }
}

/// The kinds of connect tokens that we ask for.
enum ConnectTokenType: String, CaseIterable {
  case append = "passkey-append"
  case list = "passkey-list"
  case delete = "passkey-delete"
}
