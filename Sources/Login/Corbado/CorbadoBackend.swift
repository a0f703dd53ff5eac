internal import HTTPClient
internal import JOSE
internal import Telemetry
internal import Transport

/// The calls of Corbado's Backend API that a Connect backend makes. One request a call: nothing is ever repeated.
struct CorbadoBackend {
  let configuration: Configuration.Corbado
  let outbound: Outbound
  let log: EventLog

  /// Bytes of an answer.
  static let answerLimitBytes = 64 * 1024
  /// Bytes of a connect token.
  static let connectTokenLimitBytes = 4096

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
    content.endObject()
    return try await call("create_connect_token", "/v2/connectTokens", content) { answer throws(LoginReason) in
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
    return try await call("verify_signed_data", configuration.verifyPath, content) { answer throws(LoginReason) in
      if answer.status == 400 { throw .passkeyDataRefused }
      guard !(200...299).contains(answer.status) || answer.status == 200 else { throw .corbadoAnswerInvalid }
      guard answer.status == 200 else { throw answer.failure }
      guard let verdict = answer.verdict else { throw .corbadoAnswerInvalid }
      guard verdict.hasSameBytes(as: "success") else { throw .passkeyDataRefused }
    }
  }

  /// One call and its one line in the event log.
  private nonisolated(nonsending) func call<Value>(
    _ name: String, _ path: String, _ content: JSONWriter,
    _ read: (Answer) throws(LoginReason) -> Value
  ) async throws(LoginReason) -> Value {
    let base = configuration.backendAPI
    let request = OutboundRequest(
      .post, base.replacingTarget((base.target == "/" ? "" : base.target) + path),
      authority: configuration.certificateAuthority,
      fields: [
        ("authorization", configuration.authorization), ("content-type", "application/json"),
        ("accept", "application/json"),
      ],
      content: content.bytes, timeout: configuration.timeout, responseLimitBytes: Self.answerLimitBytes)
    let start = Clock.monotonic()
    let answer: Answer
    do throws(OutboundFailure) {
      answer = Answer(try await outbound.send(request))
    } catch {
      let reason: LoginReason =
        error.kind == .protocolError || error.kind == .responseTooLarge ? .corbadoAnswerInvalid : .corbadoUnreachable
      log.warn(
        "corbado_call",
        [
          "call": .text(name), "outcome": .text(reason.rawValue), "failure": .text(error.kind.rawValue),
          "detail": .text(error.detail), "duration": .seconds(Self.elapsed(since: start)),
        ])
      throw reason
    }
    do throws(LoginReason) {
      let value = try read(answer)
      report(name, nil, answer, since: start)
      return value
    } catch {
      report(name, error, answer, since: start)
      throw error
    }
  }

  private func report(_ name: String, _ reason: LoginReason?, _ answer: Answer, since start: MonotonicTime) {
    let members: KeyValuePairs<StaticString, EventLog.Value> = [
      "call": .text(name), "outcome": .text(reason?.rawValue ?? "ok"), "status": EventLog.Value(answer.status),
      "verdict": answer.knownVerdict.map { .text($0) } ?? .null,
      "request_id": answer.requestID.map { .text($0) } ?? .null,
      "duration": .seconds(Self.elapsed(since: start)),
    ]
    switch reason {
    case nil: log.info("corbado_call", members)
    case .corbadoMisconfigured: log.error("corbado_call", members)
    default: log.warn("corbado_call", members)
    }
  }

  private static func elapsed(since start: MonotonicTime) -> Duration {
    .nanoseconds(Clock.monotonic().nanoseconds - start.nanoseconds)
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
