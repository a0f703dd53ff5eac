import Foundation
import TestPeers
import Testing

/// `upstream.timeouts.streamIdle`: an app that has fallen silent inside a response, or a WebSocket on which neither side
/// speaks, is given up.
@Suite(.serialized) struct StreamIdleTests {
  private static func sidecar(_ port: UInt16, _ version: String) throws -> SidecarUnderTest {
    try SidecarUnderTest(app: port, upstream: "protocol: \(version), timeouts: {streamIdle: 1s}")
  }

  private func reason(_ path: String, _ sidecar: SidecarUnderTest) -> String? {
    eventually { sidecar.accessLines(path).first }?["reason"] as? String
  }

  /// The client's connection, after the head of the response.
  private func open(_ path: String, _ sidecar: SidecarUnderTest, _ fields: String = "") throws -> (RawConnection, H1Message) {
    let connection = try sidecar.connection()
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\(fields)\r\n")
    return (connection, try connection.readHead())
  }

  @Test func `a stream of events that falls silent is broken off, one that speaks goes on`() throws {
    let app = try RecordingApp()
    let (told, over) = (Rest(), Rest())
    for path in ["/silent", "/speaking"] {
      app.on(path) { _, connection in
        try connection.send(
          "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
        if path == "/silent" {
          told.put(connection.readToEnd().bytes)
          return false
        }
        while over.bytes == nil {
          try connection.send("1\r\n:\r\n")
          usleep(50_000)
        }
        try connection.send("8\r\ndata: 2\n\r\n0\r\n\r\n")
        return true
      }
    }
    let sidecar = try Self.sidecar(app.port, "http1")
    let (speaking, _) = try open("/speaking", sidecar)
    let (silent, head) = try open("/silent", sidecar)
    #expect(head.status == 200)
    let (bytes, end) = silent.readToEnd()
    #expect(end == .reset && bytes.contains(Array("data: 1\n".utf8)))
    #expect(reason("/silent", sidecar) == "upstream_timeout")
    #expect(eventually { told.bytes } == [])
    // As long again as the other one was silent.
    let (again, _) = try open("/silent", sidecar)
    #expect(again.readToEnd().end == .reset)
    over.put([])
    _ = try speaking.read(through: "data: 2\n\r\n0\r\n\r\n")
  }

  @Test func `a WebSocket on which nobody speaks is broken off, one on which the client speaks goes on`() throws {
    let app = try RecordingApp()
    let told = Rest()
    app.on("/silent") { head, connection in
      try TunnelTests.agree(head, connection)
      told.put(connection.readToEnd().bytes)
      return false
    }
    app.on("/speaking") { head, connection in
      try TunnelTests.agree(head, connection)
      while try connection.read(1) == [1] {}
      try connection.send([3])
      return false
    }
    let sidecar = try Self.sidecar(app.port, "http1")
    let (speaking, _) = try open("/speaking", sidecar, TunnelTests.handshake)
    let ended = Rest()
    let port = sidecar.port
    let request = "GET /silent HTTP/1.1\r\nHost: a\r\n\(try sidecar.authorization)\(TunnelTests.handshake)\r\n"
    Thread.detachNewThread {
      // Twice, so that the other one outlives more than one silence.
      for _ in 0..<2 {
        guard let connection = try? RawConnection(port: port), (try? connection.send(request)) != nil,
          (try? connection.readHead())?.status == 101, connection.readToEnd().end == .reset
        else { return }
      }
      ended.put([])
    }
    let isOver = try eventually {
      try speaking.send([1])
      usleep(50_000)
      return ended.bytes == nil ? nil : true
    }
    #expect(isOver == true)
    #expect(reason("/silent", sidecar) == "upstream_timeout")
    #expect(eventually { told.bytes } == [])
    try speaking.send([2])
    #expect(try speaking.read(1) == [3])
  }

  @Test func `so is a stream of an HTTP/2 app, and its connection goes on`() throws {
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess("node", [Python.peers + "/http2_app.mjs", "\(port)"])
    defer { app.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try Self.sidecar(port, "http2")
    let (silent, head) = try open("/hold", sidecar)
    #expect(head.status == 200)
    #expect(silent.readToEnd().end == .reset)
    #expect(reason("/hold", sidecar) == "upstream_timeout")
    #expect(try eventually { try sidecar.ask("GET", "/aborts").text == "1" ? true : nil } == true)
  }

  @Test(arguments: WebSocketTests.versions)
  private func `so is a WebSocket of an HTTP/2 app`(version: String) throws {
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess(
      "/usr/bin/python3",
      ["-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from hypercorn.__main__ import main; main()", Python.peers]
        + ["--bind", "127.0.0.1:\(port)", "asgi_app:app"])
    defer { app.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try Self.sidecar(port, "http2")
    let token = try sidecar.issuer.first.token(sidecar.claims)
    let seen = try Python.object(
      "websocket_client.py", [version, "\(sidecar.port)", "/silent", "wait", "-H", "Authorization: Bearer \(token)"])
    // No close frame: the end was not in order.
    #expect(seen["code"] as? Int == 1006, "\(seen)")
    #expect(reason("/silent", sidecar) == "upstream_timeout")
  }
}
