import Foundation
import TestPeers
import Testing

/// WebSockets byte by byte: who may say what, and how each side learns of the other's end.
@Suite struct TunnelTests {
  let sidecar: SidecarUnderTest
  let app: RecordingApp

  init() throws { (sidecar, app) = try SidecarUnderTest.shared.get() }

  // RFC 6455 §1.3.
  static let handshake =
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
  static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  private func ask(_ path: String, _ sidecar: SidecarUnderTest? = nil, early: String = "") throws -> RawConnection {
    let sidecar = sidecar ?? self.sidecar
    let connection = try sidecar.connection()
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\(Self.handshake)\r\n\(early)")
    return connection
  }

  /// The app agrees, after which `serve` has the connection.
  static func agree(_ head: H1Message, _ connection: RawConnection, _ fields: String = "") throws {
    let key = try #require(head.values("sec-websocket-key").first)
    let accept = try Python.line("-c", ["import base64,hashlib,sys\nprint(base64.b64encode(hashlib.sha1((sys.argv[1] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest()).decode())", key])
    try connection.send(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept)\r\n\(fields)\r\n")
  }

  @Test func `each side of the gateway has a key of its own, and each answer fits`() throws {
    let path = "/keys/\(UUID().uuidString)"
    app.on(path) { head, connection in
      try Self.agree(head, connection)
      return false
    }
    let answer = try ask(path).readHead()
    #expect(answer.status == 101)
    #expect(answer.values("sec-websocket-accept") == [Self.accept])
    #expect(answer.values("upgrade") == ["websocket"])
    let key = try #require(app.received(path).first?.values("sec-websocket-key").first)
    #expect(key != "dGhlIHNhbXBsZSBub25jZQ==" && key.count == 24)
  }

  @Test func `what is said before the app has agreed reaches it only then`() throws {
    let path = "/early/\(UUID().uuidString)"
    app.on(path) { head, connection in
      try Self.agree(head, connection)
      try connection.send(connection.read(5))
      return false
    }
    let connection = try ask(path, early: "early")
    #expect(try connection.readHead().status == 101)
    #expect(try connection.read(5) == Array("early".utf8))
  }

