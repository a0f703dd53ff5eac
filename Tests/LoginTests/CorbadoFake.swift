import Foundation
import HTTP
import HTTPClient
import OpenSSL
import Synchronization
import TestPeers

/// Corbado's Backend API as the contract has it, as a closure. It has its own JSON, base64 and signature check.
final class CorbadoFake: Sendable {
  enum Script: Sendable {
    /// Instead of what it would answer.
    case answer(status: Int, content: String)
    case failure(OutboundFailure)
  }

  struct Call: Sendable {
    var method: HTTP.Method
    var url: OutboundURL
    var fields: [(name: String, value: String)]
    var content: String

    var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(content.utf8))) as? [String: Any] ?? [:] }
  }

  private struct State {
    var calls: [Call] = []
    var script: Script?
    var consumed: Set<String> = []
    var gate: [CheckedContinuation<Void, Never>]?
    var arrivals: [CheckedContinuation<Void, Never>] = []
  }

  static let projectID = "pro-4711"
  static let apiSecret = "corbado1_s3cr3t/+value"
  static let connectToken = "ctk1_abcdefghijklmnopqrstuvwxyz0123"

  let signer: TokenFactory
  private let state = Mutex(State())
  /// What runs before each answer.
  private let onCall: @Sendable (Call) async -> Void

  init(onCall: @escaping @Sendable (Call) async -> Void = { _ in }) throws {
    signer = try TokenFactory(issuer: Self.projectID, keyID: "pki-1", algorithm: .rs256)
    self.onCall = onCall
  }

  var calls: [Call] { state.withLock { $0.calls } }
  func calls(to path: String) -> [Call] { calls.filter { $0.url.target.hasSuffix(path) } }
  func script(_ script: Script?) { state.withLock { $0.script = script } }

  /// From now on calls wait, until ``release()``.
  func hold() { state.withLock { $0.gate = [] } }

  func release() {
    let waiting = state.withLock { state in
      defer { state.gate = nil }
      return state.gate ?? []
    }
    for call in waiting { call.resume() }
  }

  /// Suspends until so many calls have arrived.
  func arrivals(_ count: Int) async {
    while calls.count < count {
      await withCheckedContinuation { continuation in
        let isThere = state.withLock { state in
          if state.calls.count < count { state.arrivals.append(continuation) }
          return state.calls.count >= count
        }
        if isThere { continuation.resume() }
      }
    }
  }

  var outbound: Outbound {
    Outbound { [self] request throws(OutboundFailure) in
      let call = Call(
        method: request.method, url: request.url, fields: request.fields,
        content: String(decoding: request.content, as: UTF8.self))
      let arrived = state.withLock { state in
        state.calls.append(call)
        defer { state.arrivals = [] }
        return state.arrivals
      }
      for waiter in arrived { waiter.resume() }
      await onCall(call)
      await withCheckedContinuation { continuation in
        let isHeld = state.withLock { state in
          state.gate?.append(continuation)
          return state.gate != nil
        }
        if !isHeld { continuation.resume() }
      }
      switch state.withLock({ $0.script }) {
      case .failure(let failure): throw failure
      case .answer(let status, let content): return response(status, content)
      case nil: return answer(to: call)
      }
    }
  }

  /// Calls to other hosts than Corbado's are answered by `services`.
  func outbound(besides services: (@Sendable (Call) -> Script)?, _ notes: ServiceCalls) -> Outbound {
    guard let services else { return outbound }
    let corbado = outbound
    return Outbound { [self] request throws(OutboundFailure) in
      guard request.url.host != "127.0.0.1" else { return try await corbado.send(request) }
      let call = Call(
        method: request.method, url: request.url, fields: request.fields,
        content: String(decoding: request.content, as: UTF8.self))
      notes.add(call)
      switch services(call) {
      case .failure(let failure): throw failure
      case .answer(let status, let content): return response(status, content)
      }
    }
  }

  private func response(_ status: Int, _ content: String) -> OutboundResponse {
    var head = ResponseHead()
    head.status = UInt16(status)
    return OutboundResponse(head: head, content: Array(content.utf8))
  }

  static func envelope(_ status: Int, _ type: String, secretText: String = "its own words") -> String {
    """
    {"httpStatusCode":\(status),"message":"\(secretText)","requestData":{"requestID":"req-8642","link":"https://console.test/x"},
     "runtime":0.01,"error":{"type":"\(type)","links":[],"details":"\(secretText)"}}
    """
  }

  private func answer(to call: Call) -> OutboundResponse {
    let pair = Data("\(Self.projectID):\(Self.apiSecret)".utf8).base64EncodedString()
    guard call.fields.contains(where: { $0.name == "authorization" && $0.value == "Basic \(pair)" }) else {
      return response(401, Self.envelope(401, "login_error"))
    }
    guard call.method == .post, call.fields.contains(where: { $0.name == "content-type" && $0.value == "application/json" })
    else { return response(405, Self.envelope(405, "method_not_allowed")) }
    switch call.url.target {
    case "/v2/connectTokens": return createConnectToken(call.json)
    case "/v2/passkey/verifySignedData": return verify(call.json)
    default: return response(404, Self.envelope(404, "not_found"))
    }
  }

  private func createConnectToken(_ content: [String: Any]) -> OutboundResponse {
    let data = content["data"] as? [String: Any] ?? [:]
    guard let type = content["type"] as? String, ["passkey-append", "passkey-list", "passkey-delete"].contains(type),
      let identifier = data["identifier"] as? String, !identifier.isEmpty,
      type != "passkey-append" || (data["displayName"] as? String)?.isEmpty == false
    else { return response(400, Self.envelope(400, "validation_error")) }
    return response(
      200,
      """
      {"id":"ctk-1","tokenType":"\(type)","data":{},"connectTokenStatus":"initial","secret":"\(Self.connectToken)","expires":1}
      """)
  }

  private func verify(_ content: [String: Any]) -> OutboundResponse {
    guard let data = content["signedPasskeyData"] as? String, let username = content["username"] as? String else {
      return response(400, Self.envelope(400, "validation_error"))
    }
    return response(200, #"{"verificationResult":"\#(verdict(data, username))"}"#)
  }

  private func verdict(_ data: String, _ username: String) -> String {
    let parts = data.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let signature = Self.decoded(parts[2]), let payload = Self.decoded(parts[1]) else {
      return "invalid_signature"
    }
    let input = Array("\(parts[0]).\(parts[1])".utf8)
    guard signer.privateKey.publicKey.isValid(signature: signature.span, over: input.span, algorithm: .rs256),
      let claims = (try? JSONSerialization.jsonObject(with: Data(payload))) as? [String: Any],
      let challenge = claims["challengeId"] as? String
    else { return "invalid_signature" }
    guard claims["webauthnId"] as? String == username else { return "user_mismatch" }
    return state.withLock { $0.consumed.insert(challenge).inserted } ? "success" : "invalid_challenge"
  }

  static func decoded(_ text: String) -> [UInt8]? {
    var text = text.replacing("-", with: "+").replacing("_", with: "/")
    while !text.count.isMultiple(of: 4) { text += "=" }
    return Data(base64Encoded: text).map { [UInt8]($0) }
  }
}
