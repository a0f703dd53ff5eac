import Foundation
import TestPeers
import Testing

/// Apps that are down, slow or wrong, and issuers that change their keys.
@Suite struct FaultsTests {
  @Test func `while the app is down who is nobody gets 401, who is somebody 502, and its return ends that`() throws {
    let port = try LoopbackServer.freePort()
    let sidecar = try SidecarUnderTest(app: port)
    #expect(try sidecar.ask("GET", "/x", authorized: false).status == 401)
    let refused = try sidecar.ask("GET", "/x")
    #expect(refused.status == 502)
    #expect(refused.text == #"{"error":"upstream_unreachable"}"#)
    let first = try RecordingApp(port: port)
    #expect(try sidecar.ask("GET", "/x").status == 200)
    #expect(first.received("/x").isEmpty == false)
    #expect(sidecar.probe("/ready")?.status == 200)
  }

  @Test func `an app that is killed and started again is found again, with a connection to it in the pool`() throws {
    let port = try LoopbackServer.freePort()
    func start() throws -> ChildProcess {
      try ChildProcess("/usr/bin/python3", ["-c", """
        import http.server
        class H(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def do_GET(self):
                self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
        http.server.ThreadingHTTPServer(("127.0.0.1", \(port)), H).serve_forever()
        """])
    }
    var app = try start()
    let sidecar = try SidecarUnderTest(app: port)
    #expect(try eventually { try sidecar.ask("GET", "/x").status == 200 ? true : nil } == true)
    app.signal(SIGKILL)
    #expect(app.ending() != nil)
    // What was pooled is noticed to be gone: nothing hangs, and nothing passes for an answer.
    #expect(try sidecar.ask("POST", "/x", "Content-Length: 1\r\n", body: "a").status == 502)
    app = try start()
    #expect(try eventually { try sidecar.ask("GET", "/x").status == 200 ? true : nil } == true)
    for _ in 0..<5 { #expect(try sidecar.ask("GET", "/x").status == 200) }
    app.signal(SIGKILL)
  }

  @Test func `an app that says nothing is given up in time`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, upstream: "protocol: http1, timeouts: {responseHead: 200ms}")
    let gone = DispatchSemaphore(value: 0)
    app.on("/silent") { _, connection in
      if connection.readToEnd().end != .timedOut { gone.signal() }
      return false
    }
    let answer = try sidecar.ask("GET", "/silent")
    #expect(answer.status == 504)
    #expect(answer.text == #"{"error":"upstream_timeout"}"#)
    #expect(gone.wait(timeout: .now() + 20) == .success)
    #expect(try sidecar.ask("GET", "/other").status == 200)
  }

  static let nonsense: [(answer: String, reason: String)] = [
    ("SSH-2.0-OpenSSH_9.2\r\n\r\n", "upstream_protocol_error"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "upstream_protocol_error"),
    ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "upstream_protocol_error"),
    ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "upstream_protocol_error"),
    ("HTTP/1.1 99 Odd\r\n\r\n", "upstream_protocol_error"),
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "upstream_protocol_error"),
    ("HTTP/1.1 200 OK\r\nContent-Le", "upstream_reset"),
  ]

  @Test(arguments: nonsense)
  func `an answer that is none becomes 502`(answer: String, reason: String) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/nonsense/\(UUID().uuidString)"
    app.on(path) { _, connection in
      try connection.send(answer)
      return false
    }
    let received = try sidecar.ask("POST", path, "Content-Length: 0\r\n")
    #expect(received.status == 502)
    #expect(received.text == #"{"error":"\#(reason)"}"#)
  }

  @Test func `a request with a body is never sent twice`() throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    app.on("/once") { head, connection in
      var message = head
      try connection.readBody(of: &message)
      return false
    }
    #expect(try sidecar.ask("POST", "/once", "Content-Length: 3\r\n", body: "abc").status == 502)
    #expect(app.received("/once").count == 1)
  }

  @Test func `an idle connection that the app closed costs no request`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    app.on("/last") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      return false
    }
    for _ in 0..<50 { #expect(try sidecar.ask("GET", "/last").status == 200) }
    #expect(app.received("/last").count == 50)
  }

  @Test func `a token of a key that is new to us is accepted after one look at the issuer`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let second = try TokenFactory(keyID: "key-2")
    let credential = "Authorization: Bearer \(try second.token(sidecar.claims))\r\n"
    #expect(try sidecar.ask("GET", "/rotated").status == 200)
    try sidecar.issuer.publish([sidecar.issuer.first, second])
    let answer = try sidecar.ask("GET", "/rotated", credential, authorized: false)
    #expect(answer.status == 200, "\(answer.text)")
    #expect(app.received("/rotated").last?.values("x-user-id") == ["alice"])
  }

  @Test func `a key that nobody knows is refused, whatever it asks the issuer`() throws {
    let sidecar = try SidecarUnderTest(app: try LoopbackServer.freePort())
    let stranger = try TokenFactory(keyID: "key-9")
    let answer = try sidecar.ask("GET", "/x", "Authorization: Bearer \(try stranger.token())\r\n", authorized: false)
    #expect(answer.status == 401)
    #expect(answer.text == #"{"error":"key_unknown"}"#)
    #expect(answer.values("www-authenticate").first?.contains("invalid_token") == true)
  }
}
