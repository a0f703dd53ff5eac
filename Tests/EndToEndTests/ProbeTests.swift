import Foundation
import TestPeers
import Testing

/// `protocol: auto` before other people's servers, which meet the HTTP/2 preface unasked.
@Suite struct ProbeTests {
  enum App: String, CaseIterable, CustomTestStringConvertible {
    case gunicorn, waitress, node, nginx, nghttpd

    var testDescription: String { rawValue }
    var version: String { self == .nghttpd ? "http2" : "http1" }

    /// The server, whose files are in `folder`, answers 200 to `/x`.
    func start(_ port: UInt16, _ folder: String) throws -> ChildProcess {
      func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder + name))
        return folder + name
      }
      switch self {
      case .gunicorn, .waitress:
        // It answers with the content that it gets, and writes down what it was given.
        _ = try write("app.py", """
          import json
          def app(environ, start_response):
              content = environ["wsgi.input"].read() or b"ok"
              with open("\(folder)seen", "a") as log:
                  log.write(json.dumps([environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_X_USER_ID")]) + "\\n")
              start_response("200 OK", [("Content-Length", str(len(content)))])
              return [] if environ["REQUEST_METHOD"] == "HEAD" else [content]
          """)
        let arguments =
          self == .gunicorn
          ? ["-m", "gunicorn", "--chdir", folder, "-b", "127.0.0.1:\(port)", "app:app"]
          : ["-c", "import sys; sys.path.insert(0, sys.argv[1]); from waitress import serve; from app import app; "
            + "serve(app, listen=sys.argv[2])", folder, "127.0.0.1:\(port)"]
        return try ChildProcess("/usr/bin/python3", arguments)
      case .node:
        let script = "require('http').createServer((q, r) => r.end('ok')).listen(\(port), '127.0.0.1')"
        return try ChildProcess("node", ["-e", script])
      case .nginx:
        let configuration = try write("nginx.conf", """
          daemon off; pid \(folder)pid; error_log stderr;
          events {}
          http { access_log off;
            client_body_temp_path \(folder)1; proxy_temp_path \(folder)2; fastcgi_temp_path \(folder)3;
            uwsgi_temp_path \(folder)4; scgi_temp_path \(folder)5;
            server { listen 127.0.0.1:\(port); location / { return 200 ok; } } }
          """)
        return try ChildProcess("/usr/sbin/nginx", ["-e", "stderr", "-c", configuration])
      case .nghttpd:
        _ = try write("x", "ok")
        return try ChildProcess("nghttpd", ["--no-tls", "-a", "127.0.0.1", "-d", folder, String(port)])
      }
    }
  }

  /// An app that listens, and a sidecar before it.
  private func running(_ kind: App, _ body: (SidecarUnderTest, String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "probe-" + UUID().uuidString + "/"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let port = try LoopbackServer.freePort()
    let app = try kind.start(port, folder)
    defer {
      // gunicorn has to end its workers; nghttpd takes no notice.
      app.signal(kind == .nghttpd ? SIGKILL : SIGTERM)
      _ = app.ending()
    }
    try #require(eventually { (try? RawConnection(port: port)) == nil ? nil : true } == true)
    try body(try SidecarUnderTest(app: port, upstream: "protocol: auto"), folder)
  }

  @Test(arguments: App.allCases) func `what the app speaks is found out, and no request of a user is the one that does`(_ kind: App) throws {
    try running(kind) { sidecar, _ in
      let answer = try sidecar.ask("GET", "/x")
      #expect(answer.status == 200 && answer.text == "ok", "\(sidecar.events)")
      #expect(eventually { sidecar.events.contains(#""protocol":"\#(kind.version)""#) ? true : nil } == true)
    }
  }

  /// Waitress hands the preface to the app as a request; that one is the probe's.
  @Test(arguments: [App.gunicorn, .waitress], ["--http1.1", "--http2-prior-knowledge"])
  func `every method arrives with its content, and comes back with the app's`(_ kind: App, version: String) throws {
    try running(kind) { sidecar, folder in
      let content = String(repeating: "content ", count: 40_000)
      try Data(content.utf8).write(to: URL(fileURLWithPath: folder + "content"))
      let field = String(try sidecar.authorization.dropLast(1))
      let methods = ["GET", "HEAD", "DELETE", "OPTIONS", "PURGE"]
      let more = ["POST", "PUT", "PATCH", "DELETE", "QUERY"]
      for (index, method) in (methods + more).enumerated() {
        let sent = index < methods.count ? [] : ["--data-binary", "@\(folder)content", "-H", "Expect:"]
        let answer = try ChildProcess.run(
          "curl", ["-sS", version, "-H", field, "-w", "%{http_code}"] + (method == "HEAD" ? ["-o", "/dev/null", "-I"] : ["-X", method])
            + sent + ["http://127.0.0.1:\(sidecar.port)/x"])
        let expected = method == "HEAD" ? "" : sent.isEmpty ? "ok" : content
        #expect(answer.output == expected + "200", "\(method): \(answer.output.suffix(300))")
      }
      let lines = try String(contentsOfFile: folder + "seen", encoding: .utf8).split(separator: "\n").map(String.init)
      let users = lines.filter { !$0.contains("PRI") }
      #expect(users == (methods + more).map { #"["\#($0)", "/x", "alice"]"# })
      #expect(lines.count - users.count <= 1)
    }
  }

  @Test func `a header section at the limit reaches an HTTP/2 app with what we add to it`() throws {
    try running(.nghttpd) { sidecar, _ in
      // Names, values and 32 a field; what is left is for the request line, Host and the token.
      let fields = (0..<3).map { "X-Large-\($0): \(String(repeating: "a", count: 20_800))\r\n" }.joined()
      #expect(try sidecar.ask("GET", "/x", fields).status == 200)
      let more = "X-More: \(String(repeating: "a", count: 4000))\r\n"
      let refused = try sidecar.ask("GET", "/x", fields + more)
      #expect(refused.status == 431 && refused.text == #"{"error":"header_section_too_large"}"#)
    }
  }
}
