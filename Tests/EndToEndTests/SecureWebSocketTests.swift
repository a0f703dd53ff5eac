import Foundation
import TestPeers
import Testing

/// WebSockets to apps under TLS: ALPN says what they speak, and with it how a WebSocket is opened.
@Suite(.serialized) struct SecureWebSocketTests {
  enum App: String, CaseIterable, CustomTestStringConvertible {
    /// HTTP/1.1 without ALPN.
    case websockets
    /// HTTP/2 with RFC 8441, and HTTP/1.1.
    case hypercorn
    /// HTTP/2 without RFC 8441, and HTTP/1.1, before the first one.
    case nginx

    var testDescription: String { rawValue }
    /// What it is asked over where both are allowed.
    var version: String { self == .hypercorn ? "2" : "1.1" }
  }

  /// Apps, each with a sidecar before it.
  private final class Served: Sendable {
    let processes: [ChildProcess]
    let sidecar: SidecarUnderTest
    private let folder: String

    init(_ app: App, protocol choice: String = "auto") throws {
      let folder = NSTemporaryDirectory() + "wss-" + UUID().uuidString + "/"
      self.folder = folder
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let authority = try CertificateAuthority()
      let identity = try authority.identity(names: ["DNS:localhost"])
      for (name, bytes) in [("ca.pem", authority.certificate), ("app.pem", identity.certificate), ("app.key", identity.privateKey)] {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + name))
      }
      let (port, inner) = (try LoopbackServer.freePort(), try LoopbackServer.freePort())
      let script = Python.peers + "/websocket_app.py"
      switch app {
      case .websockets:
        processes = [try ChildProcess("/usr/bin/python3", [script, "\(port)", folder + "app.pem", folder + "app.key"])]
      case .hypercorn:
        processes = [
          try ChildProcess(
            "/usr/bin/python3",
            ["-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from hypercorn.__main__ import main; main()", Python.peers]
              + ["--bind", "127.0.0.1:\(port)", "--certfile", folder + "app.pem", "--keyfile", folder + "app.key", "asgi_app:app"])
        ]
      case .nginx:
        let configuration = """
          daemon off; pid \(folder)pid; error_log stderr;
          events {}
          http { access_log off;
            client_body_temp_path \(folder)1; proxy_temp_path \(folder)2; fastcgi_temp_path \(folder)3;
            uwsgi_temp_path \(folder)4; scgi_temp_path \(folder)5;
            server { listen 127.0.0.1:\(port) ssl http2; ssl_certificate \(folder)app.pem; ssl_certificate_key \(folder)app.key;
              location / { proxy_pass http://127.0.0.1:\(inner); proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } } }
          """
        try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "nginx.conf"))
        processes = [
          try ChildProcess("/usr/bin/python3", [script, "\(inner)"]),
          try ChildProcess("/usr/sbin/nginx", ["-e", "stderr", "-c", folder + "nginx.conf"]),
        ]
        _ = eventually { try? RawConnection(port: inner) }
      }
      _ = eventually { try? RawConnection(port: port) }
      sidecar = try SidecarUnderTest(
        app: port, upstream: "protocol: \(choice), certificateAuthority: \(folder)ca.pem"
      ) { text, _ in text.replacing("http://127.0.0.1:\(port)", with: "https://localhost:\(port)") }
    }

    deinit {
      // nginx has a child of its own to end.
      for process in processes { process.signal(SIGTERM) }
      try? FileManager.default.removeItem(atPath: folder)
    }

    func client(_ version: String) throws -> [String: Any] {
      let token = try sidecar.issuer.first.token(sidecar.claims)
      return try Python.object(
        "websocket_client.py", [version, "\(sidecar.port)", "/echo", "echo", "-H", "Authorization: Bearer \(token)"])
    }
  }

  private static func opening(_ seen: [String: Any]) -> (version: String, user: String?) {
    let opening = seen["opening"] as? [String: Any] ?? [:]
    let fields = opening["headers"] as? [[String]] ?? []
    return (opening["version"] as? String ?? "", fields.first { $0[0].lowercased() == "x-user-id" }?[1])
  }

  @Test(arguments: App.allCases)
  private func `an app under TLS is asked in the way that its ALPN and its SETTINGS allow`(app: App) throws {
    let served = try Served(app)
    // An ordinary request first: the pool knows by then what ALPN chose.
    if app == .hypercorn { #expect(try served.sidecar.ask("GET", "/x").status == 200) }
    for version in WebSocketTests.versions {
      let seen = try served.client(version)
      #expect(seen["echoed"] as? Bool == true && seen["code"] as? Int == 1000, "\(seen) \(served.sidecar.events)")
      #expect(Self.opening(seen) == (app.version, "alice"))
    }
  }

  @Test func `HTTP/1.1 is used where the configuration says so, whatever the app's ALPN offers`() throws {
    let served = try Served(.hypercorn, protocol: "http1")
    let seen = try served.client("h2")
    #expect(seen["echoed"] as? Bool == true, "\(seen) \(served.sidecar.events)")
    #expect(Self.opening(seen) == ("1.1", "alice"))
  }

  @Test func `an app whose HTTP/2 has no WebSockets is not asked over HTTP/1.1 where that is not allowed`() throws {
    let served = try Served(.nginx, protocol: "http2")
    #expect(try served.client("h1")["status"] as? Int == 502)
    #expect(eventually { served.sidecar.events.contains("websocket_unsupported") ? true : nil } == true)
  }
}
