import HTTP
import Testing

@testable import Gate

@Suite struct `Endpoints` {
  static let everything: @Sendable (inout PolicyDraft) -> Void = {
    $0.endpoints = EndpointPaths(enabled: Set(Endpoint.allCases), aliases: [("/api/passkey-login", .completeLogin)])
    $0.corsOrigins = ["https://front.test"]
    $0.routes = [RouteRule(path: "/**", access: .public)]
  }
  static let token = Fixture.token()
  static let json = [("content-type", "application/json")]

  static func outcome(
    _ method: String, _ target: String, _ fields: [(String, String)] = json, bearer: String? = nil,
    hasBody: Bool = true,
    under change: (inout PolicyDraft) -> Void = everything
  ) -> Outcome {
    var fixture = Fixture(change)
    return fixture.outcome(RequestHead(method, target, fields, bearer: bearer, hasBody: hasBody))
  }

  @Test func `createConnectToken and logout need a token, the others do not`() {
    #expect(Self.outcome("POST", "/auth/createConnectToken", bearer: Self.token) == .served(.createConnectToken))
    #expect(Self.outcome("POST", "/auth/createConnectToken") == .refused(.tokenMissing))
    #expect(Self.outcome("POST", "/auth/createConnectToken", bearer: "a.b.c") == .refused(.tokenMalformed))
    #expect(Self.outcome("POST", "/auth/logout", bearer: Self.token) == .served(.logout))
    #expect(Self.outcome("POST", "/auth/logout") == .refused(.tokenMissing))
    #expect(Self.outcome("POST", "/auth/completeLogin") == .served(.completeLogin))
    #expect(Self.outcome("POST", "/auth/refresh") == .served(.refresh))
    #expect(Self.outcome("GET", "/auth/jwks.json", []) == .served(.jwks))
    #expect(Self.outcome("HEAD", "/auth/jwks.json", []) == .served(.jwks))
    #expect(Self.outcome("POST", "/api/passkey-login") == .served(.completeLogin))
    #expect(Self.outcome("POST", "/auth/completeLogin?x=1") == .served(.completeLogin))
  }

  @Test func `the caller of createConnectToken is the token's user`() {
    var fixture = Fixture()
    let head = RequestHead("POST", "/auth/createConnectToken", Self.json, bearer: Self.token, hasBody: true)
    guard case .serve(let call) = fixture.decide(head) else {
      Issue.record("refused")
      return
    }
    #expect(call.token?.subject == "alice")
    #expect(call.credentialSource == .authorization)
  }

  @Test func `an endpoint that is off is a path of the app`() {
    let off: (inout PolicyDraft) -> Void = { $0.routes = [RouteRule(path: "/**", access: .public)] }
    for endpoint in ["logout", "refresh", "jwks.json"] {
      #expect(Self.outcome("POST", "/auth/" + endpoint, under: off) == .public)
    }
    #expect(Self.outcome("POST", "/auth/completeLogin", under: off) == .served(.completeLogin))
  }

  @Test func `the prefix is configurable`() {
    let change: (inout PolicyDraft) -> Void = {
      $0.endpoints.prefix = "/"
      $0.routes = [RouteRule(path: "/**", access: .public)]
    }
    #expect(Self.outcome("POST", "/completeLogin", under: change) == .served(.completeLogin))
    #expect(Self.outcome("POST", "/auth/completeLogin", under: change) == .public)
  }

  @Test(arguments: [
    "/auth/COMPLETELOGIN", "/auth/completelogin", "/AUTH/completeLogin", "/auth//completeLogin", "//auth/completeLogin",
    "/auth/completeLogin/", "/auth;x/completeLogin", "/auth/completeLogin;x=1", "/auth%2FcompleteLogin",
    "/auth/%63ompleteLogin", "/auth/completeLogin.json", "/auth/completeLogin%2F", "/auth/completeLogin/.x",
    "/auth/createConnectToken/", "/auth/Logout", "/auth/JWKS.json", "/auth/jwks.json/", "/API/passkey-login",
  ])
  func `another spelling reaches nothing, neither the endpoint nor the app`(path: String) {
    for method in ["POST", "GET", "OPTIONS"] {
      #expect(Self.outcome(method, path) == .refused(.tokenMissing))
      #expect(Self.outcome(method, path, bearer: "a.b.c") == .refused(.tokenMalformed))
      #expect(Self.outcome(method, path, bearer: Self.token) == .refused(.endpointUnknown))
    }
  }

  @Test(arguments: [
    "/auth/completeLoginX", "/auth/completeLogin/x", "/auth", "/auth/x", "/completeLogin", "/auth/jwks",
  ])
  func `a neighbouring path is the app's`(path: String) {
    #expect(Self.outcome("GET", path) == .public)
  }