  @Test func `what is said to an app that did not agree never reaches it, nor is it a request`() throws {
    let path = "/disagree/\(UUID().uuidString)"
    let rest = Rest()
    app.on(path) { _, connection in
      try connection.send("HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
      rest.put(connection.readToEnd().bytes)
      return false
    }
    let connection = try ask(path, early: "GET /smuggled HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    let answer = try connection.readResponse()
    #expect(answer.status == 403 && answer.values("connection") == ["close"])
    #expect(connection.readToEnd().bytes.isEmpty)
    #expect(eventually { rest.bytes } == [])
    #expect(app.received("/smuggled").isEmpty)
  }

  @Test(arguments: ["", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"])
  func `an answer that does not fit the key is none`(field: String) throws {
    let path = "/misfit/\(UUID().uuidString)"
    app.on(path) { _, connection in
      try connection.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\(field)\r\n")
      return false
    }
    let answer = try ask(path).readResponse()
    #expect(answer.status == 502 && answer.text.contains("upstream_protocol_error"))
  }

  @Test(arguments: [
    ("Sec-WebSocket-Protocol: other", 502), ("Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat", 502),
    ("Sec-WebSocket-Protocol: chat", 101), ("Sec-WebSocket-Extensions: x-other", 502),
    ("Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10", 101), ("X-Nothing: chosen", 101),
  ])
  func `an app that chooses what it was not offered has not agreed`(field: String, status: Int) throws {
    let path = "/choice/\(UUID().uuidString)"
    app.on(path) { head, connection in
      try Self.agree(head, connection, field + "\r\n")
      return false
    }
    let connection = try sidecar.connection()
    let offer = "Sec-WebSocket-Protocol: soap, chat\r\nSec-WebSocket-Extensions: x-a; b=\"c\", permessage-deflate\r\n"
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\(Self.handshake)\(offer)\r\n")
    #expect(try connection.readHead().status == status)
  }

  @Test func `a side that has said all still hears the other`() throws {
    let path = "/half/\(UUID().uuidString)"
    let rest = Rest()
    app.on(path) { head, connection in
      try Self.agree(head, connection)
      let heard = connection.readToEnd()
      if heard.end == .closed { rest.put(heard.bytes) }
      try connection.send("and back")
      return false
    }
    let connection = try ask(path)
    #expect(try connection.readHead().status == 101)
    try connection.send("there")
    connection.finishSending()
    let heard = connection.readToEnd()
    #expect(heard.bytes == Array("and back".utf8) && heard.end == .closed)
    #expect(rest.bytes == Array("there".utf8))
    #expect(eventually { sidecar.accessLines(path).first }?["reason"] as? NSNull != nil)
  }

  @Test func `an app that breaks off is a reset to the client`() throws {
    let path = "/broken/\(UUID().uuidString)"
    app.on(path) { head, connection in
      try Self.agree(head, connection)
      _ = try connection.read(1)
      connection.abort()
      return false
    }
    let connection = try ask(path)
    #expect(try connection.readHead().status == 101)
    try connection.send("x")
    #expect(connection.readToEnd().end == .reset)
  }

  @Test func `a client that breaks off is a reset to the app`() throws {
    let path = "/gone/\(UUID().uuidString)"
    let rest = Rest()
    app.on(path) { head, connection in
      try Self.agree(head, connection)
      if connection.readToEnd().end == .reset { rest.put([1]) }
      return false
    }
    let connection = try ask(path)
    #expect(try connection.readHead().status == 101)
    connection.abort()
    #expect(eventually { rest.bytes } == [1])
  }

  @Test func `a handshake without a token gets 401, and the connection ends`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET /none HTTP/1.1\r\nHost: a\r\n\(Self.handshake)\r\n")
    #expect(try connection.readResponse().status == 401)
    #expect(connection.readToEnd().end == .closed)
  }

  @Test(arguments: [("auto", 101), ("http2", 502)])
  func `an app whose HTTP2 has no WebSockets is asked over HTTP1 where that is allowed`(choice: String, status: Int) throws {
    let app = try RecordingApp()
    // The connection preface looks like a request with this target; the answer is an empty SETTINGS frame.
    app.on("*") { _, connection in
      try connection.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
      _ = connection.readToEnd()
      return false
    }
    app.on("/chat") { head, connection in
      try Self.agree(head, connection)
      return false
    }
    let sidecar = try SidecarUnderTest(app: app.port, upstream: "protocol: \(choice)")
    let connection = try ask("/chat", sidecar)
    let answer = try connection.readHead()
    #expect(answer.status == status)
    if status == 502 { #expect(try connection.read(through: "}") == Array(#"{"error":"websocket_unsupported"}"#.utf8)) }
  }

  @Test(arguments: [
    ("Origin: https://pages.example.com\r\n", 101), ("Origin: https://evil.example\r\n", 403), ("", 403),
    ("Sec-Fetch-Site: same-origin\r\n", 101), ("Sec-Fetch-Site: cross-site\r\n", 403),
  ])
  func `a cookie opens a WebSocket for our own pages only`(field: String, status: Int) throws {
    let (sidecar, app) = try Self.cookies.get()
    app.on("/chat") { head, connection in
      try Self.agree(head, connection)
      return false
    }
    let token = try sidecar.issuer.first.token(sidecar.claims)
    let connection = try sidecar.connection()
    try connection.send("GET /chat HTTP/1.1\r\nHost: a\r\nCookie: a=b; __Host-session=\(token)\r\n\(field)\(Self.handshake)\r\n")
    #expect(try connection.readHead().status == status)
    if status == 101 {
      let head = try #require(app.received("/chat").last)
      #expect(head.values("cookie") == ["a=b"] && head.values("x-user-id") == ["alice"])
    }
  }

  private static let cookies = Result {
    let app = try RecordingApp()
    let more = "credential: {cookie: __Host-session}\ncors: {origins: [\"https://pages.example.com\"]}"
    return (try SidecarUnderTest(app: app.port, more: more), app)
  }

  @Test func `WebSockets that are open do not use up the requests that may be under way`() throws {
    let app = try RecordingApp()
    app.on("/chat") { head, connection in
      try Self.agree(head, connection)
      return connection.readToEnd().end == .timedOut
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "lameDuck: 1ms, drain: 20s, inFlight: 16")
    var open: [RawConnection] = []
    for _ in 0..<20 {
      let connection = try ask("/chat", sidecar)
      #expect(try connection.readHead().status == 101)
      open.append(connection)
    }
    #expect(try sidecar.ask("GET", "/other").status == 200)
  }

  @Test func `a frame that does not end in time is cut by a reset when the token expires`() throws {
    let app = try RecordingApp()
    app.on("/ending") { head, connection in
      try Self.agree(head, connection)
      try connection.send([0x82, 0x64, 1, 2, 3])
      return connection.readToEnd().end == .timedOut
    }
    let sidecar = try SidecarUnderTest(
      app: app.port, routes: "[{path: /ending, endWithToken: true}]", issuer: "leeway: 0s")
    let connection = try sidecar.connection()
    let token = try sidecar.issuer.first.token(sidecar.issuer.first.claims(lifetime: 3))
    try connection.send("GET /ending HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\(Self.handshake)\r\n")
    #expect(try connection.readHead().status == 101)
    let heard = connection.readToEnd()
    #expect(heard.bytes == [0x82, 0x64, 1, 2, 3] && heard.end == .reset)
  }
}
