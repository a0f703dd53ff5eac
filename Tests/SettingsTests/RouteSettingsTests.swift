import Gate
import Testing

@testable import Settings

@Suite struct RouteSettingsTests {
  private func route(_ members: String) -> String { changed("routes: [{path: /a, \(members)}]") }

  @Test func `all that a rule says reaches the Gate as it stands`() throws {
    let rules = try read(
      changed(
        """
        routes:
          - {path: /admin/**, methods: [GET, PURGE], exact: true, claims: {roles: [admin]}, issuers: [https://idp.example.com/, https://app.example.com], audiences: [my-app], passkeyWithin: 5m, preflight: forward, loginPage: /login?a=b}
          - {path: /maybe, access: optional, badToken: anonymous}
          - {path: /login, access: public}
        """)
    ).settings.policyDraft.routes
    #expect(rules[0].methods == ["GET", "PURGE"] && rules[0].isExact && rules[0].forwardsPreflight)
    #expect(rules[0].claims == [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))])
    #expect(rules[0].issuers.count == 2 && rules[0].audiences == ["my-app"])
    #expect(rules[0].passkeyWithin == .seconds(300) && rules[0].loginPage == "/login?a=b")
    #expect(rules.map(\.access) == [.required, .optional, .public])
    #expect(rules.map(\.badToken) == [.refuse, .anonymous, .refuse])
  }

  @Test(arguments: [
    ("methods: [get]", "methods[0]: methods have capital letters: GET"), ("methods: [\"G T\"]", "methods: is no method"),
    ("methods: GET", "methods: expected a list"), ("access: open", "access: expected public | optional | required"),
    ("access: public, claims: {roles: [a]}", "claims: asks for a token on a route that does without one"),
    ("access: optional, passkeyWithin: 5m", "passkeyWithin: asks for a token on a route that does without one"),
    ("access: public, audiences: [a]", "audiences: asks for a token"),
    ("access: optional, issuers: [https://idp.example.com/]", "issuers: asks for a token"),
    ("badToken: anonymous", "badToken: belongs on a route with access: optional"),
    ("access: public, badToken: anonymous", "badToken: belongs on a route with access: optional"),
    ("issuers: [https://other]", "issuers: names an issuer that is not configured"),
    ("loginPage: https://evil.example/", "loginPage: is no path of this origin"),
    ("loginPage: //evil.example/", "loginPage: is no path of this origin"),
    ("loginPage: \"/\\\\\\\\evil.example/\"", "loginPage: is no path of this origin"),
    ("loginPage: login", "loginPage: is no path of this origin"), ("loginPage: \"/a#b\"", "loginPage: is no path"),
    ("passkeyWithin: 0s", "passkeyWithin: expected a duration"), ("passkeyWithin: 300", "passkeyWithin: expected"),
    ("passkeyWithin: 5m, issuers: [https://idp.example.com/]", "passkeyWithin: can be met by nobody"),
    ("passkeyWithin: 5m, audiences: [other]", "passkeyWithin: can be met by nobody"),
    ("exact: 1", "exact: expected true or false"), ("preflight: pass", "preflight: expected refuse | forward"),
  ])
  func `a rule that cannot be safe or cannot be met is refused by its key`(members: String, message: String) {
    let found = problems(route(members))
    #expect(found.count == 1)
    #expect(found.first?.contains(": routes[0].\(message)") == true, "\(found)")
  }

  @Test func `an issuer marked stepUp can meet passkeyWithin`() throws {
    let text = changed(
      """
      issuers: [{issuer: https://idp, audiences: [a], stepUp: true, keys: {url: https://idp/jwks}}]
      routes: [{path: /a, passkeyWithin: 5m, issuers: [https://idp]}]
      """)
    #expect(problems(text).isEmpty)
  }

