import HTTP
import JOSE
import TestPeers
import Testing

@testable import Gate

@Suite struct `The Gate` {
  static func outcome(_ head: RequestHead, _ routes: [RouteRule], _ change: (inout PolicyDraft) -> Void = { _ in })
    -> Outcome
  {
    var fixture = Fixture {
      $0.routes = routes
      change(&$0)
    }
    return fixture.outcome(head)
  }

  @Test func `without any rule a token is required`() {
    #expect(Self.outcome(RequestHead("GET"), []) == .refused(.tokenMissing))
    #expect(Self.outcome(RequestHead(bearer: Fixture.token()), []) == .identified("alice"))
  }

  @Test func `the kinds of access`() {
    let routes = [
      RouteRule(path: "/public", access: .public), RouteRule(path: "/optional", access: .optional),
      RouteRule(path: "/lenient", access: .optional, badToken: .anonymous), RouteRule(path: "/required"),
    ]
    func outcome(_ path: String, _ bearer: String?) -> Outcome {
      Self.outcome(RequestHead("GET", path, bearer: bearer), routes)
    }
    let good = Fixture.token()
    let expired = Fixture.token(lifetime: -100)
    #expect(outcome("/public", nil) == .public)
    #expect(outcome("/public", good) == .public)
    #expect(outcome("/public", "rubbish") == .public)
    #expect(outcome("/optional", nil) == .anonymous)
    #expect(outcome("/optional", good) == .identified("alice"))
    #expect(outcome("/optional", expired) == .refused(.tokenExpired))
    #expect(outcome("/lenient", nil) == .anonymous)
    #expect(outcome("/lenient", good) == .identified("alice"))
    #expect(outcome("/lenient", expired) == .anonymous)
    #expect(outcome("/lenient", "rubbish") == .anonymous)
    #expect(outcome("/required", nil) == .refused(.tokenMissing))
    #expect(outcome("/required", expired) == .refused(.tokenExpired))
  }