  @Test(arguments: ["GET", "HEAD", "PUT", "DELETE", "PATCH", "PURGE", "OPTIONS"])
  func `another method is refused with those allowed`(method: String) {
    var fixture = Fixture(Self.everything)
    let head = RequestHead(method, "/auth/completeLogin", Self.json)
    guard case .refuse(let denied) = fixture.decide(head) else {
      Issue.record("admitted")
      return
    }
    #expect(denied.denial == .methodNotAllowed)
    #expect(denied.endpoint == .completeLogin)
    #expect(denied.allowedMethods?.description == "POST, OPTIONS")
  }

  @Test(
    arguments: [
      ([("content-type", "application/json")], true), ([("content-type", "Application/JSON ; charset=utf-8")], true),
      ([], false), ([("content-type", "text/plain")], false), ([("content-type", "application/json5")], false),
      ([("content-type", "application/x-www-form-urlencoded")], false), ([("content-type", "")], false),
      ([("content-type", "application/json"), ("content-type", "text/plain")], false),
      ([("content-type", "text/plain;application/json")], false),
    ] as [([(String, String)], Bool)])
  func `content is JSON or refused`(fields: [(String, String)], isAccepted: Bool) {
    let outcome = Self.outcome("POST", "/auth/completeLogin", fields)
    #expect(outcome == (isAccepted ? .served(.completeLogin) : .refused(.mediaTypeRefused)))
  }

  @Test func `logout and refresh do without content`() {
    #expect(Self.outcome("POST", "/auth/refresh", [], hasBody: false) == .served(.refresh))
    #expect(Self.outcome("POST", "/auth/refresh", [], hasBody: true) == .refused(.mediaTypeRefused))
    #expect(Self.outcome("POST", "/auth/completeLogin", [], hasBody: false) == .refused(.mediaTypeRefused))
  }

  // MARK: Origins

  static let preflight = [("origin", "https://front.test"), ("access-control-request-method", "POST")]

  @Test func `a preflight is answered for configured origins only`() {
    #expect(Self.outcome("OPTIONS", "/auth/completeLogin", Self.preflight) == .preflight(.completeLogin))
    let other = [("origin", "https://evil.test"), ("access-control-request-method", "POST")]
    #expect(Self.outcome("OPTIONS", "/auth/completeLogin", other) == .refused(.originRefused))
    #expect(Self.outcome("OPTIONS", "/auth/completeLogin", [Self.preflight[0]]) == .refused(.methodNotAllowed))
  }

  @Test func `the origin whose pages may read an answer is known`() {
    let policy = Fixture(Self.everything).policy
    func origin(_ fields: [(String, String)]) -> String? {
      let head = RequestHead("POST", "/", fields)
      return policy.corsOrigin(of: head).map { head.fields.string($0) }
    }
    #expect(origin([("origin", "https://front.test")]) == "https://front.test")
    #expect(origin([("origin", "https://front.test.evil")]) == nil)
    #expect(origin([("origin", "https://front.test"), ("origin", "https://front.test")]) == nil)
    #expect(origin([]) == nil)
  }

  @Test func `where the login sets a cookie, its calls are bound to our origins`() {
    let cookies: (inout PolicyDraft) -> Void = {
      Self.everything(&$0)
      $0.credential = CredentialRule(cookie: "session", origins: ["https://app.test"], loginSetsCookie: true)
    }
    let own = Self.json + [("origin", "https://app.test")]
    for path in ["completeLogin", "refresh", "logout"] {
      let bearer = path == "logout" ? Self.token : nil
      #expect(Self.outcome("POST", "/auth/" + path, bearer: bearer, under: cookies) == .refused(.originRefused))
      #expect(
        Self.outcome("POST", "/auth/" + path, own, bearer: bearer, under: cookies) == .served(Endpoint(rawValue: path)!)
      )
    }
    #expect(
      Self.outcome("POST", "/auth/createConnectToken", bearer: Self.token, under: cookies)
        == .served(.createConnectToken))
    let cookie = Self.json + [("cookie", "session=" + Self.token)]
    #expect(Self.outcome("POST", "/auth/createConnectToken", cookie, under: cookies) == .refused(.originRefused))
  }

  @Test func `the claim rules of an issuer hold at our endpoints`() {
    let change: (inout PolicyDraft) -> Void = {
      $0.issuers[0].claims = [ClaimRule(claim: "tenant", condition: .equals(.text("acme")))]
    }
    #expect(
      Self.outcome("POST", "/auth/createConnectToken", bearer: Self.token, under: change)
        == .refused(.claimsInsufficient))
  }
}
