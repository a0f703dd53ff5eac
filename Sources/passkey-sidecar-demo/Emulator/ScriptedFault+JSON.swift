extension ScriptedFault {
  /// A fault as the control surface takes it, such as
  /// `{"path": "/v2/passkey/verifySignedData", "times": 1, "effect": "status", "status": 503, "retryAfter": 7}`.
  ///
  /// `effect` is one of: `delay`, `delayInBody`, `drip`, `hang`, `reset`, `resetInBody`, `close`, `closeInBody`,
  /// `http10`, `chunked`; or, in place of the answer: `status`, `html`, `empty`, `truncated`, `json` (any `body`),
  /// `redirect`, `huge`, `verdict`, `secretMissing`, `secretNumber`, `secretControl`. `times` 0 stands for all calls;
  /// `carriesOut` overrides whether the call has its effect.
  init?(_ json: JSON) {
    let milliseconds = json["milliseconds"]?.integer ?? 1000
    let status = json["status"]?.integer ?? 200
    guard (0...3_600_000).contains(milliseconds), (200...599).contains(status) else { return nil }
    var effect: Effect
    var carriesOut = true
    switch json["effect"]?.text {
    case "delay": effect = .delay(milliseconds: milliseconds)
    case "delayInBody": effect = .delayInBody(milliseconds: milliseconds)
    case "drip": effect = .drip(byteCount: max(1, json["bytes"]?.integer ?? 1), milliseconds: milliseconds)
    case "hang": effect = .hang
    case "reset": effect = .reset
    case "resetInBody": effect = .resetInBody
    case "close": effect = .close
    case "closeInBody": effect = .closeInBody
    case "http10": effect = .http10
    case "chunked": effect = .chunked(sizes: (json["sizes"]?.elements ?? [1, 2, 3]).compactMap(\.integer))
    case let name?:
      guard let replacement = Replacement(name, json, status: status) else { return nil }
      effect = .replace(replacement)
      carriesOut = false
    case nil: return nil
    }
    carriesOut = json["carriesOut"]?.boolean ?? carriesOut
    let times = json["times"]?.integer ?? 1
    self.init(
      path: json["path"]?.text ?? "/", remaining: times == 0 ? nil : max(1, times), effect: effect,
      carriesOut: carriesOut)
  }
}

extension ScriptedFault.Replacement {
  fileprivate init?(_ name: String, _ json: JSON, status: Int) {
    let type = DemoRequest.Field(name: "content-type", value: "application/json")
    self.init(status: status, fields: [type], body: [])
    switch name {
    case "status":
      body = Envelope.failure(APIError(status: status, type: status == 429 ? "rate_limited" : "internal_error")).body
      if let seconds = json["retryAfter"]?.integer { fields.append(.init(name: "retry-after", value: String(seconds))) }
    case "html":
      fields = [.init(name: "content-type", value: "text/html")]
      body = Array("<html><body><h1>\(status)</h1></body></html>".utf8)
    case "empty": break
    case "truncated": body = Array(#"{"verificationResult":"succ"#.utf8)
    case "json": body = (json["body"] ?? [:]).bytes
    case "redirect":
      self.status = 307
      fields.append(.init(name: "location", value: json["location"]?.text ?? "http://127.0.0.1:9/"))
    case "huge":
      body = [UInt8](repeating: UInt8(ascii: " "), count: min(max(0, json["bytes"]?.integer ?? 16 << 20), 256 << 20))
    case "verdict": body = (["verificationResult": json["value"] ?? "success"] as JSON).bytes
    case "secretMissing": body = Self.token([:])
    case "secretNumber": body = Self.token(["secret": 42])
    case "secretControl": body = Self.token(["secret": "ctk1_\r\nx-injected: 1\u{0}"])
    default: return nil
    }
  }

  private static func token(_ extra: JSON) -> [UInt8] {
    var entity: JSON = [
      "id": "ctk-1", "tokenType": "passkey-append", "data": [:], "connectTokenStatus": "initial",
      "expires": 4_102_444_800,
    ]
    for member in extra.members ?? [] { entity.set(member.name, member.value) }
    return entity.bytes
  }
}
