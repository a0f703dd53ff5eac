/// `login/start` and `login/finish`: an assertion becomes signed passkey data.
extension FrontendAPI {
  func assertionOptions(_ challenge: EmulatorState.Challenge, allowed: [EmulatorState.Credential]) -> JSON {
    [
      "publicKey": [
        "challenge": .string(Base64.urlEncoded(challenge.bytes)), "rpId": .string(identity.relyingParty.id),
        "timeout": 60000,
        "userVerification": "required", "allowCredentials": .array(allowed.map(\.descriptor)),
      ]
    ]
  }

  /// With a text that the user typed, or with a `passkey-login` token where passkeys are a second factor.
  func startLogin(_ content: JSON, _ process: String, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    try content.require("identifier", "source", "loadedMs")
    let sources = ["one-tap", "text-field", "error-soft", "error-hard"]
    guard let source = try content.optionalText("source"), sources.contains(source) else {
      throw .validation("source", "must be a valid value")
    }
    var identifier = try content.optionalText("identifier") ?? ""
    if content["loginConnectToken"] ?? .null != .null {
      identifier = try consume("loginConnectToken", of: content, as: .login, &state, now: now).identifier
    }
    guard let user = state.user(identifier: identifier), !state.credentials(of: user).isEmpty else {
      return DemoResponse(
        json: [
          "assertionOptions": "", "isCDA": false,
          "fallbackOperationError": fallback("no_cbo_user", initiates: true, identifier: identifier),
        ])
    }
    let challenge = state.offerChallenge(.login(userID: user.id), processID: process, now: now)
    return DemoResponse(
      json: [
        "assertionOptions": .string(assertionOptions(challenge, allowed: state.credentials(of: user)).description),
        "isCDA": false,
        "fallbackOperationError": ["initFallback": false],
      ])
  }

  func finishLogin(_ content: JSON, _ process: String, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    try content.require("isConditionalUI")
    guard let isConditionalUI = content["isConditionalUI"]?.boolean else { throw .json }
    let text = try content.requiredText("assertionResponse")
    guard let answer = (try? JSON(reading: text)).flatMap({ AssertionAnswer($0) }) else { throw refused("malformed") }
    guard let challenge = state.takeChallenge(answer.clientData.challenge, processID: process, now: now),
      case .login(let startedFor) = challenge.purpose
    else { throw refused(CeremonyError.challengeMismatch.rawValue) }
    guard let index = state.credentials.firstIndex(where: { $0.keyID == answer.credentialID }) else {
      let wasDeleted = state.deletedKeyIDs.contains(answer.credentialID)
      return unknownPasskey(isConditionalUI && wasDeleted ? "cui_credential_deleted" : "unexpected_error")
    }
    let credential = state.credentials[index]
    guard let user = state.user(id: credential.userID) else { throw refused("user_unknown") }
    if let startedFor, startedFor != user.id { throw refused("credential_of_another_user") }
    // Discoverable credentials always come with their user handle; where one comes, it has to be the owner's.
    guard answer.userHandle == user.handle || (answer.userHandle == nil && startedFor != nil) else {
      throw refused("user_handle_mismatch")
    }
    do throws(CeremonyError) {
      state.credentials[index].signatureCount = try identity.relyingParty.signatureCount(
        from: answer, challenge: challenge.bytes, publicKey: credential.publicKey,
        lastSignatureCount: credential.signatureCount)
    } catch {
      throw refused(error.rawValue)
    }
    state.credentials[index].usedAt = now
    let data = SignedPasskeyData(
      identifier: user.identifier, userID: user.id, credentialID: credential.id, challengeID: challenge.id,
      processID: process,
      isConditionalUI: isConditionalUI)
    let claims = data.claims(projectID: identity.projectID, usernameClaim: state.settings.usernameClaim, now: now)
    guard let key = state.keys.last, let signed = try? key.token(claims) else {
      throw APIError(status: 500, type: "internal_error")
    }
    return DemoResponse(
      json: [
        "session": .string(state.settings.session), "signedPasskeyData": .string(signed),
        "passkeyOperation": operation("verify", for: user, ceremony: credential.ceremony),
      ])
  }

  /// An answer of its own, not an error status: the page tells the browser to forget the passkey, or falls back.
  private func unknownPasskey(_ code: String) -> DemoResponse {
    DemoResponse(
      json: [
        "session": "", "signedPasskeyData": "",
        "fallbackOperationError": fallback(code, initiates: code == "unexpected_error", identifier: nil),
      ])
  }

  private func fallback(_ code: String, initiates: Bool, identifier: String?) -> JSON {
    var error: JSON = [
      "initFallback": .boolean(initiates), "error": ["code": .string(code), "message": .string(code)],
    ]
    if let identifier { error.set("identifier", .string(identifier)) }
    return error
  }

  private func refused(_ reason: String) -> APIError { .validation("assertionResponse", reason) }

  func operation(_ type: String, for user: EmulatorState.User, ceremony: String) -> JSON {
    [
      "operationType": .string(type), "identifierValue": .string(user.identifier),
      "identifierType": .string(user.identifierType),
      "ceremonyType": .string(ceremony), "aaguidDetails": EmulatorState.Credential.unknownModel,
    ]
  }
}

extension EmulatorState.Credential {
  var descriptor: JSON {
    [
      "type": "public-key", "id": .string(Base64.urlEncoded(keyID)), "transports": .array(transports.map(JSON.string)),
    ]
  }

  /// Where the authenticator was: in this device, in another one, or a security key.
  var ceremony: String {
    if transports.contains("internal") || transports.isEmpty { return "local" }
    return transports.contains("hybrid") ? "cda" : "security-key"
  }
}
