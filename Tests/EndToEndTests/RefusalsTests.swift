import Foundation
import TestPeers
import Testing

/// What a client gets that sends what it must not, over HTTP/1.1 and byte for byte.
@Suite struct RefusalsTests {
  let sidecar: SidecarUnderTest
  let app: RecordingApp

  init() throws { (sidecar, app) = try SidecarUnderTest.shared.get() }

  private func send(_ text: String) throws -> (answer: String, end: RawConnection.End) {
    let connection = try sidecar.connection()
    try connection.send(text)
    let (bytes, end) = connection.readToEnd()
    return (String(decoding: bytes, as: UTF8.self), end)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let request: String
    let status: Int
    let reason: String

    init(_ name: String, _ request: String, _ status: Int, _ reason: String) {
      (testDescription, self.request, self.status, self.reason) = (name, request, status, reason)
    }
  }

  /// `AUTH` stands for a good credential: what is refused is refused with it as well.
  static let cases: [Case] = [
    Case(
      "both framings", "POST /r HTTP/1.1\r\nHost: a\r\nAUTHContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      400, "request_malformed"),
    Case(
      "Content-Length twice", "POST /r HTTP/1.1\r\nHost: a\r\nAUTHContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400,
      "request_malformed"),
    Case(
      "Content-Length as a list", "POST /r HTTP/1.1\r\nHost: a\r\nAUTHContent-Length: 3, 3\r\n\r\nabc", 400,
      "request_malformed"),
    Case(
      "Content-Length with a sign", "POST /r HTTP/1.1\r\nHost: a\r\nAUTHContent-Length: +3\r\n\r\nabc", 400,
      "request_malformed"),
    Case(
      "another coding than chunked", "POST /r HTTP/1.1\r\nHost: a\r\nAUTHTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
      400, "request_malformed"),
    Case(
      "chunked twice",
      "POST /r HTTP/1.1\r\nHost: a\r\nAUTHTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400,
      "request_malformed"),
    Case("bare LF", "GET /r HTTP/1.1\nHost: a\n\n", 400, "request_malformed"),
    Case("bare CR", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHA: b\rc\r\n\r\n", 400, "request_malformed"),
    Case("obsolete folding", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHA: b\r\n c\r\n\r\n", 400, "request_malformed"),
    Case("space before the colon", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHA : b\r\n\r\n", 400, "request_malformed"),
    Case("NUL in a value", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHA: b\0c\r\n\r\n", 400, "request_malformed"),
    Case("no Host", "GET /r HTTP/1.1\r\nAUTH\r\n", 400, "authority_invalid"),
    Case("two Hosts", "GET /r HTTP/1.1\r\nHost: a\r\nHost: b\r\nAUTH\r\n", 400, "authority_invalid"),
    Case("an absolute form of another host", "GET http://b/r HTTP/1.1\r\nHost: a\r\nAUTH\r\n", 400, "request_malformed"),
    Case("a handshake of TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\r\n\r\n", 400, "request_malformed"),
    Case("HTTP/1.2 of no kind", "GET /r HTTP/3.0\r\nHost: a\r\n\r\n", 400, "request_malformed"),
    Case(
      "a long request line", "GET /\(String(repeating: "x", count: 20_000)) HTTP/1.1\r\nHost: a\r\n\r\n", 414,
      "request_line_too_large"),
    Case(
      "a large field", "GET /r HTTP/1.1\r\nHost: a\r\nA: \(String(repeating: "x", count: 70_000))\r\n\r\n", 431,
      "header_section_too_large"),
    Case(
      "many fields", "GET /r HTTP/1.1\r\nHost: a\r\n\(String(repeating: "A: b\r\n", count: 300))\r\n", 431,
      "header_section_too_large"),
    Case("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 405, "method_not_allowed"),
  ]

  @Test(arguments: cases)
  func `what breaks the framing is refused and ends the connection`(_ test: Case) throws {
    let (answer, end) = try send(test.request.replacing("AUTH", with: sidecar.authorization))
    #expect(answer.hasPrefix("HTTP/1.1 \(test.status) "), "\(answer)")
    #expect(answer.hasSuffix(#"{"error":"\#(test.reason)"}"#), "\(answer)")
    // The second request of these bytes, if they were two, is never answered.
    #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 2)
    #expect(end == .closed)
    #expect(app.received("/r").isEmpty)
  }

  static let wholeCases: [Case] = [
    Case("no token", "GET /r HTTP/1.1\r\nHost: a\r\n", 401, "token_missing"),
    Case("a token that is none", "GET /r HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a.b.c\r\n", 401, "token_malformed"),
    Case("two tokens", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHAUTH", 400, "credential_repeated"),
    Case(
      "a list of tokens", "GET /r HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer a.b.c, Bearer d.e.f\r\n", 400,
      "credential_repeated"),
    Case("a dot segment", "GET /a/../r HTTP/1.1\r\nHost: a\r\nAUTH", 400, "path_not_canonical"),
    Case("an encoded dot segment", "GET /public/%2e%2e/r HTTP/1.1\r\nHost: a\r\n", 400, "path_not_canonical"),
    Case("a segment twice encoded", "GET /public/%252e%252e/r HTTP/1.1\r\nHost: a\r\n", 400, "path_not_canonical"),
    Case("a dot segment with a parameter", "GET /public/..;x/r HTTP/1.1\r\nHost: a\r\n", 400, "path_not_canonical"),
    Case("bytes beyond ASCII", "GET /public/é HTTP/1.1\r\nHost: a\r\n", 400, "path_not_canonical"),
    Case("a backslash", "GET /public/%5c..%5cr HTTP/1.1\r\nHost: a\r\n", 400, "path_not_canonical"),
    Case("TRACE", "TRACE /r HTTP/1.1\r\nHost: a\r\nAUTH", 405, "method_not_allowed"),
    Case("an unknown expectation", "GET /r HTTP/1.1\r\nHost: a\r\nAUTHExpect: foo\r\n", 417, "expectation_failed"),
    Case("an encoded path beside a public one", "GET /public%2Fr HTTP/1.1\r\nHost: a\r\n", 401, "token_missing"),
    Case("a parameter beside a public path", "GET /public;x/r HTTP/1.1\r\nHost: a\r\n", 401, "token_missing"),
  ]

  @Test(arguments: wholeCases)
  func `what is refused for its meaning has one status and one reason`(_ test: Case) throws {
    let head = test.request.replacing("AUTH", with: try sidecar.authorization)
    let (answer, end) = try send(head + "Connection: close\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 \(test.status) "), "\(answer)")
    #expect(answer.hasSuffix(#"{"error":"\#(test.reason)"}"#), "\(answer)")
    #expect(end == .closed)
    #expect(app.received("/r").isEmpty)
  }

  @Test(arguments: [
    ("", "Bearer"),
    ("Authorization: Bearer a.b.c\r\n", #"Bearer error="invalid_token""#),
  ])
  func `a missing token is asked for, a bad one is named`(credential: String, challenge: String) throws {
    let answer = try sidecar.ask("GET", "/r", credential, authorized: false)
    #expect(answer.status == 401)
    #expect(answer.values("www-authenticate").count == 1)
    #expect(answer.values("www-authenticate").first?.hasPrefix(challenge) == true, "\(answer.values("www-authenticate"))")
    #expect(answer.values("www-authenticate").first?.contains("error") == !credential.isEmpty)
  }

  @Test func `tokens of other times, keys, audiences and algorithms are refused by name`() throws {
    let (issuer, stranger) = (sidecar.issuer.first, try TokenFactory())
    let now = Int64(Date().timeIntervalSince1970)
    let cases: [(String, String)] = [
      (try issuer.token(issuer.claims(issuedAt: now - 4000)), "token_expired"),
      (try issuer.token(issuer.claims(extra: #""nbf":\#(now + 4000)"#)), "token_not_yet_valid"),
      (try issuer.token(issuer.claims(audience: "other")), "audience_mismatch"),
      (try issuer.token(issuer.claims(subject: nil)), "subject_missing"),
      (try stranger.token(), "signature_invalid"),
      (try TokenFactory(issuer: "https://other.test/").token(), "issuer_unknown"),
      (try issuer.token(header: #"{"alg":"none","kid":"key-1"}"#), "algorithm_refused"),
      (try issuer.token(header: #"{"alg":"HS256","kid":"key-1"}"#), "algorithm_refused"),
      (try issuer.token(header: #"{"alg":"ES256","kid":"key-1","crit":["x"],"x":1}"#), "critical_refused"),
      (try issuer.token(header: #"{"alg":"ES256","kid":"key-1","typ":"dpop+jwt"}"#), "type_refused"),
    ]
    for (token, reason) in cases {
      let answer = try sidecar.ask("GET", "/r", "Authorization: Bearer \(token)\r\n", authorized: false)
      #expect(answer.status == 401)
      #expect(answer.text == #"{"error":"\#(reason)"}"#)
    }
  }

  @Test func `a pipeline is answered in order, a refusal in its place`() throws {
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "GET /pipe/1 HTTP/1.1\r\nHost: a\r\n\(authorization)\r\nGET /pipe/2 HTTP/1.1\r\nHost: a\r\n\r\n"
        + "GET /pipe/3 HTTP/1.1\r\nHost: a\r\n\(authorization)\r\n")
    let answers = [try connection.readResponse(), try connection.readResponse(), try connection.readResponse()]
    #expect(answers.map(\.status) == [200, 401, 200])
    #expect(answers[0].text.hasPrefix("GET /pipe/1 ") && answers[2].text.hasPrefix("GET /pipe/3 "))
  }

  @Test func `what a client has pipelined before its end is answered, and the last answer ends the connection`() throws {
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "GET /half/1 HTTP/1.1\r\nHost: a\r\n\(authorization)\r\nPOST /half/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        + "POST /half/3 HTTP/1.1\r\nHost: a\r\n\(authorization)Content-Length: 3\r\n\r\nabc")
    connection.finishSending()
    let answers = [try connection.readResponse(), try connection.readResponse(), try connection.readResponse()]
    #expect(answers.map(\.status) == [200, 401, 200])
    #expect(answers.map { $0.values("connection") } == [[], [], ["close"]])
    let (rest, end) = connection.readToEnd()
    #expect(rest.isEmpty && end == .closed)
  }

  @Test func `a part of a request before the client's end is none`() throws {
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "GET /part/1 HTTP/1.1\r\nHost: a\r\n\(authorization)\r\nPOST /part/2 HTTP/1.1\r\nHost: a\r\n\(authorization)Content-Length: 3\r\n\r\nab")
    connection.finishSending()
    #expect(try connection.readResponse().status == 200)
    let (rest, _) = connection.readToEnd()
    #expect(rest.isEmpty)
    #expect(try sidecar.ask("GET", "/part/after").status == 200)
    #expect(app.received("/part/2").isEmpty)
  }

  @Test func `a method that goes to no app is told which do`() throws {
    let answer = try sidecar.ask("TRACE", "/r")
    #expect(answer.status == 405)
    #expect(answer.values("allow") == ["GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"])
  }

  @Test func `the log keeps to one JSON object a line, whatever bytes come`() throws {
    let path = "/hostile/\(UUID().uuidString)"
    let (line, quote) = (path + "/%0A%0D%22", "\u{1B}[2J\"},{\"status\":200,\"x\":\"\\\u{85}\u{2028}\u{FF}")
    _ = try sidecar.ask("GET", line, "User-Agent: \(quote)\r\nX-Request-ID: \(quote)\r\ntraceparent: \(quote)\r\n")
    _ = try send("G\"\\ET \(path)\" HTTP/1.1\r\nHost: \"\r\n\r\n")
    #expect(eventually { sidecar.accessLines(line).count == 1 ? true : nil } == true)
    let token = try sidecar.authorization.dropFirst(22).prefix(40)
    for text in sidecar.accessLines {
      #expect((try? JSONSerialization.jsonObject(with: Data(text.utf8))) is [String: Any], "\(text)")
      #expect(text.utf8.allSatisfy { $0 >= 0x20 })
      #expect(!text.contains(token))
    }
  }

  @Test func `each exchange has one line with status and reason`() throws {
    let path = "/logged/\(UUID().uuidString)"
    _ = try sidecar.ask("GET", path + "?secret=1")
    _ = try sidecar.ask("GET", path, authorized: false)
    let lines = try #require(eventually { sidecar.accessLines(path).count == 2 ? sidecar.accessLines(path) : nil })
    #expect(lines.map { $0["status"] as? Int } == [200, 401])
    #expect(lines.last?["reason"] as? String == "token_missing")
    #expect(!sidecar.accessLines.contains { $0.contains("secret=1") })
  }
}
