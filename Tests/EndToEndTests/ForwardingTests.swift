import Foundation
import TestPeers
import Testing

/// What the app gets of a request, and the client of its answer.
@Suite struct ForwardingTests {
  let sidecar: SidecarUnderTest
  let app: RecordingApp

  init() throws { (sidecar, app) = try SidecarUnderTest.shared.get() }

  /// The one request that came to the app for this path.
  private func received(
    _ target: String, _ fields: String, authorized: Bool = true, version: String = "HTTP/1.1", host: String = "Host: app.test\r\n"
  ) throws -> H1Message {
    let connection = try sidecar.connection()
    try connection.send("GET \(target) \(version)\r\n\(host)\(authorized ? sidecar.authorization : "")\(fields)\r\n")
    #expect(try connection.readResponse().status == 200)
    let all = app.received(target)
    #expect(all.count == 1)
    return try #require(all.first)
  }

  static let forgeries = [
    "X-User-ID", "x-user-id", "X_User_ID", "X-User.ID", "X-User+ID", "X.USER.ID", "X-User-Email", "x_user_email",
    "X-Forwarded-User", "X_Forwarded_For", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override",
    "Remote-User", "X-Remote-User", "X-Authenticated-User", "X-Client-Cert", "X-Client-Cert-CN", "X-SSL-Client-CN",
    "SSL-Client-Cert", "Proxy", "Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
  ]

  @Test(arguments: forgeries, [true, false])
  func `a field that apps believe is the proxy's never comes from a client`(name: String, isProtected: Bool) throws {
    let path = "\(isProtected ? "" : "/public")/forged/\(UUID().uuidString)"
    let message = try received(path, "\(name): evil\r\nConnection: keep-alive, \(name)\r\n", authorized: isProtected)
    #expect(!String(decoding: message.head, as: UTF8.self).lowercased().contains("evil"))
    #expect(message.values("x-user-id") == (isProtected ? ["alice"] : []))
    #expect(message.values("x-user-email") == (isProtected ? ["alice@example.com"] : []))
  }

  @Test func `the app learns who and whence, and nothing to repeat`() throws {
    let message = try received("/fields", "X-Forwarded-For: 1.2.3.4\r\nForwarded: for=1.2.3.4\r\nAccept: a/b\r\n")
    #expect(message.values("x-forwarded-for") == ["127.0.0.1"])
    #expect(message.values("x-forwarded-proto") == ["http"])
    #expect(message.values("x-forwarded-host") == ["app.test"])
    let forwarded = try #require(message.values("forwarded").first)
    #expect(forwarded.contains("for=127.0.0.1") && forwarded.contains("proto=http"))
    #expect(message.values("host") == ["app.test"])
    #expect(message.values("accept") == ["a/b"])
    #expect(message.values("via").count == 1)
    #expect(message.values("authorization").isEmpty)
    #expect(message.values("traceparent").first?.wholeMatch(of: /00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/) != nil)
  }

  @Test func `a public route keeps the app's own authorization`() throws {
    let message = try received("/public/basic", "Authorization: Basic abc\r\n", authorized: false)
    #expect(message.values("authorization") == ["Basic abc"])
  }

  @Test func `fields that belong to one hop stay there`() throws {
    let message = try received(
      "/hop",
      "Connection: X-Mine, keep-alive\r\nX-Mine: a\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\nUpgrade: other\r\n"
        + "Proxy-Authorization: Basic abc\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nProxy-Connection: keep-alive\r\n")
    for name in ["x-mine", "keep-alive", "upgrade", "proxy-authorization", "http2-settings", "proxy-connection"] {
      #expect(message.values(name).isEmpty, "\(name)")
    }
    #expect(message.values("te").allSatisfy { $0 == "trailers" })
  }

  @Test(arguments: [
    "/a%20b/%7Euser/x;y=z//w?q=%2F..%2F&r=a+b", "/public%2Fx?", "/caf%C3%A9?x=?y", "/:@!$&'()*+,;=-._~",
  ])
  func `a target reaches the app byte for byte`(target: String) throws {
    #expect(try sidecar.ask("GET", target).text.hasPrefix("GET \(target) HTTP/1.1\r\n"))
  }

  @Test func `who asks for options with a number of hops is answered where they end`() throws {
    for (given, passedOn) in [("1", "0"), ("7", "6"), ("x", "x")] {
      #expect(try sidecar.ask("OPTIONS", "/hops/\(given)", "Max-Forwards: \(given)\r\n").status == 200)
      #expect(app.received("/hops/\(given)").first?.values("max-forwards") == [passedOn])
    }
    let answer = try sidecar.ask("OPTIONS", "/hops/0", "Max-Forwards: 0\r\n")
    #expect(answer.status == 200)
    #expect(answer.values("allow").first?.contains("OPTIONS") == true)
    #expect(app.received("/hops/0").isEmpty)
    #expect(try sidecar.ask("GET", "/hops/get", "Max-Forwards: 0\r\n").status == 200)
    #expect(app.received("/hops/get").first?.values("max-forwards") == ["0"])
  }

