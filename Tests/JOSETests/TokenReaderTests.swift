import JOSE
import OpenSSL
import TestPeers
import Testing

@Suite struct TokenReaderTests {
  static let factory = Result { try TokenFactory() }

  private func refusal(_ token: String, maximumBytes: Int = 16_384) throws -> TokenError? {
    let factory = try Self.factory.get()
    let key = VerificationKey(factory.privateKey.publicKey, keyID: factory.keyID)
    do throws(TokenError) {
      var reader = TokenReader()
      try reader.read(token, maximumBytes: maximumBytes)
      _ = try reader.verify(with: key)
      return nil
    } catch { return error }
  }

  @Test func `a signed token yields its claims`() throws {
    let factory = try Self.factory.get()
    let token = try factory.token(factory.claims(issuedAt: 1_700_000_000, extra: #""jti":"j","nbf":1699999999.5"#))
    var reader = TokenReader()
    try reader.read(token)
    #expect(reader.header.algorithm == .es256)
    #expect(reader.header.keyID == "key-1")
    #expect(reader.header.type == "JWT")
    #expect(reader.unverifiedIssuer == "https://idp.test/")
    #expect(reader.unverifiedIssuerIs("https://idp.test/"))
    #expect(!reader.unverifiedIssuerIs("https://idp.test"))
    let claims = try reader.verify(with: VerificationKey(factory.privateKey.publicKey))
    #expect(claims.issuer == "https://idp.test/")
    #expect(claims.subject == "alice")
    #expect(claims.audiences == ["my-app"])
    #expect(claims.tokenID == "j")
    #expect(claims.issuedAt == UnixTime(seconds: 1_700_000_000))
    #expect(claims.expiration == UnixTime(seconds: 1_700_000_300))
    #expect(claims.notBefore == UnixTime(microseconds: 1_699_999_999_500_000))
  }

  @Test(arguments: [
    #"{"alg":"ES256"}"#, #"{"alg":"ES256","x5t":"abc","cty":"x","unknown":{"a":[1]}}"#, #" { "alg" : "ES256" } "#,
    #"{"\u0061lg":"ES256","kid":""}"#,
  ])
  func `a header with harmless parameters is accepted`(header: String) throws {
    #expect(try refusal(Self.factory.get().token(header: header)) == nil)
  }

  @Test(arguments: [
    (#"{}"#, TokenError.malformed), (#"{"typ":"JWT"}"#, .malformed), (#"{"alg":null}"#, .malformed),
    (#"{"alg":256}"#, .malformed), (#"{"alg":["ES256"]}"#, .malformed), ("[]", .malformed), ("null", .malformed),
    ("", .malformed), ("{", .malformed), (#"{"alg":"ES256","alg":"ES256"}"#, .malformed),
    (#"{"alg":"ES256","kid":1}"#, .malformed), (#"{"alg":"ES256","kid":null}"#, .malformed),
    (#"{"alg":"ES256","kid":{"a":1}}"#, .malformed), (#"{"alg":"ES256","typ":7}"#, .malformed),
    (#"{"alg":"ES256","kid":"\#(String(repeating: "k", count: 1025))"}"#, .malformed),
    (#"{"alg":"ES256","enc":"A128GCM"}"#, .malformed), (#"{"alg":"ES256","zip":"DEF"}"#, .malformed),
    (#"{"alg":"ES256","jwk":{}}"#, .malformed), (#"{"alg":"ES256","jku":"https://a.example"}"#, .malformed),
    (#"{"alg":"ES256","x5u":"https://a.example"}"#, .malformed), (#"{"alg":"ES256","x5c":[]}"#, .malformed),
    (#"{"alg":"none"}"#, .algorithmRefused), (#"{"alg":"None"}"#, .algorithmRefused),
    (#"{"alg":""}"#, .algorithmRefused),
    (#"{"alg":"es256"}"#, .algorithmRefused), (#"{"alg":"ES256K"}"#, .algorithmRefused),
    (#"{"alg":"ES256 "}"#, .algorithmRefused), (#"{"alg":"ES384"}"#, .algorithmRefused),
    (#"{"alg":"RS256"}"#, .algorithmRefused), (#"{"alg":"HS256"}"#, .algorithmRefused),
    (#"{"alg":"EdDSA"}"#, .algorithmRefused),
    (#"{"alg":"ES256","crit":["exp"],"exp":1}"#, .criticalRefused), (#"{"alg":"ES256","crit":[]}"#, .criticalRefused),
    (#"{"alg":"ES256","crit":null}"#, .criticalRefused), (#"{"alg":"ES256","b64":false}"#, .criticalRefused),
    (#"{"alg":"ES256","b64":true}"#, .criticalRefused),
    (#"{"alg":"ES256","crit":["b64"],"b64":false}"#, .criticalRefused),
  ])
  func `a header that says something else is refused, although signed`(header: String, reason: TokenError) throws {
    #expect(try refusal(Self.factory.get().token(header: header)) == reason)
  }

  @Test(arguments: [
    "", "null", "[]", "\"x\"", "1", "{", #"{"a":1,"a":2}"#, #"{"exp":1e400}"#, #"{"a":"\ud800"}"#, "{} x",
    String(repeating: #"{"a":"#, count: 33) + "1" + String(repeating: "}", count: 33),
  ])
  func `claims that are no strict JSON object are refused, although signed`(claims: String) throws {
    #expect(try refusal(Self.factory.get().token(claims)) == .malformed)
  }

  @Test(arguments: [
    "iss", "sub", "jti",
  ])
  func `a registered claim that is no string is refused`(name: String) throws {
    for value in ["1", "null", "true", "[\"a\"]", "{}"] {
      #expect(try refusal(Self.factory.get().token(#"{"exp":1,"\#(name)":\#(value)}"#)) == .claimInvalid)
    }
  }

  @Test(arguments: ["exp", "nbf", "iat"])
  func `a registered claim that is no moment is refused`(name: String) throws {
    for value in ["\"1\"", "null", "true", "[1]", "{}", "1e300", "99999999999999"] {
      #expect(try refusal(Self.factory.get().token(#"{"\#(name)":\#(value)}"#)) == .claimInvalid)
    }
  }

  @Test func `an audience that is no string or list of strings is refused`() throws {
    for value in ["1", "null", "{}", "[1]", "[\"a\",null]", "[[\"a\"]]"] {
      #expect(try refusal(Self.factory.get().token(#"{"exp":1,"aud":\#(value)}"#)) == .claimInvalid)
    }
    #expect(try refusal(Self.factory.get().token(#"{"exp":1,"aud":[]}"#)) == nil)
  }

  @Test func `any change to a token is refused`() throws {
    let token = bytes(try Self.factory.get().token(Self.factory.get().claims(issuedAt: 1_700_000_000)))
    #expect(try refusal(String(decoding: token, as: UTF8.self)) == nil)
    for index in token.indices {
      var changed = token
      changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(try refusal(String(decoding: changed, as: UTF8.self)) != nil)
      #expect(try refusal(String(decoding: token[..<index], as: UTF8.self)) != nil)
    }
  }

  @Test(arguments: [
    "", ".", "..", "...", "a", "a.b", "a..b", ".a.b", "e30.e30.", "e30.e30.e30.", "e30.e30.e30.e30.e30",
  ])
  func `what has not three parts of base64url is refused`(token: String) throws {
    #expect(try refusal(token) == .malformed)
  }

  @Test func `white space and padding are refused`() throws {
    let token = try Self.factory.get().token()
    for changed in [
      " \(token)", "\(token) ", "\(token)\n", "\(token)=", "\(token)==", token.replacing(".", with: " ."),
    ] {
      #expect(try refusal(changed) == .malformed)
    }
  }

  @Test func `a token of the limit is read, one byte more is refused`() throws {
    let token = try Self.factory.get().token()
    #expect(try refusal(token, maximumBytes: token.utf8.count) == nil)
    #expect(try refusal(token, maximumBytes: token.utf8.count - 1) == .tooLarge)
  }

  @Test func `a reader that refused a token reads the next one`() throws {
    let factory = try Self.factory.get()
    let key = VerificationKey(factory.privateKey.publicKey)
    var reader = TokenReader()
    try reader.read(factory.token())
    #expect(throws: TokenError.malformed) { try reader.read("a.b.c") }
    #expect(reader.unverifiedIssuer == nil)
    #expect(throws: TokenError.self) { try reader.verify(with: key) }
    try reader.read(factory.token(factory.claims(subject: "bob")))
    #expect(try reader.verify(with: key).subject == "bob")
  }

  @Test func `claims come out of a reader once`() throws {
    let factory = try Self.factory.get()
    let key = VerificationKey(factory.privateKey.publicKey)
    var reader = TokenReader()
    try reader.read(factory.token())
    _ = try reader.verify(with: key)
    #expect(reader.unverifiedIssuer == nil)
    #expect(throws: TokenError.self) { try reader.verify(with: key) }
  }
}

@Suite struct TokenTypesTests {
  private func isAccepted(_ type: String?, _ types: TokenTypes) throws -> Bool {
    let header = type.map { #"{"alg":"ES256","typ":"\#($0)"}"# } ?? #"{"alg":"ES256"}"#
    let jws = try CompactJWS("\(TokenFactory.base64URL(bytes(header))).e30.AA")
    do throws(TokenError) {
      try jws.header.checkType(types)
      return true
    } catch {
      #expect(error == .typeRefused)
      return false
    }
  }

  @Test(arguments: [nil, "JWT", "jwt", "Jwt", "at+jwt", "AT+JWT", "application/at+jwt", "Application/JWT"])
  func `the standard types in any case and with the prefix are accepted`(type: String?) throws {
    #expect(try isAccepted(type, .standard))
  }

  @Test(arguments: [
    "", "JOSE", "at jwt", "at+jwt ", "id+jwt", "application/", "application/application/jwt", "text/jwt", "x",
    "identity-assertion+jwt", "logout+jwt", "dpop+jwt",
  ])
  func `other types are refused`(type: String) throws {
    #expect(try !isAccepted(type, .standard))
  }

  @Test func `of our own issuer only at+jwt is accepted`() throws {
    #expect(try isAccepted("at+jwt", .accessToken))
    for type in [nil, "JWT", "identity-assertion+jwt"] { #expect(try !isAccepted(type, .accessToken)) }
  }

  @Test func `configured types may have case and prefix`() throws {
    #expect(try isAccepted("my+jwt", TokenTypes(["application/MY+JWT"], acceptsAbsent: false)))
  }
}