  @Test func `a lenient route still refuses what is not the token's fault`() {
    var fixture = Fixture { $0.routes = [RouteRule(path: "/**", access: .optional, badToken: .anonymous)] }
    let twice = RequestHead("GET", "/", [("authorization", "Bearer a")], bearer: "b")
    #expect(fixture.outcome(twice) == .refused(.credentialRepeated))
    fixture.keys = .empty
    #expect(
      fixture.outcome(RequestHead(bearer: Fixture.token()), keysWereJustFetched: true) == .refused(.keysUnavailable))
  }

  @Test func `a public route looks at no credential`() {
    let head = RequestHead("GET", "/", [("authorization", "Bearer a"), ("authorization", "Bearer b")])
    #expect(Self.outcome(head, [RouteRule(path: "/", access: .public)]) == .public)
  }

  @Test(arguments: [
    ("TRACE", nil as String?, Outcome.refused(.methodNotAllowed)), ("CONNECT", nil, .refused(.methodNotAllowed)),
    ("CONNECT", "websocket", .public), ("PURGE", nil, .public), ("trace", nil, .public),
  ])
  func `TRACE, and CONNECT without a protocol, are refused`(method: String, upgrade: String?, expected: Outcome) {
    #expect(
      Self.outcome(RequestHead(method, "/", upgrade: upgrade), [RouteRule(path: "/**", access: .public)]) == expected)
  }

  @Test func `a path that is not canonical is refused before anything else`() {
    let routes = [RouteRule(path: "/**", access: .public)]
    #expect(Self.outcome(RequestHead("GET", "/a/../b"), routes) == .refused(.pathNotCanonical))
    #expect(Self.outcome(RequestHead("GET", "/a?b#c"), routes) == .refused(.pathNotCanonical))
    #expect(Self.outcome(RequestHead("GET", "/a?b=../c"), routes) == .public)
    #expect(Self.outcome(RequestHead("GET", "*"), routes) == .refused(.pathNotCanonical))
  }

  @Test func `OPTIONS for the server as a whole needs what everything needs`() {
    let open = [RouteRule(path: "/**", access: .public)]
    #expect(Self.outcome(RequestHead("OPTIONS", "*"), open) == .refused(.tokenMissing))
    #expect(Self.outcome(RequestHead("OPTIONS", "*", bearer: Fixture.token()), open) == .identified("alice"))
    let closed = [RouteRule(path: "/**", claims: [ClaimRule(claim: "a", condition: .equals(.boolean(true)))])]
    #expect(Self.outcome(RequestHead("OPTIONS", "*", bearer: Fixture.token()), closed) == .refused(.claimsInsufficient))
  }

  // MARK: What a route asks of a token

  @Test(arguments: [
    (ClaimRule.Condition.anyOf([.text("admin")]), #""c":["user","admin"]"#, true),
    (.anyOf([.text("admin"), .text("root")]), #""c":"root""#, true),
    (.anyOf([.text("admin")]), #""c":["user"]"#, false),
    (.anyOf([.text("admin")]), #""c":"administrator""#, false), (.anyOf([.text("admin")]), #""c":"user admin""#, false),
    (.anyOf([.text("admin")]), #""d":1"#, false), (.anyOf([.text("admin")]), #""c":{"admin":true}"#, false),
    (.anyOf([.text("1")]), #""c":1"#, false), (.anyOf([.integer(1)]), #""c":[1]"#, true),
    (.anyOf([.integer(1)]), #""c":"1""#, false),
    (.allOf([.text("a"), .text("b")]), #""c":["b","x","a"]"#, true),
    (.allOf([.text("a"), .text("b")]), #""c":["a"]"#, false),
    (.allOf([.text("a"), .text("b")]), #""c":"a b""#, false), (.equals(.text("gold")), #""c":"gold""#, true),
    (.equals(.text("gold")), #""c":["gold"]"#, false), (.equals(.boolean(true)), #""c":true"#, true),
    (.equals(.boolean(true)), #""c":"true""#, false), (.equals(.integer(7)), #""c":7"#, true),
    (.equals(.integer(7)), #""c":7.0"#, false),
    (.anyOf([.text("admin")]), #""c":null"#, false),
  ])
  func `claim rules`(condition: ClaimRule.Condition, claims: String, isMet: Bool) {
    let routes = [RouteRule(path: "/", claims: [ClaimRule(claim: "c", condition: condition)])]
    let outcome = Self.outcome(RequestHead(bearer: Fixture.token(extra: claims)), routes)
    #expect(outcome == (isMet ? .identified("alice") : .refused(.claimsInsufficient)))
  }

  @Test func `scope is a list separated by spaces`() {
    let routes = [
      RouteRule(path: "/all", claims: [ClaimRule(claim: "scope", condition: .allOf([.text("a"), .text("b")]))]),
      RouteRule(path: "/nested", claims: [ClaimRule(claim: "realm_access.roles", condition: .anyOf([.text("x")]))]),
    ]
    func outcome(_ path: String, _ claims: String) -> Outcome {
      Self.outcome(RequestHead("GET", path, bearer: Fixture.token(extra: claims)), routes)
    }
    #expect(outcome("/all", #""scope":"b c a""#) == .identified("alice"))
    #expect(outcome("/all", #""scope":"ab b""#) == .refused(.claimsInsufficient))
    #expect(outcome("/nested", #""realm_access":{"roles":["x"]}"#) == .identified("alice"))
    #expect(outcome("/nested", #""roles":["x"]"#) == .refused(.claimsInsufficient))
  }

  @Test func `all claim rules of a route and of the issuer must hold`() {
    let routes = [
      RouteRule(
        path: "/",
        claims: [
          ClaimRule(claim: "a", condition: .equals(.integer(1))),
          ClaimRule(claim: "b", condition: .equals(.integer(1))),
        ])
    ]
    let issuer: (inout PolicyDraft) -> Void = {
      $0.issuers[0].claims = [ClaimRule(claim: "c", condition: .equals(.integer(1)))]
    }
    for (claims, isMet) in [(#""a":1,"b":1,"c":1"#, true), (#""a":1,"b":1"#, false), (#""a":1,"c":1"#, false)] {
      let outcome = Self.outcome(RequestHead(bearer: Fixture.token(extra: claims)), routes, issuer)
      #expect(outcome == (isMet ? .identified("alice") : .refused(.claimsInsufficient)))
    }
  }

  @Test func `a route may accept some issuers only`() {
    let routes = [
      RouteRule(path: "/idp", issuers: ["https://idp.test/"]), RouteRule(path: "/own", issuers: ["https://app.test"]),
    ]
    func outcome(_ path: String, _ token: String) -> Outcome {
      Self.outcome(RequestHead("GET", path, bearer: token), routes)
    }
    #expect(outcome("/idp", Fixture.token()) == .identified("alice"))
    #expect(outcome("/idp", Fixture.ownToken()) == .refused(.issuerNotAcceptedHere))
    #expect(outcome("/own", Fixture.ownToken()) == .identified("alice"))
    #expect(outcome("/own", Fixture.token()) == .refused(.issuerNotAcceptedHere))
  }

  @Test func `a route may ask for an audience of its own`() {
    let routes = [RouteRule(path: "/", audiences: ["billing", "books"])]
    let broad = try! Fixture.provider.token(
      #"{"iss":"https://idp.test/","sub":"alice","exp":1800000300,"aud":["my-app","books"]}"#)
    #expect(Self.outcome(RequestHead(bearer: broad), routes) == .identified("alice"))
    #expect(Self.outcome(RequestHead(bearer: Fixture.token()), routes) == .refused(.audienceMismatch))
  }

  // MARK: Passkeys

  static let stepUp = [RouteRule(path: "/", passkeyWithin: .seconds(300))]

  @Test(arguments: [(Int64(0), true), (300, true), (301, false), (-30, true), (-31, false)])
  func `a passkey must have been used within the time`(age: Int64, isMet: Bool) {
    let outcome = Self.outcome(RequestHead(bearer: Fixture.ownToken(authenticated: age)), Self.stepUp)
    #expect(outcome == (isMet ? .identified("alice") : .refused(.passkeyRequired)))
  }

  @Test func `a passkey grows old while its token is cached`() {
    var fixture = Fixture { $0.routes = Self.stepUp }
    let head = RequestHead(bearer: Fixture.ownToken())
    #expect(fixture.outcome(head) == .identified("alice"))
    fixture.now = moment + .seconds(301)
    guard case .refuse(let denied) = fixture.decide(head) else { return }
    #expect(denied.denial == .passkeyRequired)
    #expect(denied.challengeValue?.contains(#"max_age="300""#) == true)
    #expect(denied.rule == 0)
  }

  @Test(arguments: [
    (#""acr":"phr""#, true), (#""acr":"phrh""#, true), (#""amr":["pwd","hwk"]"#, true), (#""amr":["pop"]"#, true),
    (#""amr":["pwd","otp"]"#, false), (#""acr":"1""#, false), (#""amr":"pop""#, false), (#""x":1"#, false),
  ])
  func `another issuer's word counts only if it is marked, and only for phishing-resistant methods`(
    claims: String, counts: Bool
  ) {
    let token = Fixture.token(extra: #""auth_time":1800000000,"# + claims)
    #expect(Self.outcome(RequestHead(bearer: token), Self.stepUp) == .refused(.passkeyRequired))
    let marked = Self.outcome(RequestHead(bearer: token), Self.stepUp) { $0.issuers[0].stepUp = true }
    #expect(marked == (counts ? .identified("alice") : .refused(.passkeyRequired)))
  }

  @Test func `without the time of authentication no passkey counts`() {
    let outcome = Self.outcome(RequestHead(bearer: Fixture.token(extra: #""acr":"phr""#)), Self.stepUp) {
      $0.issuers[0].stepUp = true
    }
    #expect(outcome == .refused(.passkeyRequired))
  }

  // MARK: Browsers

  @Test(
    arguments: [
      ("GET", [("sec-fetch-mode", "navigate")], true),
      ("GET", [("sec-fetch-mode", "cors"), ("accept", "text/html")], false),
      ("GET", [("accept", "application/json, text/html;q=0.9")], true),
      ("GET", [("accept", "application/json")], false),
      ("GET", [], false), ("POST", [("sec-fetch-mode", "navigate")], false),
    ] as [(String, [(String, String)], Bool)])
  func `a navigation without a valid token is sent to the login page`(
    method: String, fields: [(String, String)], isSent: Bool
  ) {
    var fixture = Fixture { $0.routes = [RouteRule(path: "/**", loginPage: "/login?next=app")] }
    guard case .refuse(let denied) = fixture.decide(RequestHead(method, "/x", fields)) else {
      Issue.record("admitted")
      return
    }
    #expect(denied.denial == .tokenMissing)
    #expect(denied.redirectsToLoginPage == isSent)
    #expect(fixture.policy.loginPage(ofRule: denied.rule!) == "/login?next=app")
    #expect(fixture.policy.loginPage(ofRule: 7) == nil)
  }

  @Test func `a real preflight passes where the route lets it, without identity and credential`() {
    let routes = [RouteRule(path: "/open", forwardsPreflight: true), RouteRule(path: "/closed")]
    let preflight = [("origin", "https://x.test"), ("access-control-request-method", "PUT")]
    #expect(Self.outcome(RequestHead("OPTIONS", "/open", preflight), routes) == .anonymous)
    #expect(Self.outcome(RequestHead("OPTIONS", "/closed", preflight), routes) == .refused(.tokenMissing))
    #expect(Self.outcome(RequestHead("GET", "/open", preflight), routes) == .refused(.tokenMissing))
    #expect(Self.outcome(RequestHead("OPTIONS", "/open", [preflight[0]]), routes) == .refused(.tokenMissing))
    #expect(Self.outcome(RequestHead("OPTIONS", "/open", [preflight[1]]), routes) == .refused(.tokenMissing))
    let withToken = RequestHead("OPTIONS", "/open", preflight, bearer: Fixture.token())
    #expect(Self.outcome(withToken, routes) == .identified("alice"))
  }

  // MARK: The whole

  @Test func `whatever is sent, what is forwarded has a verified token or an explicit rule that does without`() {
    var generator = SeededGenerator(seed: 5)
    let routes = [
      RouteRule(path: "/public/**", access: .public),
      RouteRule(path: "/maybe/*", access: .optional, badToken: .anonymous),
      RouteRule(path: "/admin/**", claims: [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))]),
      RouteRule(path: "/step", passkeyWithin: .seconds(60)), RouteRule(path: "/pre", forwardsPreflight: true),
    ]
    var fixture = Fixture { draft in
      draft.routes = routes
      draft.credential = CredentialRule(cookie: "session", origins: ["https://app.test"], webSocketSubprotocol: true)
    }
    let good = Fixture.token(extra: #""roles":["admin"]"#)
    let tokens = [
      good, Fixture.token(), Fixture.ownToken(), Fixture.token(lifetime: -1000), Fixture.token(audience: "x"),
      String(good.dropLast(3)), "rubbish", "", good + "x", Fixture.token(header: #"{"alg":"none"}"#),
    ]
    let valid: Set<String> = Set(tokens.prefix(3))
    let paths = [
      "/public/a", "/PUBLIC/a", "/maybe/b", "/admin/c", "/Admin//c", "/step", "/pre", "/", "/auth/logout",
      "/public/../admin",
    ]
    let names = [
      "x-user-id", "X_User_ID", "x-forwarded-for", "accept", "origin", "access-control-request-method",
      "sec-fetch-site",
    ]
    var forwardedCount = 0
    for _ in 0..<3_000 {
      let token = tokens.randomElement(using: &generator)!
      var fields: [(String, String)] = []
      for _ in 0..<Int.random(in: 0...3, using: &generator) {
        fields.append(
          (
            names.randomElement(using: &generator)!.lowercased(),
            ["root", "https://app.test", "same-origin"].randomElement(using: &generator)!
          ))
      }
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: fields.append(("cookie", "a=1; session=\(token)"))
      case 1: fields.append(("sec-websocket-protocol", "bearer.\(token)"))
      case 2: break
      default:
        fields.append(
          ("authorization", ["Bearer ", "bearer  ", "Basic ", "Bearer"].randomElement(using: &generator)! + token))
      }
      let upgrade = Bool.random(using: &generator) ? "websocket" : nil
      let head = RequestHead(
        ["GET", "POST", "OPTIONS", "CONNECT", "HEAD", "TRACE", "X"].randomElement(using: &generator)!,
        paths.randomElement(using: &generator)!, fields, upgrade: upgrade)
      guard case .forward(let admission) = fixture.decide(head) else { continue }
      forwardedCount += 1
      if let token = admission.token {
        #expect(valid.contains(String(decoding: token.bytes, as: UTF8.self)))
      } else {
        let rule = admission.rule.map { routes[$0] }
        let isPreflight = rule?.forwardsPreflight == true && head.method == .options
        #expect(rule?.access == .public || rule?.access == .optional || isPreflight)
      }
      let lines = fixture.forwarded(head)!
      #expect(
        !lines.contains {
          $0.lowercased().contains("root") && !$0.hasPrefix("accept") && !$0.hasPrefix("origin")
            && !$0.hasPrefix("access") && !$0.hasPrefix("sec-")
        })
      let identities = lines.count { $0.hasPrefix("x-user-id: ") }
      #expect(identities == (admission.token == nil ? 0 : 1))
      if admission.access != .public { #expect(!lines.contains { $0.contains(good) }) }
    }
    #expect(forwardedCount > 300)
  }

  @Test func `random heads never trap`() {
    var generator = SeededGenerator(seed: 6)
    var fixture = Fixture { $0.routes = [RouteRule(path: "/**", access: .optional)] }
    for _ in 0..<2_000 {
      func bytes(_ limit: Int) -> [UInt8] {
        (0..<Int.random(in: 0...limit, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      }
      var head = RequestHead("OTHER", "/")
      head.path = head.fields.store(bytes(20).span)
      head.authority = head.fields.store(bytes(10).span)
      head.hasQuery = true
      head.query = head.fields.store(bytes(10).span)
      head.upgradeProtocol = head.fields.store(bytes(3).span)
      for name in ["authorization", "cookie", "sec-websocket-protocol", "connection", "te", "origin", "x"] {
        let value = Bool.random(using: &generator) ? [UInt8]("Bearer ".utf8) + bytes(10) : bytes(10)
        head.fields.append(name: [UInt8](name.utf8).span, value: value.span)
      }
      _ = fixture.forwarded(head)
    }
  }
}
