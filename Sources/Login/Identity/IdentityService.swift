internal import HTTPClient
internal import JOSE
internal import Telemetry
internal import Transport

/// A call to one of the services that know users: the directory, the confirmation, the identity provider.
struct IdentityServiceCall {
  var name: StaticString
  var service: Configuration.Identity.Service
  var fields: [(name: String, value: String)]
  var content: [UInt8]

  /// Bytes of an answer.
  static let answerLimitBytes = 64 * 1024
}

extension LoginEndpoints {
  /// One call and its one line in the log, which holds nothing that was sent or answered.
  ///
  /// - Throws: `identityUnavailable` where there is no answer.
  func send(_ call: IdentityServiceCall) async throws(LoginReason) -> (status: Int, document: JSONDocument?) {
    let start = monotonic()
    let request = OutboundRequest(
      .post, call.service.url, authority: call.service.certificateAuthority, fields: call.fields, content: call.content,
      timeout: call.service.timeout, responseLimitBytes: IdentityServiceCall.answerLimitBytes)
    do throws(OutboundFailure) {
      let response = try await outbound.send(request)
      let duration = Duration.nanoseconds(monotonic().nanoseconds - start.nanoseconds)
      log.info(
        "identity_call",
        [
          "call": .text("\(call.name)"), "status": .integer(Int64(response.status)), "duration": .seconds(duration),
        ])
      let limits = JSONLimits(textBytes: IdentityServiceCall.answerLimitBytes)
      let document = try? JSONDocument(response.content.span, limits: limits)
      return (response.status, document.flatMap { $0.kind(of: $0.root) == .object ? $0 : nil })
    } catch {
      log.warn(
        "identity_call",
        [
          "call": .text("\(call.name)"), "failure": .text(error.kind.rawValue), "detail": .text(error.detail),
          "duration": .seconds(.nanoseconds(monotonic().nanoseconds - start.nanoseconds)),
        ])
      throw .identityUnavailable
    }
  }

  /// Asks whether a user may still come in: 2xx yes, 404 no, all else is no answer.
  func confirm(
    _ identity: PasskeyIdentity, _ identifier: Identifier, _ service: Configuration.Identity.Service
  ) async throws(LoginReason) {
    var content = JSONWriter()
    content.beginObject()
    content.member("identifier", identifier.text)
    content.member("issuer", identity.issuer)
    content.member("subject", identity.subject)
    content.endObject()
    let call = IdentityServiceCall(
      name: "confirm", service: service, fields: [("content-type", "application/json")], content: content.bytes)
    switch try await send(call).status {
    case 200...299: return
    case 404: throw .identityUnlinked
    default: throw .identityUnavailable
    }
  }
}
