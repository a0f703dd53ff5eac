import Testing

@testable import passkey_sidecar_demo

@Suite struct EmulatorVerifyTests {
  @Test func `signed passkey data has the header and the claims of the contract`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = SoftwareAuthenticator(origin: EmulatorUnderTest.origin)
    try corbado.addPasskey(for: "u-1", &authenticator)
    let token = try #require(CompactToken(try corbado.signedPasskeyData(&authenticator)))
    #expect(token.header == ["alg": "RS256", "kid": "pki-1", "typ": "JWT"])
    let claims = token.claims
    #expect(
      claims.members?.map(\.name) == [
        "iss", "sub", "iat", "nbf", "exp", "jti", "processId", "username", "credential", "challengeId", "webauthnId",
        "isCUI",
      ])
    #expect(claims["iss"] == "pro-7001")
    #expect(claims["sub"]?.text?.hasPrefix("usr-") == true)
    #expect(claims["iat"] == .integer(corbado.now))
    #expect(claims["nbf"] == .integer(corbado.now - 10))
    #expect(claims["exp"] == .integer(corbado.now + 300))
    #expect(claims["jti"]?.text?.count == 30)
    #expect(claims["processId"]?.text?.count == 20)
    #expect(claims["username"] == "")
    #expect(claims["credential"]?.text?.hasPrefix("cre-") == true)
    #expect(claims["challengeId"]?.text?.hasPrefix("was-") == true)
    #expect(claims["webauthnId"] == "u-1")
    #expect(claims["isCUI"] == true)
  }

  @Test func `the published key set verifies signed passkey data`() throws {
    let corbado = try EmulatorUnderTest()
    let keys = corbado.emulator.handle(DemoRequest("GET", "/.well-known/jwks")).json["keys"]?.elements
    let key = try #require(keys?.first)
    #expect(key["kid"] == "pki-1" && key["kty"] == "RSA" && key["alg"] == "RS256")
    let token = try corbado.minted("u-1")
    let parts = token.split(separator: ".").map(String.init)
    let modulus = try #require(key["n"]?.text.flatMap { Base64.urlDecoded($0) })
    let exponent = try #require(key["e"]?.text.flatMap { Base64.urlDecoded($0) })
    let signature = try #require(Base64.urlDecoded(parts[2]))
    #expect(modulus.count == 256)
    #expect(
      COSEKey.rs256(modulus: modulus, exponent: exponent).isValid(
        signature: signature, over: Array("\(parts[0]).\(parts[1])".utf8)))
  }

  @Test func `success uses signed passkey data up`() throws {
    let corbado = try EmulatorUnderTest()
    let data = try corbado.minted("u-1")
    #expect(corbado.verify(data, username: "u-1") == "success")
    #expect(corbado.verify(data, username: "u-1") == "invalid_challenge")
  }

  @Test func `of many verifications at once exactly one succeeds`() async throws {
    let corbado = try EmulatorUnderTest()
    let data = try corbado.minted("u-1")
    let verdicts = await withTaskGroup(of: String?.self) { group in
      for _ in 0..<32 { group.addTask { corbado.verify(data, username: "u-1") } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(verdicts.filter { $0 == "success" }.count == 1)
    #expect(verdicts.filter { $0 == "invalid_challenge" }.count == 31)
  }

  @Test(
    arguments: [
      ["signature": "tampered"], ["signature": "foreign"], ["claims": ["iss": "pro-7002"]], ["claims": ["iss": nil]],
      ["claims": ["exp": 1]], ["claims": ["exp": nil]], ["claims": ["nbf": 4_000_000_000]], ["header": ["alg": "none"]],
      ["header": ["kid": "pki-unknown"]],
    ] as [JSON])
  func `what Corbado did not sign for this project and this time is invalid_signature`(minting: JSON) throws {
    let corbado = try EmulatorUnderTest()
    // A wrong user and a wrong challenge as well: the signature is judged first.
    var minting = minting
    var claims = minting["claims"] ?? [:]
    claims.set("challengeId", "was-unknown")
    minting.set("claims", claims)
    #expect(corbado.verify(try corbado.minted("u-1", minting), username: "u-2") == "invalid_signature")
  }

  @Test(arguments: ["", "a.b", "a.b.c.d", "not a token"])
  func `what is no compact JWS is invalid_signature`(text: String) throws {
    let corbado = try EmulatorUnderTest()
    let expected = text.isEmpty ? nil : "invalid_signature"
    #expect(corbado.verify(text, username: "u-1") == expected)
  }

  @Test func `the challenge is judged before the user`() throws {
    let corbado = try EmulatorUnderTest()
    let data = try corbado.minted("u-1", ["claims": ["challengeId": "was-unknown"]])
    #expect(corbado.verify(data, username: "u-2") == "invalid_challenge")
  }

  @Test func `a wrong user is user_mismatch and uses nothing up`() throws {
    let corbado = try EmulatorUnderTest()
    let data = try corbado.minted("u-1")
    #expect(corbado.verify(data, username: "u-2") == "user_mismatch")
    #expect(corbado.verify(data, username: "u-1") == "success")
  }

  @Test func `a wrong user uses the data up where the setting says so`() throws {
    let corbado = try EmulatorUnderTest()
    corbado.set(["mismatchConsumes": true])
    let data = try corbado.minted("u-1")
    #expect(corbado.verify(data, username: "u-2") == "user_mismatch")
    #expect(corbado.verify(data, username: "u-1") == "invalid_challenge")
  }

  @Test func `signed passkey data lives for 300 seconds`() throws {
    let corbado = try EmulatorUnderTest()
    let early = try corbado.minted("u-1")
    let late = try corbado.minted("u-1")
    corbado.advance(seconds: 299)
    #expect(corbado.verify(early, username: "u-1") == "success")
    corbado.advance(seconds: 1)
    #expect(corbado.verify(late, username: "u-1") == "invalid_signature")
  }

  @Test func `the verdicts that nobody documents can be chosen`() throws {
    let corbado = try EmulatorUnderTest()
    corbado.set(["replayVerdict": "generic_error", "expiryVerdict": "invalid_challenge"])
    let data = try corbado.minted("u-1")
    #expect(corbado.verify(data, username: "u-1") == "success")
    #expect(corbado.verify(data, username: "u-1") == "generic_error")
    corbado.set(["clockOffset": 301])
    #expect(corbado.verify(data, username: "u-1") == "invalid_challenge")
  }

  @Test func `strict mode wants the username, seed mode does not`() throws {
    let corbado = try EmulatorUnderTest()
    let body: JSON = ["signedPasskeyData": .string(try corbado.minted("u-1"))]
    #expect(corbado.backend("POST", "/v2/passkey/verifySignedData", body).violation == "username: cannot be blank")
    corbado.set(["mode": "seed"])
    #expect(corbado.backend("POST", "/v2/passkey/verifySignedData", body).json == ["verificationResult": "success"])
  }

  @Test func `only seed mode serves the plural route`() throws {
    let corbado = try EmulatorUnderTest()
    let body: JSON = ["signedPasskeyData": .string(try corbado.minted("u-1")), "username": "u-1"]
    #expect(corbado.backend("POST", "/v2/passkeys/verifySignedData", body).status == 404)
    corbado.set(["mode": "seed"])
    #expect(corbado.backend("POST", "/v2/passkeys/verifySignedData", body).json == ["verificationResult": "success"])
  }

  @Test func `after a rotation old data verifies until the old key is withdrawn`() throws {
    let corbado = try EmulatorUnderTest()
    let (first, second) = (try corbado.minted("u-1"), try corbado.minted("u-1"))
    let kid = try #require(corbado.control("POST", "/keys/rotate").json["kid"]?.text)
    #expect(CompactToken(try corbado.minted("u-1"))?.header["kid"] == .string(kid))
    #expect(corbado.verify(first, username: "u-1") == "success")
    _ = corbado.control("POST", "/keys/rotate", ["withdraw": true])
    #expect(corbado.verify(second, username: "u-1") == "invalid_signature")
  }

  @Test func `postLogin gives the configured session for unused data`() throws {
    let corbado = try EmulatorUnderTest()
    corbado.set(["session": "opaque"])
    let body: JSON = ["signedPasskeyData": .string(try corbado.minted("u-1"))]
    #expect(corbado.backend("POST", "/v2/passkey/postLogin", body).json == ["session": "opaque"])
    #expect(corbado.backend("POST", "/v2/passkey/postLogin", body).violation == "signedPasskeyData: is invalid")
  }
}
