import Testing

@testable import passkey_sidecar_demo

/// The published vectors of WebAuthn level 3, section 16: made by somebody else's authenticator.
@Suite struct DemoWebAuthnTests {
  struct Ceremony: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var registrationChallenge: String
    var registrationClientData: String
    var attestationObject: String
    var credentialID: String
    var assertionChallenge: String
    var assertionClientData: String
    var authenticatorData: String
    var signature: String
  }

  static let ceremonies = [
    Ceremony(
      testDescription: "none.ES256",
      registrationChallenge: "00c30fb78531c464d2b6771dab8d7b603c01162f2fa486bea70f283ae556e130",
      registrationClientData:
        "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a22414d4d507434557878475453746e63647134313759447742466938767049612d7077386f4f755657345441222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a20426b5165446a646354427258426941774a544c453551227d",
      attestationObject:
        "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220",
      credentialID: "f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4",
      assertionChallenge: "39c0e7521417ba54d43e8dc95174f423dee9bf3cd804ff6d65c857c9abf4d408",
      assertionClientData:
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a224f63446e55685158756c5455506f334a5558543049393770767a7a59425039745a63685879617630314167222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73657d",
      authenticatorData: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b51900000000",
      signature:
        "3046022100f50a4e2e4409249c4a853ba361282f09841df4dd4547a13a87780218deffcd380221008480ac0f0b93538174f575bf11a1dd5d78c6e486013f937295ea13653e331e87"
    ),
    Ceremony(
      testDescription: "packed-self.ES256",
      registrationChallenge: "7869c2b772d4b58eba9378cf8f29e26cf935aa77df0da89fa99c0bdc0a76f7e5",
      registrationClientData:
        "7b2274797065223a22776562617574686e2e637265617465222c226368616c6c656e6765223a2265476e4374334c55745936366b336a506a796e6962506b31716e666644616966715a774c33417032392d55222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a205539685458764b453255526b4d6e625f307859485667227d",
      attestationObject:
        "a363666d74667061636b65646761747453746d74a263616c672663736967584630440220067a20754ab925005dbf378097c92120031581c73228d1fb4f5b881bcd7da98302207fc7b147558c7c0eba3af18bd9d121fa3d3a26d17fe3f220272178f473b6006d68617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b55d00000000df850e09db6afbdfab51697791506cfc0020455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58ca5010203262001215820eb151c8176b225cc651559fecf07af450fd85802046656b34c18f6cf193843c5225820927b8aa427a2be1b8834d233a2d34f61f13bfd44119c325d5896e183fee484f2",
      credentialID: "455ef34e2043a87db3d4afeb39bbcb6cc32df9347c789a865ecdca129cbef58c",
      assertionChallenge: "4478a10b1352348dd160c1353b0d469b5db19eb91c27f7dfa6fed39fe26af20b",
      assertionClientData:
        "7b2274797065223a22776562617574686e2e676574222c226368616c6c656e6765223a225248696843784e534e493352594d45314f7731476d3132786e726b634a5f6666707637546e2d4a71386773222c226f726967696e223a2268747470733a2f2f6578616d706c652e6f7267222c2263726f73734f726967696e223a66616c73652c22657874726144617461223a22636c69656e74446174614a534f4e206d617920626520657874656e6465642077697468206164646974696f6e616c206669656c647320696e20746865206675747572652c207375636820617320746869733a206754623533727a36456853576f6d58477a696d433151227d",
      authenticatorData: "bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b50900000000",
      signature:
        "304402203310b9431903c401f1be2bdc8d23a4007682dbbddcf846994947b7f465daf84002204e94dd00047b316061b3b99772b7efd95994a83ef584b3b6b825ea3550251b66"
    ),
  ]

  /// The vectors were made for this party; some of their authenticators verified nobody.
  private func party(requiringVerification: Bool = false) -> RelyingParty {
    RelyingParty(
      id: "example.org", name: "", origins: ["https://example.org"], requiresUserVerification: requiringVerification)
  }

  private func registration(_ ceremony: Ceremony) throws -> RegistrationAnswer {
    let id = JSON.string(Base64.urlEncoded(hex(ceremony.credentialID)))
    return try #require(
      RegistrationAnswer([
        "type": "public-key", "id": id, "rawId": id,
        "response": [
          "clientDataJSON": .string(Base64.urlEncoded(hex(ceremony.registrationClientData))),
          "attestationObject": .string(Base64.urlEncoded(hex(ceremony.attestationObject))),
        ],
      ]))
  }

  private func assertion(_ ceremony: Ceremony) throws -> AssertionAnswer {
    let id = JSON.string(Base64.urlEncoded(hex(ceremony.credentialID)))
    return try #require(
      AssertionAnswer([
        "type": "public-key", "id": id, "rawId": id,
        "response": [
          "clientDataJSON": .string(Base64.urlEncoded(hex(ceremony.assertionClientData))),
          "authenticatorData": .string(Base64.urlEncoded(hex(ceremony.authenticatorData))),
          "signature": .string(Base64.urlEncoded(hex(ceremony.signature))),
        ],
      ]))
  }

  @Test(arguments: ceremonies) func `the published ceremony is accepted`(ceremony: Ceremony) throws {
    let credential = try party().credential(
      from: registration(ceremony), challenge: hex(ceremony.registrationChallenge))
    #expect(credential.id == hex(ceremony.credentialID))
    let count = try party().signatureCount(
      from: assertion(ceremony), challenge: hex(ceremony.assertionChallenge), publicKey: credential.publicKey,
      lastSignatureCount: 0)
    #expect(count == 0)
  }

  @Test(arguments: ceremonies) func `an assertion without verification is refused where it is required`(
    ceremony: Ceremony
  ) throws {
    let credential = try party().credential(
      from: registration(ceremony), challenge: hex(ceremony.registrationChallenge))
    #expect(throws: CeremonyError.userNotVerified) {
      try party(requiringVerification: true).signatureCount(
        from: assertion(ceremony), challenge: hex(ceremony.assertionChallenge), publicKey: credential.publicKey,
        lastSignatureCount: 0)
    }
  }

  @Test(arguments: ceremonies) func `a key does not accept another ceremony's signature`(ceremony: Ceremony) throws {
    let credential = try party().credential(
      from: registration(ceremony), challenge: hex(ceremony.registrationChallenge))
    let other = try #require(Self.ceremonies.first { $0.testDescription != ceremony.testDescription })
    var answer = try assertion(ceremony)
    answer.signature = hex(other.signature)
    #expect(throws: CeremonyError.signatureInvalid) {
      try party().signatureCount(
        from: answer, challenge: hex(ceremony.assertionChallenge), publicKey: credential.publicKey,
        lastSignatureCount: 0)
    }
  }

  @Test func `a self attestation with a wrong signature is refused`() throws {
    let ceremony = Self.ceremonies[1]
    var answer = try registration(ceremony)
    let at = try #require(answer.attestationObject.firstIndex(of: 0x30))
    answer.attestationObject[at + 10] ^= 1
    #expect(throws: CeremonyError.attestationNotAccepted) {
      try party().credential(from: answer, challenge: hex(ceremony.registrationChallenge))
    }
  }

  @Test func `client data of the other ceremony or of a foreign frame is refused`() throws {
    let ceremony = Self.ceremonies[0]
    let challenge = hex(ceremony.registrationChallenge)
    var answer = try registration(ceremony)
    answer.clientData.type = "webauthn.get"
    #expect(throws: CeremonyError.typeMismatch) { try party().credential(from: answer, challenge: challenge) }
    answer = try registration(ceremony)
    answer.clientData.isCrossOrigin = true
    #expect(throws: CeremonyError.crossOrigin) { try party().credential(from: answer, challenge: challenge) }
  }

  @Test(arguments: [#""crossOrigin":true"#, #""topOrigin":"https://evil.example""#])
  func `a ceremony in somebody else's frame is recognised`(member: String) throws {
    let text = #"{"type":"webauthn.get","challenge":"AQ","origin":"https://example.org",\#(member)}"#
    #expect(try #require(ClientData(Array(text.utf8))).isCrossOrigin)
  }

  @Test func `an answer that names another credential than the attested one is refused`() throws {
    var answer = try registration(Self.ceremonies[0])
    answer.credentialID[0] ^= 1
    #expect(throws: CeremonyError.malformed) {
      try party().credential(from: answer, challenge: hex(Self.ceremonies[0].registrationChallenge))
    }
  }

  @Test(arguments: ["id", "rawId", "type"]) func `an answer whose frame disagrees with itself is refused`(
    member: String
  ) {
    var json: JSON = [
      "type": "public-key", "id": "AQ", "rawId": "AQ",
      "response": ["clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"],
    ]
    json.set(member, "Ag")
    #expect(AssertionAnswer(json) == nil)
  }

  // MARK: CBOR (RFC 8949, appendix A)

  @Test(
    arguments: [
      ("00", 0), ("17", 23), ("1818", 24), ("1903e8", 1000), ("1a000f4240", 1_000_000),
      ("1b000000e8d4a51000", 1_000_000_000_000),
      ("20", -1), ("3863", -100), ("3903e7", -1000), ("40", .bytes([])), ("4401020304", .bytes([1, 2, 3, 4])),
      ("60", ""),
      ("6449455446", "IETF"), ("62c3bc", "ü"), ("80", .array([])), ("83010203", .array([1, 2, 3])),
      ("8301820203820405", .array([1, .array([2, 3]), .array([4, 5])])), ("a0", .map([:])),
      ("a201020304", .map([1: 2, 3: 4])),
      ("a26161016162820203", .map(["a": 1, "b": .array([2, 3])])), ("f4", .boolean(false)), ("f5", .boolean(true)),
      ("f6", .null),
    ] as [(String, CBOR)])
  func `an item is read and written as RFC 8949 has it`(encoded: String, item: CBOR) throws {
    #expect(try CBOR(reading: hex(encoded)) == item)
    #expect(item.encoded == hex(encoded))
  }

  @Test(
    arguments: [
      ("", .truncated), ("18", .truncated), ("44010203", .truncated), ("5bffffffffffffffff", .integerOutOfRange),
      ("5b7fffffffffffffff", .truncated), ("9b7fffffffffffffff", .truncated), ("bb7fffffffffffffff", .truncated),
      ("9fff", .unsupported(initialByte: 0x9F)), ("c0", .unsupported(initialByte: 0xC0)),
      ("f93c00", .unsupported(initialByte: 0xF9)),
      ("1c", .unsupported(initialByte: 0x1C)), ("0000", .trailingBytes), ("a201020102", .duplicateKey),
      ("61ff", .notUTF8),
      ("81818181818181818180", .tooDeep), ("3bffffffffffffffff", .integerOutOfRange),
    ] as [(String, CBORError)])
  func `what is no item for WebAuthn is refused`(encoded: String, error: CBORError) {
    #expect(throws: error) { try CBOR(reading: hex(encoded)) }
  }

  // MARK: Signatures in DER

  @Test(arguments: [
    "", "30", "3006020101020101ff", "300602010102", "3006020181020101", "30070202000102010100",
    "3026022100" + String(repeating: "ff", count: 33) + "020101",
    "3081060201010201", "3005020002 0101".filter { $0 != " " },
  ])
  func `a signature that is no DER sequence of two short integers is refused`(encoded: String) {
    #expect(DERSignature.fixedLength(hex(encoded), coordinateByteCount: 32) == nil)
  }

  @Test func `a signature survives both forms`() {
    let fixed = [UInt8](repeating: 0, count: 31) + [0x01] + [0x80] + [UInt8](repeating: 7, count: 31)
    #expect(DERSignature.fixedLength(DERSignature.der(fixedLength: fixed), coordinateByteCount: 32) == fixed)
  }
}

/// Bytes of a text in hexadecimal.
func hex(_ text: String) -> [UInt8] {
  let digits = text.compactMap { $0.hexDigitValue.map(UInt8.init) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
