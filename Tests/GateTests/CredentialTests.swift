import HTTP
import Testing

@testable import Gate

@Suite struct `Finding the credential` {
  static func read(
    _ fields: [(String, String)], cookie: String? = "session", subprotocol: Bool = true, upgrade: String? = nil,
    tokenBytes: Int = 100
  ) throws -> String? {
    let reader = CredentialReader(
      cookieName: cookie.map { [UInt8]($0.utf8) }, readsSubprotocol: subprotocol, tokenBytes: tokenBytes)
    let head = RequestHead("GET", "/", fields, upgrade: upgrade)
    return try reader.credential(of: head).map { "\($0.source) \(head.fields.string($0.token))" }
  }

  @Test(arguments: ["Bearer t", "bearer t", "BEARER t", "bEaReR   t"])
  func `the scheme is Bearer in any case`(value: String) throws {
    #expect(try Self.read([("authorization", value)]) == "authorization t")
  }

  @Test(arguments: ["Basic dTpw", "DPoP t", "Bearerish t", "Digest a=1, b=2", "", "t"])
  func `another scheme is no credential of ours`(value: String) throws {
    #expect(try Self.read([("authorization", value)]) == nil)
  }

  @Test(arguments: ["Bearer", "Bearer a b", "Bearer\ta", "Bearer a\tb", "bearer=t", "Bearer:t"])
  func `anything but one token after the scheme is malformed`(value: String) {
    #expect(throws: Denial.tokenMalformed) { try Self.read([("authorization", value)]) }
  }

  @Test(arguments: [
    [("authorization", "Bearer a, Bearer b")], [("authorization", "Bearer a,b")], [("authorization", "Bearer a,")],
    [("authorization", "Bearer , a")], [("authorization", "Bearer,a")],
    [("authorization", "Bearer a"), ("authorization", "Bearer a")],
    [("authorization", "Bearer a"), ("authorization", "Basic b")],
    [("authorization", "Basic a"), ("authorization", "Basic b")],
    [("cookie", "session=a; session=a")], [("cookie", "session=a"), ("cookie", "session=b")],
    [("cookie", "session=; session=a")], [("cookie", "session=a;session")], [("cookie", " session =a; session=b")],
    [("authorization", "Bearer a"), ("cookie", "session=b")], [("cookie", "session=b"), ("authorization", "Bearer a")],
  ])
  func `more than one credential is refused`(fields: [(String, String)]) {
    #expect(throws: Denial.credentialRepeated) { try Self.read(fields) }
  }

  @Test func `more than one subprotocol credential is refused`() {
    #expect(throws: Denial.credentialRepeated) {
      try Self.read([("sec-websocket-protocol", "bearer.a, bearer.a")], upgrade: "websocket")
    }
    #expect(throws: Denial.credentialRepeated) {
      try Self.read([("sec-websocket-protocol", "bearer.a"), ("authorization", "Bearer b")], upgrade: "websocket")
    }
  }

  @Test(arguments: [
    ("session=t", "cookie t"), ("a=1; session=t; b=2", "cookie t"), ("a=1;session=t", "cookie t"), ("SESSION=t", nil),
    ("xsession=t", nil), ("session", nil), ("session=", nil), ("a=session=t", nil), ("session = t ", "cookie t"),
    ("session=a=b", "cookie a=b"),
  ])
  func `the cookie is found by its name`(value: String, expected: String?) throws {
    #expect(try Self.read([("cookie", value)]) == expected)
  }

  @Test func `a cookie counts only where one is configured`() throws {
    #expect(try Self.read([("cookie", "session=t")], cookie: nil) == nil)
  }

  @Test func `the same token in two places is one credential`() throws {
    #expect(try Self.read([("cookie", "session=t"), ("authorization", "Bearer t")]) == "authorization t")
    #expect(try Self.read([("authorization", "Bearer t"), ("cookie", "session=t")]) == "authorization t")
  }

  @Test func `the subprotocol counts in a WebSocket handshake only`() throws {
    let fields = [("sec-websocket-protocol", "chat, bearer.t")]
    #expect(try Self.read(fields, upgrade: "WebSocket") == "webSocketSubprotocol t")
    #expect(try Self.read(fields, upgrade: "h2c") == nil)
    #expect(try Self.read(fields) == nil)
    #expect(try Self.read(fields, subprotocol: false, upgrade: "websocket") == nil)
    #expect(throws: Denial.tokenMalformed) {
      try Self.read([("sec-websocket-protocol", "bearer.")], upgrade: "websocket")
    }
  }

  @Test func `a token is bounded`() throws {
    let token = String(repeating: "a", count: 100)
    #expect(try Self.read([("authorization", "Bearer " + token)]) == "authorization " + token)
    #expect(throws: Denial.tokenTooLarge) { try Self.read([("authorization", "Bearer a" + token)]) }
  }

  @Test func `tokens in the query are ignored`() {
    var fixture = Fixture()
    #expect(fixture.outcome(RequestHead("GET", "/?access_token=" + Fixture.token())) == .refused(.tokenMissing))
  }

  // MARK: Origin

  static let cookieRules: @Sendable (inout PolicyDraft) -> Void = {
    $0.credential = CredentialRule(cookie: "session", origins: ["https://app.test", "https://other.test:8443"])
    $0.routes = [RouteRule(path: "/open", access: .optional)]
  }

  @Test(arguments: [
    ("POST", nil as String?, [] as [(String, String)], false), ("DELETE", nil, [], false), ("PURGE", nil, [], false),
    ("GET", nil, [], true), ("HEAD", nil, [], true), ("OPTIONS", nil, [], true),
    ("GET", "websocket", [], false), ("CONNECT", "websocket", [], false),
    ("POST", nil, [("origin", "https://app.test")], true), ("POST", nil, [("origin", "https://other.test:8443")], true),
    ("CONNECT", "websocket", [("origin", "https://app.test")], true),
    ("POST", nil, [("origin", "https://app.test.evil")], false), ("POST", nil, [("origin", "http://app.test")], false),
    ("POST", nil, [("origin", "null")], false), ("POST", nil, [("origin", "https://other.test")], false),
    ("POST", nil, [("origin", "https://app.test"), ("origin", "https://app.test")], false),
    ("POST", nil, [("sec-fetch-site", "same-origin")], true), ("POST", nil, [("sec-fetch-site", "same-site")], false),
    ("POST", nil, [("sec-fetch-site", "none")], false), ("POST", nil, [("sec-fetch-site", "cross-site")], false),
  ])
  func `with a cookie, what is not safe needs a page of ours`(
    method: String, upgrade: String?, fields: [(String, String)], isAdmitted: Bool
  ) {
    var fixture = Fixture(Self.cookieRules)
    let head = RequestHead(method, "/x", fields + [("cookie", "session=" + Fixture.token())], upgrade: upgrade)
    #expect(fixture.outcome(head) == (isAdmitted ? .identified("alice") : .refused(.originRefused)))
  }

  @Test func `a bearer token needs no origin`() {
    var fixture = Fixture(Self.cookieRules)
    let head = RequestHead("POST", "/x", [("cookie", "session=" + Fixture.token())], bearer: nil)
    #expect(fixture.outcome(head) == .refused(.originRefused))
    #expect(fixture.outcome(RequestHead("POST", "/x", bearer: Fixture.token())) == .identified("alice"))
  }

  @Test func `an optional route refuses a cookie without origin rather than serve it anonymously`() {
    var fixture = Fixture(Self.cookieRules)
    let head = RequestHead("POST", "/open", [("cookie", "session=" + Fixture.token())])
    #expect(fixture.outcome(head) == .refused(.originRefused))
  }
}