  @Test(arguments: [
    "[{path: /**, access: public}, {path: /admin}]", "[{path: /a/*, access: public}, {path: /a/b, claims: {r: [x]}}]",
    "[{path: /a, access: optional}, {path: /a, methods: [POST], claims: {r: [x]}}]",
    "[{path: /a/**, claims: {r: [x]}}, {path: /a/b, claims: {r: [x], s: [y]}}]",
  ])
  func `a restriction behind a rule that has opened the same is refused`(routes: String) {
    let found = problems(changed("routes: " + routes))
    #expect(found.count == 1)
    #expect(found.first?.contains("routes[1].path: restricts what is open already: rule 1 (") == true, "\(found)")
  }

  @Test(arguments: [
    ("[{path: /a}, {path: /a, access: public}]", ["routes[1].path"]),
    ("[{path: /a/**}, {path: /a/*/c}]", ["routes[1].path"]),
    ("[{path: /a, methods: [GET]}, {path: /a}]", []), ("[{path: /a/b}, {path: /a/*, access: public}]", []),
    ("[{path: /health, access: public}, {path: /**}]", []),
    ("[{path: /a, passkeyWithin: 1h}]", ["routes[0].passkeyWithin"]),
    ("[{path: /a, loginPage: /login}]", ["routes[0].loginPage"]),
    ("[{path: /a, loginPage: /login}, {path: /login, access: public}]", []),
    ("[{path: /a, access: public, loginPage: /a}]", ["routes[0].loginPage"]),
    ("[{path: /a, access: public, preflight: forward}]", ["routes[0].preflight"]),
  ] as [(String, [String])])
  func `a rule that will bite is warned of`(routes: String, keys: [String]) throws {
    let loaded = try read(changed("routes: " + routes))
    #expect(loaded.warnings.map(\.key).filter { $0 != "state.sqlite" } == keys)
  }

  @Test(arguments: [
    ("credential: {cookie: __Host-s}", "credential.cookie: needs cors.origins"),
    ("credential: {cookie: \"a b\"}\ncors: {origins: [https://a]}", "credential.cookie: is no field or cookie name"),
    ("credential: {cookie: 1}", "credential.cookie: expected the name of a cookie"),
    (
      "cors: {origins: [https://a]}\nlogin: {cookie: {name: s}, token: {issuer: https://me, audience: a}}",
      "login.cookie: is not read again: credential.cookie must have the same name"
    ),
    (
      "credential: {cookie: t}\ncors: {origins: [https://a]}\nlogin: {cookie: {name: s}, token: {issuer: https://me, audience: a}}",
      "login.cookie: is not read again"
    ),
    (
      "login: {tokenInBody: false, token: {issuer: https://me, audience: a}}",
      "login.tokenInBody: false leaves the token nowhere"
    ),
    ("login: {cookie: {sameSite: Lax}, token: {issuer: https://me, audience: a}}", "login.cookie: expected {name: NAME"),
    ("login: {cookie: {name: s, path: /}, token: {issuer: https://me, audience: a}}", "login.cookie: expected {name: NAME"),
    (
      "login: {cookie: {name: s, sameSite: lax}, token: {issuer: https://me, audience: a}}",
      "login.cookie.sameSite: expected Strict | Lax | None, found 'lax'; did you mean 'Lax'?"
    ),
  ])
  func `a cookie that would not be safe or not be read is refused`(lines: String, message: String) {
    let text = problem(changed(lines))
    #expect(text.contains(": \(message)"), "\(text)")
  }

  @Test func `cookies reach the Gate and Login`() throws {
    let loaded = try read(
      changed(
        """
        credential: {cookie: __Host-session}
        cors: {origins: [https://app.example.com]}
        login: {cookie: {name: __Host-session, sameSite: Strict}, tokenInBody: false, token: {issuer: https://me, audience: a}}
        """))
    let credential = loaded.settings.policyDraft.credential
    #expect(credential.cookie == "__Host-session" && credential.loginSetsCookie)
    #expect(credential.origins == ["https://app.example.com"])
    #expect(loaded.login.token.cookie?.name == "__Host-session" && loaded.login.token.cookie?.sameSite == .strict)
    #expect(!loaded.login.token.isInBody)
    #expect(loaded.warnings.map(\.key) == ["state.sqlite"])
  }
}