  @Test(arguments: ["", "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"])
  func `each answer says when it was made, and the app's word stands`(date: String) throws {
    let path = "/date/\(UUID().uuidString)"
    app.on(path) { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\n\(date)Content-Length: 0\r\n\r\n")
      return true
    }
    let passedOn = try sidecar.ask("GET", path).values("date")
    #expect(passedOn.count == 1)
    if !date.isEmpty { #expect(passedOn == ["Sun, 06 Nov 1994 08:49:37 GMT"]) }
    for text in passedOn + (try sidecar.ask("GET", "/date", authorized: false).values("date")) {
      #expect(text.wholeMatch(of: /[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT/) != nil, "\(text)")
    }
  }

  @Test func `an absolute form reaches the app as path and host`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET http://app.test/absolute?x=1 HTTP/1.1\r\nHost: app.test\r\n\(sidecar.authorization)\r\n")
    let answer = try connection.readResponse()
    #expect(answer.text.hasPrefix("GET /absolute?x=1 HTTP/1.1\r\n"))
  }

  @Test func `an old client is answered and let go`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET /old HTTP/1.0\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    let (bytes, end) = connection.readToEnd()
    #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
    #expect(end == .closed)
  }

  @Test func `an old client that names no host is served, whatever version the app speaks`() throws {
    let message = try received("/hostless", "", version: "HTTP/1.0", host: "")
    #expect(message.values("host") == ["127.0.0.1:\(app.port)"])
    #expect(message.values("x-forwarded-host").isEmpty)
    let port = try LoopbackServer.freePort()
    let server = try ChildProcess("/usr/sbin/nghttpd", ["--no-tls", "--address=127.0.0.1", "--echo-upload", "\(port)"])
    defer { server.signal(SIGTERM) }
    _ = eventually { try? RawConnection(port: port) }
    let http2 = try SidecarUnderTest(app: port, upstream: "protocol: http2")
    let connection = try http2.connection()
    try connection.send("POST /hostless HTTP/1.0\r\n\(http2.authorization)Content-Length: 3\r\n\r\nabc")
    #expect(try connection.readResponse().status == 200)
  }

  @Test func `chunks of a client arrive as one body, without its trailers of authority`() throws {
    let answer = try sidecar.ask(
      "POST", "/chunks", "Transfer-Encoding: chunked\r\n",
      body: "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-User-ID: evil\r\nAuthorization: evil\r\nX-Sum: 1\r\n\r\n")
    let message = try #require(app.received("/chunks").first)
    #expect(message.text == "abcde" && answer.text.hasSuffix("abcde"))
    #expect(!message.trailers.joined().contains("evil"))
    #expect(message.trailers.map { $0.lowercased() } == ["x-sum: 1"])
  }

  @Test func `bytes after a request's end are the next request, not more of its body`() throws {
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "POST /first HTTP/1.1\r\nHost: a\r\n\(authorization)Content-Length: 3\r\n\r\nabc"
        + "GET /second HTTP/1.1\r\nHost: a\r\n\(authorization)\r\n")
    #expect(try connection.readResponse().text.hasSuffix("\r\n\r\nabc"))
    #expect(try connection.readResponse().text.hasPrefix("GET /second "))
  }

  @Test func `an answer's own fields pass, its hop's do not`() throws {
    app.on("/answer-fields") { _, connection in
      try connection.send(
        "HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-A: b\r\nConnection: X-Hop\r\nX-Hop: 1\r\n"
          + "Content-Length: 2\r\n\r\nok")
      return true
    }
    let answer = try sidecar.ask("GET", "/answer-fields")
    #expect(answer.values("set-cookie") == ["a=1", "b=2"])
    #expect(answer.values("x-a") == ["b"])
    #expect(answer.values("x-hop").isEmpty)
    #expect(answer.text == "ok")
  }

  @Test func `a Flask app behind gunicorn sees who asks`() throws {
    let folder = NSTemporaryDirectory() + "flask-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let source = """
      from flask import Flask, request
      app = Flask(__name__)
      @app.route("/flask", methods=["GET", "POST"])
      def flask():
          return {"user": request.headers.get("X-User-ID"), "email": request.environ.get("HTTP_X_USER_EMAIL"),
                  "size": len(request.get_data()), "authorization": request.headers.get("Authorization")}
      """
    try Data(source.utf8).write(to: URL(fileURLWithPath: folder + "/served.py"))
    let port = try LoopbackServer.freePort()
    let gunicorn = try ChildProcess(
      "/usr/bin/gunicorn", ["--bind", "127.0.0.1:\(port)", "--chdir", folder, "--threads", "2", "served:app"],
      output: folder + "/out", errors: folder + "/log")
    defer { gunicorn.signal(SIGTERM); _ = gunicorn.ending() }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try SidecarUnderTest(app: port)
    let answer = try sidecar.ask(
      "POST", "/flask", "X_User_ID: evil\r\nX-User_Email: evil\r\nTransfer-Encoding: chunked\r\n",
      body: "3\r\nabc\r\n0\r\n\r\n")
    let members = try #require(JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any])
    #expect(members["user"] as? String == "alice")
    #expect(members["email"] as? String == "alice@example.com")
    #expect(members["size"] as? Int == 3)
    #expect(members["authorization"] is NSNull)
  }
}
