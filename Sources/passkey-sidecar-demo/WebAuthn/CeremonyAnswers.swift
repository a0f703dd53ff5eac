/// The client data of a ceremony (WebAuthn level 2, section 5.8.1) with the bytes that were signed.
struct ClientData: Equatable, Sendable {
  var bytes: [UInt8]
  var type: String
  var challenge: [UInt8]
  var origin: String
  var isCrossOrigin: Bool

  init?(_ bytes: [UInt8]) {
    guard let json = try? JSON(reading: bytes), let type = json["type"]?.text, let origin = json["origin"]?.text,
      let challenge = json["challenge"]?.text.flatMap({ Base64.urlDecoded($0) })
    else { return nil }
    self.bytes = bytes
    self.type = type
    self.challenge = challenge
    self.origin = origin
    isCrossOrigin = json["crossOrigin"]?.boolean == true || json["topOrigin"] != nil
  }
}

/// `RegistrationResponseJSON` of WebAuthn level 3: what `toJSON()` of a new credential gives.
struct RegistrationAnswer: Sendable {
  var credentialID: [UInt8]
  var clientData: ClientData
  var attestationObject: [UInt8]
  var attachment: String?
  var transports: [String]

  init?(_ json: JSON) {
    guard let credentialID = json.credentialID, let response = json["response"],
      let clientData = response.decoded("clientDataJSON").flatMap({ ClientData($0) }),
      let attestationObject = response.decoded("attestationObject")
    else { return nil }
    self.credentialID = credentialID
    self.clientData = clientData
    self.attestationObject = attestationObject
    attachment = json["authenticatorAttachment"]?.text
    transports = (response["transports"]?.elements ?? []).compactMap(\.text)
  }
}

/// `AuthenticationResponseJSON` of WebAuthn level 3.
struct AssertionAnswer: Sendable {
  var credentialID: [UInt8]
  var clientData: ClientData
  var authenticatorData: [UInt8]
  var signature: [UInt8]
  /// Absent where the authenticator keeps none; an empty one counts as absent.
  var userHandle: [UInt8]?

  init?(_ json: JSON) {
    guard let credentialID = json.credentialID, let response = json["response"],
      let clientData = response.decoded("clientDataJSON").flatMap({ ClientData($0) }),
      let authenticatorData = response.decoded("authenticatorData"), let signature = response.decoded("signature")
    else { return nil }
    self.credentialID = credentialID
    self.clientData = clientData
    self.authenticatorData = authenticatorData
    self.signature = signature
    switch response["userHandle"] {
    case nil, .null, "": userHandle = nil
    default:
      guard let handle = response.decoded("userHandle") else { return nil }
      userHandle = handle
    }
  }
}

extension JSON {
  /// `id` and `rawId` have to agree, and the type has to be the only one there is.
  fileprivate var credentialID: [UInt8]? {
    guard self["type"] == "public-key", let id = decoded("id"), !id.isEmpty, decoded("rawId") == id else { return nil }
    return id
  }

  /// A member that carries bytes as base64url.
  fileprivate func decoded(_ name: String) -> [UInt8]? { self[name]?.text.flatMap { Base64.urlDecoded($0) } }
}
