import Testing

@testable import passkey_sidecar_demo

@Suite struct DemoServicesTests {
  private func provider() throws -> IdentityProvider {
    var provider = IdentityProvider(
      issuer: "http://localhost:9400", audience: "demo", origins: ["http://localhost:8080"],
      key: try EmulatorUnderTest.key.get())
    provider.clock = { 1_800_000_000_000 }
    return provider
  }

  private func login(_ body: String, type: String = "application/json", origin: String? = nil) throws -> DemoResponse {
    var fields = [DemoRequest.Field(name: "Content-Type", value: type)]
    if let origin { fields.append(.init(name: "Origin", value: origin)) }
    return try provider().handle(DemoRequest("POST", "/login", fields: fields, body: Array(body.utf8)))
  }

  // MARK: The conventional login

  @Test(arguments: [
    (#"{"email":"ada@example.com","password":"analytical"}"#, "application/json"),
    ("email=ada%40example.com&password=analytical", "application/x-www-form-urlencoded"),
  ])
  func `a right password gives an access token of its user`(body: String, type: String) throws {
    let answer = try login(body, type: type).json
    #expect(answer["tokenType"] == "Bearer")
    let token = try #require(answer["accessToken"]?.text.flatMap { CompactToken($0) })
    #expect(token.isSigned(byOneOf: [try EmulatorUnderTest.key.get()]))
    var claims = token.claims
    #expect(claims["jti"]?.text?.isEmpty == false)
    claims.set("jti", nil)
    #expect(
      claims == [
        "iss": "http://localhost:9400", "aud": "demo", "sub": "u-1001", "email": "ada@example.com",
        "email_verified": true,
        "name": "Ada Lovelace", "iat": 1_800_000_000, "exp": 1_800_003_600,
      ])
  }

  @Test(arguments: [
    (#"{"email":"ada@example.com","password":"wrong"}"#, 401),
    (#"{"email":"nobody@example.com","password":"analytical"}"#, 401),
    (#"{"email":"ada@example.com"}"#, 400), ("nonsense", 400),
  ])
  func `anything else gives none`(body: String, status: Int) throws {
    let answer = try login(body)
    #expect(answer.status == status)
    #expect(answer.json["accessToken"] == nil)
  }

  @Test func `a page of another origin cannot log in`() throws {
    let body = #"{"email":"ada@example.com","password":"analytical"}"#
    #expect(
      try login(body, origin: "http://localhost:8080").field("access-control-allow-origin") == "http://localhost:8080")
    let refused = try login(body, origin: "http://evil.example")
    #expect(refused.status == 403)
    #expect(refused.field("access-control-allow-origin") == nil)
  }

  @Test func `the key set holds the key and no private part of it`() throws {
    let keys = try provider().handle(DemoRequest("GET", "/jwks")).json["keys"]?.elements
    #expect(keys?.count == 1)
    #expect(Set(keys?.first?.members?.map(\.name) ?? []) == ["kty", "alg", "use", "kid", "n", "e"])
  }

  // MARK: The app

  private let app = DemoApp(surroundings: .init(login: "http://localhost:9400", emulator: "http://localhost:9500"))

  @Test func `the app repeats the identity that it received`() {
    let answer = app.handle(
      DemoRequest(
        "GET", "/api/whoami",
        fields: [
          .init(name: "X-User-ID", value: "u-1001"), .init(name: "X-User-Email", value: "ada@example.com"),
          .init(name: "Cookie", value: "secret"),
        ], version: "HTTP/2"))
    #expect(answer.json["userID"] == "u-1001")
    #expect(answer.json["email"] == "ada@example.com")
    #expect(answer.json["protocol"] == "HTTP/2")
    #expect(!answer.text.contains("secret"))
    #expect(answer.field("cache-control") == "no-store")
  }

  @Test func `without identity there is nobody`() {
    #expect(app.handle(DemoRequest("GET", "/api/whoami")).json["userID"] == .null)
  }

  @Test func `the page runs only its own script and talks only to its surroundings`() {
    let page = app.handle(DemoRequest("GET", "/"))
    #expect(page.field("content-type") == "text/html; charset=utf-8")
    #expect(
      page.field("content-security-policy")?.contains(
        "script-src 'self'; style-src 'self'; connect-src 'self' http://localhost:9400 http://localhost:9500;") == true)
    #expect(page.text.contains(#"{"login":"http://localhost:9400","emulator":"http://localhost:9500"}"#))
    #expect(app.handle(DemoRequest("GET", "/demo.js")).field("content-type") == "text/javascript; charset=utf-8")
  }
}
