import JOSE
import OpenSSL
import TestPeers
import Testing

@Suite struct JWKSetTests {
  static let factory = Result { try TokenFactory() }

  private func reason(_ jwk: String) throws -> JWKRefusal? {
    do throws(JWKRefusal) {
      _ = try VerificationKey(jwk: jwk)
      return nil
    } catch { return error }
  }

  /// A JWK of the factory with a member added.
  private func jwk(_ member: String) throws -> String {
    guard case .ellipticCurve(_, let x, let y) = try Self.factory.get().privateKey.publicKey.members() else {
      return ""
    }
    return
      #"{"kty":"EC","crv":"P-256","x":"\#(TokenFactory.base64URL(x))","y":"\#(TokenFactory.base64URL(y))"\#(member)}"#
  }

  @Test(
    arguments: [
      ("", nil), (#","use":"sig""#, nil), (#","alg":"ES256""#, nil), (#","key_ops":["verify"]"#, nil),
      (#","key_ops":["sign","verify"]"#, nil), (#","ext":true,"x5c":["AA=="]"#, nil),
      (#","use":"enc""#, .purposeRefused), (#","use":"SIG""#, .purposeRefused), (#","use":1"#, .malformed),
      (#","key_ops":["sign"]"#, .purposeRefused), (#","key_ops":[]"#, .purposeRefused),
      (#","key_ops":"verify""#, .malformed),
      (#","key_ops":[1]"#, .malformed), (#","use":"sig","key_ops":["encrypt"]"#, .purposeRefused),
      (#","alg":"ES384""#, .algorithmUnsupported), (#","alg":"RS256""#, .algorithmUnsupported),
      (#","alg":"HS256""#, .algorithmUnsupported), (#","alg":"ECDH-ES""#, .algorithmUnsupported),
      (#","alg":"none""#, .algorithmUnsupported), (#","alg":1"#, .malformed), (#","kid":1"#, .malformed),
      (#","kid":"\#(String(repeating: "k", count: 1025))""#, .malformed), (#","d":"AA""#, .privateKeyExposed),
    ] as [(String, JWKRefusal?)])
  func `a key counts only for what it says it is for`(member: String, expected: JWKRefusal?) throws {
    #expect(try reason(jwk(member)) == expected)
  }

  @Test(
    arguments: [
      (#"{}"#, .malformed), (#"{"kty":1}"#, .malformed), (#"{"kty":"ec"}"#, .typeUnsupported),
      (#"{"kty":"EC","crv":"P-256"}"#, .malformed), (#"{"kty":"EC","x":"AA","y":"AA"}"#, .malformed),
      (#"{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}"#, .typeUnsupported),
      (#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, .keyRefused(.pointRefused)),
      (#"{"kty":"EC","crv":"P-256","x":"AA=","y":"AA"}"#, .malformed),
      (#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#, .keyRefused(.modulusRefused)),
      (#"{"kty":"RSA","e":"AQAB"}"#, .malformed),
      (#"{"kty":"RSA","n":"","e":"AQAB"}"#, .malformed),
      (#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, .typeUnsupported),
      (#"{"kty":"OKP","crv":"Ed448","x":"AA"}"#, .typeUnsupported),
      (#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, .keyRefused(.pointRefused)),
      (#"{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#, .secretRefused),
      (#"[]"#, .malformed), ("", .malformed),
    ] as [(String, JWKRefusal)])
  func `what is no usable key is passed over with its reason`(jwk: String, expected: JWKRefusal) throws {
    #expect(try reason(jwk) == expected)
  }

  @Test(arguments: [
    ("", JWKSetError.malformed), ("[]", .malformed), ("{}", .malformed), (#"{"keys":{}}"#, .malformed),
    (#"{"keys":[1]}"#, .malformed), (#"{"keys":[],"keys":[]}"#, .malformed), (#"{"keys":[]}"#, .noUsableKey),
    (#"{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#, .noUsableKey),
    (#"{"keys":[\#([String](repeating: "{}", count: 257).joined(separator: ","))]}"#, .tooManyKeys),
    (#"{"keys":[]}"# + String(repeating: " ", count: 1 << 20), .tooLarge),
  ])
  func `a set without a usable key is an error`(text: String, error: JWKSetError) {
    #expect(throws: error) { try JWKSet(text) }
  }

  @Test func `foreign keys do not spoil a set`() throws {
    let factory = try Self.factory.get()
    let set = try JWKSet(
      #"{"keys":[{"kty":"XYZ","kid":"a"},\#(try factory.jwk),{"kty":"RSA","kid":"b","n":"AQAB","e":"AQAB"}],"other":1}"#
    )
    #expect(set.keys.map(\.keyID) == ["key-1"])
    #expect(set.refused.map(\.position) == [0, 2])
    #expect(set.refused.map(\.keyID) == ["a", "b"])
    #expect(set.refused.map(\.reason) == [.typeUnsupported, .keyRefused(.modulusRefused)])
  }

  @Test func `the same key twice is one key`() throws {
    let jwk = try Self.factory.get().jwk
    #expect(try JWKSet(#"{"keys":[\#(jwk),\#(jwk)]}"#).keys.count == 1)
  }

  @Test func `secrets stand only where they are allowed, and alone`() throws {
    let secret = #"{"kty":"oct","kid":"s","k":"\#(TokenFactory.base64URL([UInt8](repeating: 1, count: 64)))"}"#
    #expect(try JWKSet(#"{"keys":[\#(secret)]}"#, allowsSecrets: true).keys[0].algorithms == [.hs256, .hs384, .hs512])
    #expect(throws: JWKSetError.secretsMixed) {
      try JWKSet(#"{"keys":[\#(secret),\#(try Self.factory.get().jwk)]}"#, allowsSecrets: true)
    }
    #expect(try JWKSet(#"{"keys":[\#(secret),\#(try Self.factory.get().jwk)]}"#).keys.count == 1)
  }
}

@Suite struct KeySelectionTests {
  private static func header(_ algorithm: String, keyID: String?) throws -> JOSEHeader {
    let header = keyID.map { #"{"alg":"\#(algorithm)","kid":"\#($0)"}"# } ?? #"{"alg":"\#(algorithm)"}"#
    return try CompactJWS("\(TokenFactory.base64URL(bytes(header))).e30.AA").header
  }

  private static let factories = Result {
    try [
      TokenFactory(keyID: "a"), TokenFactory(keyID: "b"), TokenFactory(keyID: "r", algorithm: .rs256),
      TokenFactory(keyID: "a", algorithm: .edDSA),
    ]
  }

  @Test(
    arguments: [
      ("ES256", "a", .key(0)), ("ES256", "b", .key(1)), ("RS256", "r", .key(2)), ("EdDSA", "a", .key(3)),
      ("RS256", nil, .key(2)), ("ES256", nil, .ambiguous), ("PS256", nil, .unknown), ("ES384", nil, .unknown),
      ("ES256", "c", .unknown), ("ES256", "A", .unknown), ("ES256", "", .unknown), ("RS256", "a", .algorithmRefused),
      ("PS256", "r", .algorithmRefused), ("HS256", "a", .algorithmRefused),
    ] as [(String, String?, KeySelection)])
  func `a key is chosen by its ID and the algorithm`(algorithm: String, keyID: String?, expected: KeySelection) throws {
    let keys = try JWKSet(TokenFactory.jwkSet(Self.factories.get())).keys
    #expect(keys.selection(for: try Self.header(algorithm, keyID: keyID)) == expected)
  }

  @Test func `two different keys of one ID and algorithm are ambiguous`() throws {
    let set = try TokenFactory.jwkSet([TokenFactory(keyID: "a"), TokenFactory(keyID: "a")])
    #expect(try JWKSet(set).keys.selection(for: Self.header("ES256", keyID: "a")) == .ambiguous)
  }

  @Test func `a configured key without an ID serves every key ID, a JWK without one does not`() throws {
    let key = try PrivateKey.generate(.p256).publicKey
    let configured = [VerificationKey(key)]
    #expect(configured.selection(for: try Self.header("ES256", keyID: "x")) == .key(0))
    #expect(configured.selection(for: try Self.header("ES256", keyID: nil)) == .key(0))
    var writer = JSONWriter()
    try writer.jwk(key, keyID: nil, algorithm: nil)
    let published = [try VerificationKey(jwk: String(decoding: writer.bytes, as: UTF8.self))]
    #expect(published.selection(for: try Self.header("ES256", keyID: "x")) == .unknown)
    #expect(published.selection(for: try Self.header("ES256", keyID: nil)) == .key(0))
  }

  @Test(
    arguments: [(31, nil), (32, [.hs256]), (47, [.hs256]), (48, [.hs256, .hs384]), (64, [.hs256, .hs384, .hs512])]
      as [(Int, [Algorithm]?)])
  func `a secret serves the hashes that are not longer`(count: Int, algorithms: [Algorithm]?) throws {
    let secret = [UInt8](repeating: 7, count: count)
    if let algorithms {
      #expect(try VerificationKey(secret: secret).algorithms == AlgorithmSet(algorithms))
    } else {
      #expect(throws: KeyFailure.algorithmRefused) { try VerificationKey(secret: secret) }
    }
    #expect(try VerificationKey(secret: secret, allowsShort: true).algorithms == [.hs256, .hs384, .hs512])
  }
}
