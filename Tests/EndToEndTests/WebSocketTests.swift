import Foundation
import TestPeers
import Testing

/// WebSockets by both versions on both sides, with other people's clients and apps.
// One after the other: hypercorn may give up a whole HTTP/2 connection when a test breaks off one of its streams.
@Suite(.serialized) struct WebSocketTests {
  /// An app with a sidecar before it.
  final class Pair: Sendable {
    let app: ChildProcess
    let sidecar: SidecarUnderTest

    init(version: String) throws {
      let port = try LoopbackServer.freePort()
      app =
        version == "h1"
        ? try ChildProcess("/usr/bin/python3", [Python.peers + "/websocket_app.py", "\(port)"])
        : try ChildProcess(
          "/usr/bin/python3",
          ["-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from hypercorn.__main__ import main; main()", Python.peers,
           "--bind", "127.0.0.1:\(port)", "--keep-alive", "300", "asgi_app:app"])
      _ = eventually { try? RawConnection(port: port) }
      sidecar = try SidecarUnderTest(
        app: port, upstream: "protocol: \(version == "h1" ? "http1" : "http2")",
        routes: "[{path: /public/**, access: public}, {path: /ending/**, endWithToken: true}]", issuer: "leeway: 0s",
        more: "credential: {webSocketSubprotocol: true}")
    }

    static let h1 = Result { try Pair(version: "h1") }
    static let h2 = Result { try Pair(version: "h2") }
    static func of(_ version: String) throws -> Pair { try (version == "h1" ? h1 : h2).get() }
  }

  static let versions = ["h1", "h2"]

  private func client(
    _ version: String, _ sidecar: SidecarUnderTest, _ path: String, _ action: String, token: String? = nil, _ more: [String] = []
  ) throws -> [String: Any] {
    let fields = ["-H", "Authorization: Bearer \(try token ?? sidecar.issuer.first.token(sidecar.claims))"]
    return try Python.object("websocket_client.py", [version, "\(sidecar.port)", path, action] + (more.isEmpty ? fields : more))
  }

  private func opening(_ seen: [String: Any]) -> (version: String, fields: [(name: String, value: String)]) {
    let opening = seen["opening"] as? [String: Any] ?? [:]
    let fields = (opening["headers"] as? [[String]] ?? []).map { (name: $0[0].lowercased(), value: $0[1]) }
    return (opening["version"] as? String ?? "", fields)
  }

  @Test(arguments: versions, versions)
  func `messages of every size go there and back, and the app knows who opened it`(version: String, app: String) throws {
    let seen = try client(version, try Pair.of(app).sidecar, "/echo", "echo")
    #expect(seen["status"] as? Int == (version == "h1" ? 101 : 200), "\(seen)")
    #expect(seen["echoed"] as? Bool == true, "\(seen)")
    #expect(seen["code"] as? Int == 1000)
    let opening = opening(seen)
    #expect(opening.version == (app == "h1" ? "1.1" : "2"))
    #expect(opening.fields.filter { $0.name == "x-user-id" }.map(\.value) == ["alice"])
    #expect(opening.fields.filter { $0.name == "sec-websocket-version" }.map(\.value) == ["13"])
    #expect(!opening.fields.contains { $0.name == "authorization" })
  }

  @Test(arguments: versions, versions)
  func `the app's close code reaches the client`(version: String, app: String) throws {
    #expect(try client(version, try Pair.of(app).sidecar, "/close", "close")["code"] as? Int == 4001)
  }

  @Test(arguments: versions, versions)
  func `the app may refuse`(version: String, app: String) throws {
    #expect(try client(version, try Pair.of(app).sidecar, "/deny", "echo")["status"] as? Int == 403)
  }

  @Test(arguments: versions, versions)
  func `a client that reads late gets everything`(version: String, app: String) throws {
    let seen = try client(version, try Pair.of(app).sidecar, "/flood", "slow")
    #expect(seen["bytes"] as? Int == 4 << 20, "\(seen)")
    #expect(seen["code"] as? Int == 1000)
  }

  @Test(arguments: versions)
  func `without a token there is no WebSocket`(version: String) throws {
    let sidecar = try Pair.of("h1").sidecar
    #expect(try client(version, sidecar, "/echo", "echo", ["-H", "X-A: b"])["status"] as? Int == 401)
  }

  @Test(arguments: versions, versions)
  func `a token may come as a subprotocol, which the app does not see`(version: String, app: String) throws {
    let sidecar = try Pair.of(app).sidecar
    let token = try sidecar.issuer.first.token(sidecar.claims)
    let seen = try client(version, sidecar, "/echo", "echo", ["-S", "bearer.\(token)", "-S", "chat"])
    #expect(seen["subprotocol"] as? String == "chat", "\(seen)")
    let fields = opening(seen).fields
    #expect(fields.filter { $0.name == "x-user-id" }.map(\.value) == ["alice"])
    #expect(fields.filter { $0.name == "sec-websocket-protocol" }.map(\.value) == ["chat"])
    #expect(!fields.contains { $0.value.contains(token) })
    #expect(!sidecar.accessLines.contains { $0.contains(token) })
  }

  @Test(arguments: versions, versions)
  func `a WebSocket ends with 1008 when its token expires`(version: String, app: String) throws {
    let sidecar = try Pair.of(app).sidecar
    let token = try sidecar.issuer.first.token(sidecar.issuer.first.claims(lifetime: 4))
    let path = "/ending/\(UUID().uuidString)"
    let seen = try client(version, sidecar, path, "wait", token: token)
    #expect(seen["code"] as? Int == 1008, "\(seen)")
    let line = eventually { sidecar.accessLines(path).first }
    #expect(line?["reason"] as? String == "token_expired")
  }

  /// Over HTTP/1.1 the end of the client's TCP stream is an end like any other.
  @Test(arguments: versions)
  func `a client that vanishes ends the WebSocket`(version: String) throws {
    let sidecar = try Pair.of("h1").sidecar
    let path = "/leave/\(UUID().uuidString)"
    _ = try client(version, sidecar, path, "leave")
    let line = try #require(eventually { sidecar.accessLines(path).first })
    #expect(line["reason"] as? String == (version == "h1" ? nil : "client_gone"))
  }
}
