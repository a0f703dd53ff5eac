import Foundation
import TestPeers
import Testing

/// Somebody who wants to be somebody else: every field that apps believe, in every spelling that servers fold together, in
/// heads and trailers, over both versions, with a token and without.
@Suite struct ImpersonationTests {
  /// What may stand where a managed name has its hyphen (RFC 9110 §5.6.2).
  static let separators = Array("-_.!#$%&'*+^`|~").map(String.init)
  static let names = [
    "x-user-id", "x-user-email", "x-forwarded-for", "x-forwarded-user", "x-real-ip", "x-remote-user", "remote-user",
    "x-client-cert", "x-ssl-client-cn", "ssl-client-verify", "x-authenticated-user", "x-original-url", "x-rewrite-url",
    "x-http-method-override",
  ]

  /// All spellings of all names: more than one request may have.
  static let spellings = names.flatMap { name in separators.map { name.replacing("-", with: $0) } }
  static let parts = stride(from: 0, to: spellings.count, by: 60).map { Array(spellings[$0..<min($0 + 60, spellings.count)]) }

  @Test(arguments: DownstreamOutcome.Version.allCases, ["/public", ""])
  func `an app behind CGI's folding never sees what a client says of itself`(version: DownstreamOutcome.Version, prefix: String) throws {
    let victim = try WSGIVictim.shared.get()
    let path = "\(prefix)/impersonation/\(UUID().uuidString)."
    for part in Self.parts {
      switch version {
      case .http1:
        let fields = part.map { "\($0.uppercased()): evil\r\n" }.joined() + "Connection: \(part.prefix(20).joined(separator: ", "))\r\n"
        #expect(try victim.sidecar.ask("GET", path, fields, authorized: prefix.isEmpty).status == 200)
      case .http2:
        let client = try RawHTTP2(port: victim.sidecar.port, path: path)
        let credential = prefix.isEmpty ? [("authorization", try bearer(victim.sidecar))] : []
        client.send(client.headers(1, "GET", credential + part.map { ($0, "evil") }))
        #expect(try client.content(1) == "ok")
      }
    }
    let records = victim.records(path)
    #expect(records.count == Self.parts.count)
    for record in records {
      #expect(record.evil.isEmpty)
      #expect(record.user == (prefix.isEmpty ? "alice" : nil))
    }
  }

  @Test(arguments: DownstreamOutcome.Version.allCases, ["/public", ""])
  func `trailers bring an app nothing that fields may not`(version: DownstreamOutcome.Version, prefix: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "\(prefix)/impersonation/\(UUID().uuidString)"
    let more = ["authorization", "cookie", "host", "content-length", "transfer-encoding", "te", "connection", "forwarded", "via"]
    for part in Self.parts + [more] {
      switch version {
      case .http1:
        let trailers = part.map { "\($0): evil\r\n" }.joined() + "x-sum: 1\r\n"
        let answer = try sidecar.ask(
          "POST", path, "Transfer-Encoding: chunked\r\n", body: "1\r\na\r\n0\r\n\(trailers)\r\n", authorized: prefix.isEmpty)
        #expect(answer.status == 200)
      case .http2:
        let client = try RawHTTP2(port: sidecar.port, path: path)
        let credential = prefix.isEmpty ? [("authorization", try bearer(sidecar))] : []
        // What HTTP/2 itself forbids would only reset the stream.
        let allowed = part.filter { !["host", "content-length", "transfer-encoding", "te", "connection"].contains($0) }
        let trailers = RawHPACK.block(allowed.map { ($0, "evil") } + [("x-sum", "1")])
        client.send(
          client.headers(1, "POST", credential, .endHeaders), .data(1, "a", []), client.headers(1, block: trailers))
        #expect(try client.content(1).hasPrefix("POST \(path) "))
      }
    }
    let requests = app.received(path)
    #expect(requests.count == Self.parts.count + 1)
    for request in requests {
      #expect(request.trailers.map { $0.lowercased() } == ["x-sum: 1"])
      #expect(request.values("x-user-id") == (prefix.isEmpty ? ["alice"] : []))
    }
  }

  private func bearer(_ sidecar: SidecarUnderTest) throws -> String {
    String(try sidecar.authorization.dropFirst("Authorization: ".count).dropLast(1))
  }

  /// Bytes of a credential in places where nobody looks for one, and credentials of other kinds in the place of ours.
  @Test(arguments: [
    "X-Authorization: Bearer TOKEN", "Proxy-Authorization: Bearer TOKEN", "Cookie: session=TOKEN", "Cookie: access_token=TOKEN",
    "Sec-WebSocket-Protocol: bearer.TOKEN", "Authorization_: Bearer TOKEN", "X-Access-Token: TOKEN", "Authorization: Token TOKEN",
    "Authorization: Basic TOKEN", "Authorization: DPoP TOKEN", "Authorization: BearerTOKEN", "Authorization: Bearer=TOKEN",
  ])
  func `a token is a credential in one place only`(field: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/credential/\(UUID().uuidString)"
    let token = try bearer(sidecar).dropFirst("Bearer ".count)
    let answer = try sidecar.ask("GET", path + "?access_token=\(token)", field.replacing("TOKEN", with: token) + "\r\n", authorized: false)
    #expect(answer.status == 401 || answer.status == 400)
    #expect(app.received(path).isEmpty)
  }

  /// Somebody else's token beside one's own: which of the two an app would read is not to be left to it.
  @Test(arguments: [
    "Authorization: Bearer OTHER\r\nAuthorization: Bearer OWN", "Authorization: Bearer OWN\r\nauthorization: Basic OTHER",
    "Authorization: Bearer OWN, Bearer OTHER", "Authorization: Bearer OWN,", "Authorization: Bearer OWN OTHER",
    "Authorization: Bearer OWN;OTHER", "Authorization: Bearer\tOWN", "Authorization: Bearer \"OWN\"", "Authorization: Bearer OWN.",
  ])
  func `two credentials are none`(fields: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/credential/\(UUID().uuidString)"
    let own = try bearer(sidecar).dropFirst("Bearer ".count)
    let other = try sidecar.issuer.first.token(sidecar.issuer.first.claims(subject: "bob"))
    let answer = try sidecar.ask(
      "GET", path, fields.replacing("OWN", with: own).replacing("OTHER", with: other) + "\r\n", authorized: false)
    #expect(answer.status == 401 || answer.status == 400)
    #expect(app.received(path).isEmpty)
  }

  /// Our endpoints in every spelling, none of which may reach the app, whatever it would read there.
  @Test(arguments: [
    "/auth/completeLogin", "/AUTH/completelogin", "//auth/completeLogin", "/auth//completeLogin", "/auth/completeLogin/", "/auth;x/completeLogin",
    "/auth/completeLogin;x=y", "/auth%2FcompleteLogin", "/auth/complete%4Cogin", "/%61uth/completeLogin", "/auth/completeLogin.json",
    "/auth/completeLogin.php/", "/auth/completeLogin%3Bx", "/;a/auth/completeLogin", "/auth/%3Bx/completeLogin", "/auth/completeLogin?x",
    "/auth/CompleteLogin%2F", "/auth/completeLogin/.json",
  ])
  func `no spelling of an endpoint reaches the app`(target: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    for authorized in [true, false] {
      let status = try sidecar.ask("POST", target, "Content-Length: 2\r\nContent-Type: text/x\r\n", body: "{}", authorized: authorized).status
      #expect([401, 404, 415].contains(status), "\(status)")
    }
    #expect(app.received(String(target.prefix { $0 != "?" })).isEmpty)
  }
}
