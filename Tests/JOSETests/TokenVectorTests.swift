import JOSE
import OpenSSL
import TestPeers
import Testing

/// What becomes of a token with the keys of an issuer: nil if it is accepted.
private func refusal(of token: String, keys: [VerificationKey]) -> TokenError? {
  do throws(TokenError) {
    let jws = try CompactJWS(token)
    switch keys.selection(for: jws.header) {
    case .key(let index): try jws.verify(with: keys[index])
    case .algorithmRefused: throw .algorithmRefused
    case .unknown, .ambiguous: throw .keyUnknown
    }
    return nil
  } catch { return error }
}

@Suite struct RFCExampleTests {
  struct File: Decodable {
    struct Vector: Decodable, CustomTestStringConvertible, Sendable {
      let name: String
      let alg: String
      let jwk: VectorValue
      let jws: String
      let result: String

      var testDescription: String { name }
    }

    let vectors: [Vector]
  }

  static let vectors = Result { try Vectors.decode(File.self, from: "rfc-jws-examples.json").vectors }

  @Test func `all examples of the RFCs are there`() throws {
    let vectors = try Self.vectors.get()
    #expect(vectors.count(where: { $0.result == "valid" }) == 9)
    #expect(vectors.count(where: { $0.result == "invalid" }) == 44)
  }

  @Test(arguments: try vectors.get())
  func `examples of RFC 7515, 7520 and 8037 are accepted, changed ones refused`(vector: File.Vector) throws {
    let text = try vector.jwk.text
    let key = try VerificationKey(jwk: text.span, allowsSecrets: true)
    func verify() throws(TokenError) { try CompactJWS(vector.jws).verify(with: key) }
    if vector.result == "valid" {
      try verify()
    } else {
      #expect(throws: TokenError.self) { try verify() }
    }
  }
}

@Suite struct WycheproofTokenTests {
  struct File: Decodable {
    struct Group: Decodable {
      let comment: String
      let `private`: VectorValue
      let `public`: VectorValue?
      let tests: [Case]

      /// The usable keys; none where the set is refused. Secrets only where nothing public is given.
      func keys() throws -> [VerificationKey] {
        let given = `public` ?? `private`
        let set = given["keys"] == nil ? VectorValue.object(["keys": .array([given])]) : given
        let text = try set.text
        do throws(JWKSetError) {
          return try JWKSet(text.span, allowsSecrets: `public` == nil).keys
        } catch { return [] }
      }
    }

    struct Case: Decodable {
      let tcId: Int
      let result: String
      let jws: VectorValue?
      let jwe: VectorValue?
    }

    let numberOfTests: Int
    let testGroups: [Group]
  }

  /// Valid for Wycheproof, refused here.
  static let refusedThoughValid: [String: [Int: String]] = [
    "json_web_signature": [
      372: "a byte outside the alphabet in the header is not ignored (RFC 7515 §2)",
      373: "the same in the payload",
      346: "PS384 token, the key says alg PS256: a key's alg binds it (RFC 7517 §4.4)",
      347: "the key says alg ES521, which does not exist (RFC 7518 §3.4 has ES512)",
      350: "as 346",
      351: "as 347",
    ]
  ]

  /// Invalid for Wycheproof, accepted here.
  static let acceptedThoughInvalid: [String: [Int: String]] = [
    "json_web_signature": [
      367: "byte for byte the valid token 357, whatever its comment says",
      370: "as 367",
    ],
    "json_web_key": [
      4: "the second key of that ID is no key, its k is not strict base64url; JWKSetTests has two real ones"
    ],
  ]

  @Test(arguments: [
    ("json_web_signature", 401, 46), ("json_web_key", 26, 5), ("json_web_crypto", 83, 6),
  ])
  func `exactly the valid tokens are accepted`(name: String, count: Int, validCount: Int) throws {
    let file = try Vectors.decode(File.self, from: "wycheproof/\(name)_test.json")
    let tests = file.testGroups.flatMap(\.tests)
    #expect(tests.count == count)
    // JWE, of which json_web_crypto has some, are the other test's.
    let valid = tests.filter { $0.result == "valid" }
    #expect(valid.count == validCount)
    var accepted: [Int] = []
    for group in file.testGroups {
      let keys = try group.keys()
      for test in group.tests {
        if let token = try test.jws?.token, refusal(of: token, keys: keys) == nil { accepted.append(test.tcId) }
      }
    }
    let refused = Self.refusedThoughValid[name, default: [:]]
    let expected = valid.filter { $0.jws != nil && refused[$0.tcId] == nil }.map(\.tcId)
    #expect(accepted == (expected + Self.acceptedThoughInvalid[name, default: [:]].keys).sorted())
  }

  @Test(arguments: [("json_web_encryption", 139), ("json_web_crypto", 34)])
  func `no JWE passes for a token`(name: String, count: Int) throws {
    let tokens = try Vectors.decode(File.self, from: "wycheproof/\(name)_test.json").testGroups.flatMap(\.tests)
      .compactMap { try $0.jwe?.token }
    #expect(tokens.count == count)
    let reasons = tokens.map { token in
      do throws(TokenError) {
        _ = try CompactJWS(token)
        return nil as TokenError?
      } catch { return error }
    }
    #expect(reasons.allSatisfy { $0 != nil })
    // Five parts are refused before the header is looked at.
    for (token, reason) in zip(tokens, reasons) where token.count(where: { $0 == "." }) == 4 {
      #expect(reason == .malformed)
    }
  }

  @Test(arguments: [
    "ecdsa_secp256r1_sha256_p1363", "ecdsa_secp384r1_sha384_p1363", "ecdsa_secp521r1_sha512_p1363", "ed25519",
    "rsa_signature_2048_sha256", "rsa_signature_2048_sha384", "rsa_signature_2048_sha512",
    "rsa_pss_2048_sha256_mgf1_32",
    "rsa_pss_4096_sha512_mgf1_64",
  ])
  func `a JWK is the same key as the PEM beside it`(name: String) throws {
    let file = try WycheproofFile(name)
    var compared = 0
    for group in file.testGroups {
      guard let jwk = group.publicKeyJwk ?? group.keyJwk, let pem = group.publicKeyPem else { continue }
      let text = try jwk.text
      let fromJWK = try #require(try VerificationKey(jwk: text.span).publicKey)
      #expect(try fromJWK.members() == PublicKey(pem: bytes(pem)).members())
      compared += 1
    }
    #expect(compared > 0)
  }
}

extension VectorValue {
  /// The text of a token; a JSON serialization as JSON.
  fileprivate var token: String { get throws { try string ?? String(decoding: text, as: UTF8.self) } }
}
