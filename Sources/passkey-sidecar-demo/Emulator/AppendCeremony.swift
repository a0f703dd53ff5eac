/// `append/start` and `append/finish`: a connect token becomes a passkey.
extension FrontendAPI {
  func startAppend(_ content: JSON, _ process: String, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    try content.require("loadedMs")
    let token = try consume("appendTokenValue", of: content, as: .append, &state, now: now)
    let user = state.resolveUser(identifier: token.identifier, displayName: token.displayName, now: now)
    let challenge = state.offerChallenge(.append(userID: user.id), processID: process, now: now)
    return DemoResponse(
      json: [
        "attestationOptions": .string(
          attestationOptions(challenge, user, excluded: state.credentials(of: user)).description),
        "variant": "default", "isRestrictedBrowser": false, "autoAppend": false, "conditionalAppend": false,
        "expiresMs": .integer(challenge.expiresAt * 1000),
      ])
  }

  private func attestationOptions(
    _ challenge: EmulatorState.Challenge, _ user: EmulatorState.User, excluded: [EmulatorState.Credential]
  ) -> JSON {
    [
      "publicKey": [
        "rp": ["id": .string(identity.relyingParty.id), "name": .string(identity.relyingParty.name)],
        "user": [
          "id": .string(Base64.urlEncoded(user.handle)), "name": .string(user.displayName),
          "displayName": .string(user.displayName),
        ],
        "challenge": .string(Base64.urlEncoded(challenge.bytes)),
        "pubKeyCredParams": [
          ["type": "public-key", "alg": .integer(COSEKey.es256Algorithm)],
          ["type": "public-key", "alg": .integer(COSEKey.rs256Algorithm)],
        ],
        "timeout": 60000, "attestation": "none", "excludeCredentials": .array(excluded.map(\.descriptor)),
        "authenticatorSelection": [
          "residentKey": "required", "requireResidentKey": true, "userVerification": "required",
        ],
      ]
    ]
  }

  func finishAppend(_ content: JSON, _ process: String, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    let completions = ["auto", "conditional", "manual", "manual-retry"]
    guard completions.contains(try content.requiredText("completionType")) else {
      throw .validation("completionType", "must be a valid value")
    }
    let text = try content.requiredText("attestationResponse")
    guard let answer = (try? JSON(reading: text)).flatMap({ RegistrationAnswer($0) }) else {
      throw refused("malformed")
    }
    guard let challenge = state.takeChallenge(answer.clientData.challenge, processID: process, now: now),
      case .append(let userID) = challenge.purpose, let user = state.user(id: userID)
    else { throw refused(CeremonyError.challengeMismatch.rawValue) }
    let new: RelyingParty.NewCredential
    do throws(CeremonyError) {
      new = try identity.relyingParty.credential(from: answer, challenge: challenge.bytes)
    } catch {
      throw refused(error.rawValue)
    }
    guard !state.credentials.contains(where: { $0.keyID == new.id }) else {
      throw refused("credential_already_registered")
    }
    state.deletedKeyIDs.remove(new.id)
    let credential = EmulatorState.Credential(
      id: "cre-" + RandomText.number(), userID: user.id, keyID: new.id, publicKey: new.publicKey,
      signatureCount: new.signatureCount, authenticatorModel: new.authenticatorModel, flags: new.flags,
      transports: answer.transports, createdAt: now, usedAt: now)
    state.credentials.append(credential)
    return DemoResponse(json: ["passkeyOperation": operation("append", for: user, ceremony: credential.ceremony)])
  }

  private func refused(_ reason: String) -> APIError { .validation("attestationResponse", reason) }
}
