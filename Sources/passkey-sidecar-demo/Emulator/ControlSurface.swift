/// What tests ask of the emulator, on a port of its own without any credential:
///
/// | call | does |
/// | --- | --- |
/// | `GET /settings`, `PUT /settings` | shows them; changes the members given |
/// | `GET`, `POST`, `DELETE /faults` | lists, adds, forgets scripted faults |
/// | `GET /calls?path=…`, `DELETE /calls` | the calls whose path begins so, with fields and bodies; forgets them |
/// | `POST /keys/rotate` | signs with a new key from now on; `{"withdraw": true}` forgets the others |
/// | `POST /mint` | signed passkey data for `identifier`, with what `claims`, `header`, `signature` change |
/// | `POST /reset` | forgets all but the keys |
struct ControlSurface {
  let identity: EmulatorIdentity

  func answer(_ request: DemoRequest, _ state: inout EmulatorState, now: Int) -> DemoResponse {
    let content: JSON
    if request.body.isEmpty {
      content = [:]
    } else if let json = try? JSON(reading: request.body), json.members != nil {
      content = json
    } else {
      return refusal("the body is no JSON object")
    }
    switch (request.method, request.path) {
    case ("GET", "/settings"): break
    case ("PUT", "/settings"):
      if content["showsOtherCertificate"] == true, !identity.hasOtherCertificate { return refusal("there is no other certificate") }
      do throws(EmulatorSettings.Refused) { try state.settings.apply(content) } catch {
        return refusal("settings: \(error.member)")
      }
    case ("GET", "/faults"): return DemoResponse(json: ["count": .integer(state.faults.count)])
    case ("POST", "/faults"):
      guard let fault = ScriptedFault(content) else { return refusal("no such effect, or a number out of range") }
      state.faults.append(fault)
    case ("DELETE", "/faults"): state.faults = []
    case ("GET", "/calls"): return calls(request, state)
    case ("DELETE", "/calls"): state.calls = []
    case ("POST", "/keys/rotate"): return rotate(content, &state)
    case ("POST", "/mint"): return mint(content, &state, now: now)
    case ("POST", "/reset"):
      let keys = state.keys
      state = EmulatorState(firstKey: keys[0])
      state.keys = keys
    default: return DemoResponse(status: 404, json: ["error": "no such call"])
    }
    return DemoResponse(json: state.settings.json)
  }

  private func refusal(_ reason: String) -> DemoResponse { DemoResponse(status: 400, json: ["error": .string(reason)]) }

  private func calls(_ request: DemoRequest, _ state: EmulatorState) -> DemoResponse {
    let prefix = request.parameters.first { $0.name == "path" }?.value ?? "/"
    let calls = state.calls.filter { $0.path.hasPrefix(prefix) }
    return DemoResponse(json: ["count": .integer(calls.count), "calls": .array(calls.map(\.json))])
  }

  private func rotate(_ content: JSON, _ state: inout EmulatorState) -> DemoResponse {
    guard let newKey = newKey() else { return refusal("no key") }
    if content["withdraw"] == true { state.keys = [] }
    state.keys.append(newKey)
    return DemoResponse(json: ["kid": .string(newKey.id)])
  }

  /// `claims` and `header` replace members (null removes), `signature` is `valid` (the default), `tampered` or `foreign`.
  private func mint(_ content: JSON, _ state: inout EmulatorState, now: Int) -> DemoResponse {
    guard let identifier = content["identifier"]?.text, let own = state.keys.last else { return refusal("identifier") }
    let user = state.resolveUser(identifier: identifier, displayName: nil, now: now)
    var challenge = state.offerChallenge(
      .login(userID: user.id), processID: RandomText.alphanumeric(count: 20), now: now)
    challenge.stage = .answered
    state.challenges[state.challenges.count - 1] = challenge
    let data = SignedPasskeyData(
      identifier: identifier, userID: user.id, credentialID: "cre-" + RandomText.number(), challengeID: challenge.id,
      processID: challenge.processID, isConditionalUI: false)
    var claims = data.claims(projectID: identity.projectID, usernameClaim: state.settings.usernameClaim, now: now)
    for member in content["claims"]?.members ?? [] {
      claims.set(member.name, member.value == .null ? nil : member.value)
    }
    var header = content["header"] ?? [:]
    var key = own
    if content["signature"] == "foreign" {
      // Somebody else's key under our key's name: only the signature tells.
      guard let foreign = newKey() else { return refusal("no key") }
      key = foreign
      if header["kid"] == nil { header.set("kid", .string(own.id)) }
    }
    guard var token = try? key.token(claims, header: header) else { return refusal("no signature") }
    if content["signature"] == "tampered" { token = Self.tampered(token) }
    return DemoResponse(json: ["signedPasskeyData": .string(token), "claims": claims])
  }

  private func newKey() -> TokenSigningKey? { try? TokenSigningKey(id: "pki-" + RandomText.number()) }

  /// With one bit of the signature's first byte turned.
  private static func tampered(_ token: String) -> String {
    guard let dot = token.lastIndex(of: "."), var signature = Base64.urlDecoded(token[token.index(after: dot)...])
    else { return token }
    signature[0] ^= 1
    return token[...dot] + Base64.urlEncoded(signature)
  }
}
