import OpenSSL

/// An authenticator and the browser around it, for walks without a person: P-256 keys, attestation `none`, always
/// present and verified. What a test bends (origin, flags, counter) is a property.
struct SoftwareAuthenticator {
  struct Passkey {
    var id: [UInt8]
    var rpID: String
    var userHandle: [UInt8]
    var key: PrivateKey
  }

  enum Failure: Error {
    /// The options lack something that WebAuthn requires.
    case optionsMalformed
    /// `InvalidStateError`: the relying party excluded a passkey that is already here.
    case alreadyRegistered
    /// `NotAllowedError`: no passkey fits.
    case noPasskey
    case key(KeyFailure)
  }

  /// The page's origin as the browser would write it into the client data.
  var origin: String
  /// What the browser takes as RP ID in place of the options' one.
  var rpIDOverride: String?
  var flags: AuthenticatorData.Flags = [.userPresent, .userVerified, .backupEligible, .backedUp]
  var signatureCount: UInt32 = 0
  private(set) var passkeys: [Passkey] = []

  init(origin: String) { self.origin = origin }

  /// `navigator.credentials.create`: takes the options text of append/start, gives the response text of append/finish.
  mutating func create(options text: String) throws(Failure) -> String {
    guard let options = (try? JSON(reading: text))?["publicKey"], let challenge = options["challenge"]?.text,
      let rpID = rpIDOverride ?? options["rp"]?["id"]?.text,
      let handle = options["user"]?["id"]?.text.flatMap({ Base64.urlDecoded($0) }),
      options["pubKeyCredParams"]?.elements?.contains(where: { $0["alg"]?.integer == COSEKey.es256Algorithm }) == true
    else { throw .optionsMalformed }
    let excluded = (options["excludeCredentials"]?.elements ?? []).compactMap { $0["id"]?.text }
    guard !passkeys.contains(where: { excluded.contains(Base64.urlEncoded($0.id)) }) else { throw .alreadyRegistered }
    let passkey = try make(rpID: rpID, handle: handle)
    passkeys.append(passkey)
    let clientData = clientData(type: "webauthn.create", challenge: challenge)
    guard case .ellipticCurve(_, let x, let y) = try members(of: passkey.key) else { throw .optionsMalformed }
    let data = AuthenticatorData(
      rpIDHash: Digest.sha256(Array(rpID.utf8)), flags: flags.union(.attestedCredential),
      signatureCount: signatureCount,
      attestedCredential: .init(
        authenticatorModel: [UInt8](repeating: 0, count: 16), credentialID: passkey.id,
        publicKey: COSEKey.es256(x: x, y: y).item))
    let attestation = CBOR.map(["fmt": "none", "attStmt": .map([:]), "authData": .bytes(data.encoded)])
    return credential(
      passkey,
      response: [
        "clientDataJSON": .string(Base64.urlEncoded(clientData)),
        "attestationObject": .string(Base64.urlEncoded(attestation.encoded)), "transports": ["internal"],
      ])
  }

  /// `navigator.credentials.get` with the newest passkey that fits.
  mutating func assert(options text: String) throws(Failure) -> String {
    guard let options = (try? JSON(reading: text))?["publicKey"], let challenge = options["challenge"]?.text,
      let rpID = options["rpId"]?.text
    else { throw .optionsMalformed }
    let allowed = (options["allowCredentials"]?.elements ?? []).compactMap { $0["id"]?.text }
    let fitting = passkeys.last { passkey in
      passkey.rpID == rpID && (allowed.isEmpty || allowed.contains(Base64.urlEncoded(passkey.id)))
    }
    guard let passkey = fitting else { throw .noPasskey }
    if signatureCount > 0 { signatureCount += 1 }
    let clientData = clientData(type: "webauthn.get", challenge: challenge)
    let data = AuthenticatorData(
      rpIDHash: Digest.sha256(Array((rpIDOverride ?? rpID).utf8)), flags: flags, signatureCount: signatureCount)
    let signature: [UInt8]
    do throws(KeyFailure) {
      signature = try passkey.key.signature(over: (data.encoded + Digest.sha256(clientData)).span, algorithm: .es256)
    } catch { throw .key(error) }
    return credential(
      passkey,
      response: [
        "clientDataJSON": .string(Base64.urlEncoded(clientData)),
        "authenticatorData": .string(Base64.urlEncoded(data.encoded)),
        "signature": .string(Base64.urlEncoded(DERSignature.der(fixedLength: signature))),
        "userHandle": .string(Base64.urlEncoded(passkey.userHandle)),
      ])
  }

  private func make(rpID: String, handle: [UInt8]) throws(Failure) -> Passkey {
    do throws(KeyFailure) {
      return Passkey(id: RandomText.bytes(count: 16), rpID: rpID, userHandle: handle, key: try .generate(.p256))
    } catch { throw .key(error) }
  }

  private func members(of key: PrivateKey) throws(Failure) -> PublicKey.Members {
    do throws(KeyFailure) { return try key.publicKey.members() } catch { throw .key(error) }
  }

  private func clientData(type: String, challenge: String) -> [UInt8] {
    let data: JSON = [
      "type": .string(type), "challenge": .string(challenge), "origin": .string(origin), "crossOrigin": false,
    ]
    return data.bytes
  }

  private func credential(_ passkey: Passkey, response: JSON) -> String {
    let id = JSON.string(Base64.urlEncoded(passkey.id))
    let credential: JSON = [
      "type": "public-key", "id": id, "rawId": id, "authenticatorAttachment": "platform", "response": response,
      "clientExtensionResults": [:],
    ]
    return credential.description
  }
}
