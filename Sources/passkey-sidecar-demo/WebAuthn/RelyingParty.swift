/// Why a ceremony's answer is not taken; each case is one step of WebAuthn level 2, sections 7.1 and 7.2.
enum CeremonyError: String, Error, Equatable {
  case malformed
  case typeMismatch = "type_mismatch"
  case challengeMismatch = "challenge_mismatch"
  case originMismatch = "origin_mismatch"
  case crossOrigin = "cross_origin"
  case rpIDMismatch = "rp_id_mismatch"
  case userNotPresent = "user_not_present"
  case userNotVerified = "user_not_verified"
  case backupFlagsInconsistent = "backup_flags_inconsistent"
  case algorithmNotOffered = "algorithm_not_offered"
  case attestationNotAccepted = "attestation_not_accepted"
  case signatureInvalid = "signature_invalid"
  case signatureCountNotIncreased = "signature_count_not_increased"
}

/// The relying party of the emulator: what every ceremony must agree with.
struct RelyingParty: Sendable {
  var id: String
  var name: String
  /// Exact origins of the pages that may run a ceremony.
  var origins: [String]
  var requiresUserVerification = true

  struct NewCredential: Sendable {
    var id: [UInt8]
    var publicKey: COSEKey
    var signatureCount: UInt32
    var authenticatorModel: [UInt8]
    var flags: AuthenticatorData.Flags
  }

  /// Section 7.1: the new credential of a registration whose `challenge` we gave out.
  func credential(from answer: RegistrationAnswer, challenge: [UInt8]) throws(CeremonyError) -> NewCredential {
    try check(answer.clientData, type: "webauthn.create", challenge: challenge)
    guard let object = try? CBOR(reading: answer.attestationObject), let authenticatorBytes = object["authData"]?.bytes,
      let data = AuthenticatorData(authenticatorBytes), let attested = data.attestedCredential
    else { throw .malformed }
    try check(data)
    guard let key = COSEKey(attested.publicKey) else { throw .algorithmNotOffered }
    guard attested.credentialID == answer.credentialID else { throw .malformed }
    switch object["fmt"] {
    case "none":
      guard object["attStmt"] == .map([:]) else { throw .attestationNotAccepted }
    case "packed":
      // Nobody asked for attestation, but browsers pass self attestation on as it is (section 8.2).
      guard let statement = object["attStmt"], statement["x5c"] == nil, statement["alg"]?.integer == key.algorithm,
        let signature = statement["sig"]?.bytes,
        key.isValid(signature: signature, over: authenticatorBytes + Digest.sha256(answer.clientData.bytes))
      else { throw .attestationNotAccepted }
    default: throw .attestationNotAccepted
    }
    return NewCredential(
      id: attested.credentialID, publicKey: key, signatureCount: data.signatureCount,
      authenticatorModel: attested.authenticatorModel, flags: data.flags)
  }

  /// Section 7.2: the new signature count of an assertion made with a known credential.
  func signatureCount(
    from answer: AssertionAnswer, challenge: [UInt8], publicKey: COSEKey, lastSignatureCount: UInt32
  ) throws(CeremonyError) -> UInt32 {
    try check(answer.clientData, type: "webauthn.get", challenge: challenge)
    guard let data = AuthenticatorData(answer.authenticatorData) else { throw .malformed }
    try check(data)
    let signed = answer.authenticatorData + Digest.sha256(answer.clientData.bytes)
    guard publicKey.isValid(signature: answer.signature, over: signed) else { throw .signatureInvalid }
    guard data.signatureCount > lastSignatureCount || (data.signatureCount == 0 && lastSignatureCount == 0) else {
      throw .signatureCountNotIncreased
    }
    return data.signatureCount
  }

  private func check(_ data: ClientData, type: String, challenge: [UInt8]) throws(CeremonyError) {
    guard data.type == type else { throw .typeMismatch }
    guard data.challenge == challenge else { throw .challengeMismatch }
    guard origins.contains(data.origin) else { throw .originMismatch }
    guard !data.isCrossOrigin else { throw .crossOrigin }
  }

  private func check(_ data: AuthenticatorData) throws(CeremonyError) {
    guard data.rpIDHash == Digest.sha256(Array(id.utf8)) else { throw .rpIDMismatch }
    guard data.flags.contains(.userPresent) else { throw .userNotPresent }
    guard data.flags.contains(.userVerified) || !requiresUserVerification else { throw .userNotVerified }
    guard data.flags.contains(.backupEligible) || !data.flags.contains(.backedUp) else {
      throw .backupFlagsInconsistent
    }
  }
}
