import Foundation
import TestPeers
import Testing

/// Streams of routes that say `endWithToken`, when their token is revoked: through the process that serves them, or by
/// another process on the same state.
@Suite struct StreamRevocationTests {
  static let settings = """
    endpoints: {logout: true}
    routes: [{path: /ending/**, endWithToken: true}, {path: /test.Echo/**, endWithToken: true}]
    """

  enum Means: String, CaseIterable { case logout, command }

  /// Ends what the token is for, and returns when the process that serves knows of it.
  private func revoke(_ token: String, _ means: Means, _ replica: LoginReplicas.Replica) throws {
    switch means {
    case .logout:
      #expect(try replica.ask("POST", "/auth/logout", token: token).status == 204)
    case .command:
      let result = try ChildProcess.run(
        "/usr/bin/env",
        ["CORBADO_API_SECRET=\(LoginReplicas.secret)", SidecarUnderTest.binary, "revoke", "--subject", "alice"]
          + ["--config", replica.configuration])
      #expect(result.code == 0, "\(result.output)")
    }
    #expect(try eventually { try replica.ask("GET", "/x", token: token).status == 401 ? true : nil } == true)
  }

  /// A client of another language that has a stream open by now; it writes what it saw when the stream is over.
  private final class Client {
    private let process: ChildProcess
    private let file = NSTemporaryDirectory() + UUID().uuidString

    init(_ script: String, _ arguments: [String]) throws {
      process = try ChildProcess(
        "/usr/bin/python3", [Python.peers + "/" + script] + arguments, output: file, errors: file + ".errors")
      let errors = file + ".errors"
      let isOpen = eventually { (try? String(contentsOfFile: errors, encoding: .utf8))?.contains("open") == true ? true : nil }
      #expect(isOpen == true)
    }

    deinit { for name in [file, file + ".errors"] { try? FileManager.default.removeItem(atPath: name) } }

    func ended() throws -> [String: Any] {
      _ = try #require(process.ending())
      let text = try Data(contentsOf: URL(fileURLWithPath: file))
      return try JSONSerialization.jsonObject(with: text) as? [String: Any] ?? [:]
    }
  }

  @Test(arguments: Means.allCases, WebSocketTests.versions)
  private func `an idle WebSocket is closed with 1008`(means: Means, version: String) throws {
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess("/usr/bin/python3", [Python.peers + "/websocket_app.py", "\(port)"])
    defer { app.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: port) }
    let town = try LoginReplicas(settings: Self.settings, upstream: (port, "http1"))
    let replica = try town.start()
    let token = try town.passkeyToken(through: replica)
    let client = try Client(
      "websocket_client.py", [version, "\(replica.port)", "/ending/socket", "wait", "-H", "Authorization: Bearer \(token)"])
    try revoke(token, means, replica)
    let seen = try client.ended()
    #expect(seen["code"] as? Int == 1008, "\(seen)")
  }

  @Test(arguments: Means.allCases)
  private func `a WebSocket is closed where the frame under way ends, and nothing of the next one passes`(means: Means) throws {
    let town = try LoginReplicas(settings: Self.settings)
    let (half, rest) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let after = Rest()
    town.app.on("/ending/frames") { head, connection in
      try TunnelTests.agree(head, connection)
      try connection.send([0x82, 0x06, 1, 2, 3])
      half.signal()
      guard rest.wait(timeout: .now() + 30) == .success else { return false }
      try connection.send([4, 5, 6, 0x82, 0x01, 7])
      after.put(connection.readToEnd().bytes)
      return false
    }
    let replica = try town.start()
    let token = try town.passkeyToken(through: replica)
    let connection = try RawConnection(port: replica.port)
    try connection.send(
      "GET /ending/frames HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\(TunnelTests.handshake)\r\n")
    #expect(try connection.readHead().status == 101)
    #expect(half.wait(timeout: .now() + 30) == .success)
    #expect(try connection.read(5) == [0x82, 0x06, 1, 2, 3])
    try revoke(token, means, replica)
    // Nothing that the client says passes any more either.
    try connection.send([0x82, 0x80, 0, 0, 0, 0])
    rest.signal()
    #expect(try connection.read(7) == [4, 5, 6, 0x88, 0x02, 0x03, 0xF0])
    #expect(eventually { after.bytes } == [])
    connection.finishSending()
    #expect(connection.readToEnd().bytes.isEmpty)
  }

  @Test(arguments: Means.allCases)
  private func `server-sent events end in order on every worker, and the app is told`(means: Means) throws {
    let town = try LoginReplicas(settings: Self.settings)
    let ends = Guarded<[RawConnection.End]>([])
    town.app.on("/ending/events") { _, connection in
      try connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
      let end = connection.readToEnd().end
      ends.change { $0.append(end) }
      return false
    }
    let replica = try town.start(workers: 3)
    let token = try town.passkeyToken(through: replica)
    // So many that hardly a worker has none.
    let open = try (0..<12).map { _ in
      let connection = try RawConnection(port: replica.port)
      try connection.send("GET /ending/events HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n")
      return (connection, try connection.readHead())
    }
    try revoke(token, means, replica)
    for (connection, head) in open {
      var answer = head
      try connection.readBody(of: &answer)
      #expect(answer.status == 200 && answer.text == "data: 1\n")
    }
    #expect(eventually { ends.value.count == open.count ? true : nil } == true)
    #expect(!ends.value.contains(.timedOut))
  }

  @Test(arguments: Means.allCases)
  private func `a gRPC stream ends with UNAUTHENTICATED`(means: Means) throws {
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess("/usr/bin/python3", [Python.peers + "/grpc_app.py", "\(port)"])
    defer { app.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: port) }
    let town = try LoginReplicas(settings: Self.settings, upstream: (port, "http2"))
    let replica = try town.start()
    let token = try town.passkeyToken(through: replica)
    let client = try Client("grpc_client.py", ["\(replica.port)", "Forever", token])
    switch means {
    case .logout: #expect(try replica.ask("POST", "/auth/logout", token: token).status == 204)
    case .command: try revoke(token, means, replica)
    }
    let seen = try client.ended()
    #expect(seen["status"] as? String == "UNAUTHENTICATED", "\(seen)")
    #expect(seen["message"] as? String == "token_revoked")
    #expect((seen["received"] as? [String])?.first == "tick")
  }

  @Test func `streams of other tokens and of other routes go on`() throws {
    let town = try LoginReplicas(settings: Self.settings)
    let go = DispatchSemaphore(value: 0)
    for path in ["/ending/mine", "/ending/theirs", "/lasting"] {
      town.app.on(path) { _, connection in
        try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        if path == "/ending/mine" { return connection.readToEnd().end == .timedOut }
        guard go.wait(timeout: .now() + 30) == .success else { return false }
        try connection.send("1\r\na\r\n0\r\n\r\n")
        return true
      }
    }
    let replica = try town.start()
    let (mine, theirs) = (try town.passkeyToken(through: replica), try town.passkeyToken(through: replica))
    let open = try [("/ending/mine", mine), ("/ending/theirs", theirs), ("/lasting", mine)].map { path, token in
      let connection = try RawConnection(port: replica.port)
      try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n")
      return (connection, try connection.readHead())
    }
    try revoke(mine, .logout, replica)
    var contents: [String] = []
    for (index, (connection, head)) in open.enumerated() {
      if index == 1 { for _ in 0..<2 { go.signal() } }
      var answer = head
      try connection.readBody(of: &answer)
      contents.append(answer.text)
    }
    #expect(contents == ["", "a", "a"])
  }
}
