import Foundation
import TestPeers
import Testing

/// The token in a cookie: read, set, taken out again, and never by the order of another site's page.
@Suite struct CookieTests {
  struct Town {
    let app: RecordingApp
    let corbado: LoopbackServer
    let sidecar: ConfiguredSidecar
    let issuer: TokenFactory
    static let origin = "https://app.example.com"

    init() throws {
      app = try RecordingApp()
      issuer = try TokenFactory()
      corbado = try LoopbackServer { connection in
        while var message = try? connection.readHead() {
          guard (try? connection.readBody(of: &message)) != nil else { return }
          let body = #"{"verificationResult":"success"}"#
          try? connection.send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
      }
      sidecar = try ConfiguredSidecar(
        app: app.port, corbado: corbado.port, files: ["keys.json": try issuer.jwkSet],
        """
        issuers: [{issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], keys: {file: keys.json}}]
        credential: {cookie: __Host-session}
        cors: {origins: ["\(Self.origin)"]}
        login:
          identity: {unlinked: identifier, identifierIsSubject: true}
          token: {issuer: https://app.example.com, audience: my-app, lifetime: 10m}
          cookie: {name: __Host-session, sameSite: Lax}
          tokenInBody: false
        routes: [{path: /maybe, access: optional}]
        endpoints: {logout: true}

        """)
    }

    /// Signed passkey data; the signature is Corbado's business.
    func passkeyData() throws -> String {
      let now = Int64(Date().timeIntervalSince1970)
      let claims = #"""
        {"iss":"pro-1","sub":"usr-1","iat":\#(now),"nbf":\#(now - 10),"exp":\#(now + 300),"jti":"\#(UUID().uuidString)",
        "processId":"p","username":"","credential":"cre-1","challengeId":"was-1","webauthnId":"bob@example.com","isCUI":false}
        """#
      return try TokenFactory(algorithm: .rs256).token(claims)
    }
  }

  static let town = Result { try Town() }
  let town: Town

  init() throws { town = try Self.town.get() }

  private func cookie(_ token: String) -> String { "Cookie: __Host-session=\(token)" }

  @Test(arguments: [
    ("a=1;  b=2 ;TOKEN; c=\"3, 4\"", "a=1;  b=2 ; c=\"3, 4\""), ("TOKEN; a=1", "a=1"), ("a=1;TOKEN", "a=1"),
    ("a=1; x__Host-session=2; TOKEN;b", "a=1; x__Host-session=2;b"),
  ])
  func `the app gets the other cookies byte for byte, and this one never`(value: String, expected: String) throws {
    let token = try town.issuer.token()
    let answer = try town.sidecar.ask("/c", ["Cookie: " + value.replacing("TOKEN", with: "__Host-session=\(token)")])
    #expect(answer.status == 200)
    let lines = answer.text.components(separatedBy: "\r\n")
    #expect(lines.filter { $0.lowercased().hasPrefix("cookie:") }.map { $0.dropFirst(8) } == [expected[...]])
    #expect(lines.contains { $0.lowercased() == "x-user-id: alice" })
    #expect(!answer.text.contains(token))
  }

  @Test func `alone it leaves no field behind`() throws {
    let answer = try town.sidecar.ask("/c", [cookie(try town.issuer.token())])
    #expect(answer.status == 200 && !answer.text.lowercased().contains("cookie:"))
  }

  @Test(arguments: [
    ("GET", [], true), ("HEAD", [], true), ("POST", [], false), ("DELETE", [], false), ("PATCH", [], false),
    ("POST", ["Origin: https://app.example.com"], true), ("POST", ["Sec-Fetch-Site: same-origin"], true),
    ("POST", ["Origin: https://evil.example"], false), ("POST", ["Origin: null"], false),
    ("POST", ["Origin: https://app.example.com.evil.example"], false), ("POST", ["Origin: http://app.example.com"], false),
    ("POST", ["Origin: https://app.example.com", "Origin: https://evil.example"], false),
    ("POST", ["Sec-Fetch-Site: same-site"], false), ("POST", ["Sec-Fetch-Site: cross-site"], false),
    ("GET", ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="], false),
  ] as [(String, [String], Bool)])
  func `what changes something must come from a page of ours`(method: String, fields: [String], passes: Bool) throws {
    let answer = try town.sidecar.ask(method, "/c", fields + [cookie(try town.issuer.token())])
    #expect(answer.status == (passes ? 200 : 403))
    if !passes { #expect(answer.text == #"{"error":"origin_refused"}"#) }
  }

  @Test func `a token in Authorization needs no origin, and two credentials are one too many`() throws {
    #expect(try town.sidecar.outcome("POST", "/c", token: town.issuer.token()) == "alice")
    let other = try town.issuer.token(town.issuer.claims(subject: "bob"))
    #expect(
      try town.sidecar.outcome("/c", token: town.issuer.token(), [cookie(other)])
        == #"400 {"error":"credential_repeated"}"#)
    let twice = "Cookie: __Host-session=a; __Host-session=b"
    #expect(try town.sidecar.outcome("/c", [twice]) == #"400 {"error":"credential_repeated"}"#)
  }

  @Test func `an expired cookie of an optional route is nobody's and is cleared`() throws {
    let expired = try town.issuer.token(town.issuer.claims(issuedAt: 1_700_000_000))
    let answer = try town.sidecar.ask("/maybe", [cookie(expired)])
    #expect(answer.status == 200 && !answer.text.lowercased().contains("x-user-id"))
    #expect(
      answer.values("set-cookie") == ["__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"])
    #expect(try town.sidecar.outcome("/c", [cookie(expired)]) == #"401 {"error":"token_expired"}"#)
  }

  @Test func `completeLogin sets the cookie, which is then a credential`() throws {
    let body = #"{"signedPasskeyData":"\#(try town.passkeyData())"}"#
    let fields = ["Content-Type: application/json"]
    let stranger = try town.sidecar.ask("POST", "/auth/completeLogin", fields, body: body)
    #expect(stranger.status == 403 && stranger.text == #"{"success":false,"error":"origin_refused"}"#)
    let answer = try town.sidecar.ask(
      "POST", "/auth/completeLogin", fields + ["Origin: \(Town.origin)"], body: body)
    #expect(answer.status == 200 && answer.text == #"{"success":true}"#, "\(answer.text)")
    #expect(answer.values("cache-control") == ["no-store"])
    let set = try #require(answer.values("set-cookie").first)
    #expect(set.hasPrefix("__Host-session=") && set.hasSuffix("; Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax"))
    let pair = try #require(set.split(separator: ";").first)
    #expect(try town.sidecar.outcome("/c", ["Cookie: \(pair)"]) == "bob@example.com")
  }

  @Test func `logout ends the session of the cookie and deletes it, by the order of a page of ours alone`() throws {
    let body = #"{"signedPasskeyData":"\#(try town.passkeyData())"}"#
    let login = try town.sidecar.ask(
      "POST", "/auth/completeLogin", ["Content-Type: application/json", "Origin: \(Town.origin)"], body: body)
    let pair = "Cookie: \(try #require(login.values("set-cookie").first?.split(separator: ";").first))"
    let stranger = try town.sidecar.ask("POST", "/auth/logout", [pair, "Origin: https://evil.example", "Content-Length: 0"])
    #expect(stranger.status == 403)
    #expect(try town.sidecar.outcome("/c", [pair]) == "bob@example.com")
    let answer = try town.sidecar.ask("POST", "/auth/logout", [pair, "Origin: \(Town.origin)", "Content-Length: 0"])
    #expect(answer.status == 204)
    #expect(answer.values("set-cookie") == ["__Host-session=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax"])
    #expect(try town.sidecar.outcome("/c", [pair]) == #"401 {"error":"token_revoked"}"#)
  }
}
