import Foundation
import TestPeers
import Testing

/// The built binary under TLS, with other people's clients and apps.
@Suite struct TLSTests {
  /// A sidecar whose listener shows certificates for a.test and b.test.
  final class Secured: Sendable {
    let sidecar: SidecarUnderTest
    let authority: CertificateAuthority
    /// Holds `ca.pem`, `client.pem` and `client.key`; gone with this object.
    let folder: String
    let certificates: String

    init(
      app: UInt16, clientCertificates: Bool = false, limits: String = "lameDuck: 1ms, drain: 20s", more: String = ""
    ) throws {
      let authority = try CertificateAuthority()
      self.authority = authority
      let folder = NSTemporaryDirectory() + "tls-" + UUID().uuidString + "/"
      self.folder = folder
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Self.write(authority.certificate, folder + "ca.pem")
      try Self.write(authority.identity(names: [], commonName: "worker 7", usage: "clientAuth"), folder + "client")
      let client = clientCertificates ? ", clientCertificateAuthority: \(folder)ca.pem" : ""
      var written = ""
      sidecar = try SidecarUnderTest(app: app, limits: limits, more: more) { text, own in
        written = own + "/"
        try Self.write(authority.identity(names: ["DNS:a.test"]), written + "a")
        try Self.write(authority.identity(names: ["DNS:b.test"]), written + "b")
        let tls = ", tls: {certificate: a.pem, privateKey: a.key, additional: [{certificate: b.pem, privateKey: b.key}]\(client)}}]"
        var lines = text.components(separatedBy: "\n")
        lines[0] = lines[0].replacing("}]", with: tls)
        return lines.joined(separator: "\n")
      }
      certificates = written
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    static func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

    static func write(_ identity: CertificateAuthority.Identity, _ name: String) throws {
      try write(identity.privateKey, name + ".key")
      try write(identity.certificate, name + ".pem")
    }

    /// What curl writes: the content, then version and status on the last line.
    func curl(_ path: String, host: String = "a.test", _ arguments: [String] = []) throws -> (code: Int32, output: String) {
      let token = try sidecar.authorization.replacing("\r\n", with: "")
      return try ChildProcess.run(
        "curl",
        ["-sS", "--max-time", "20", "--cacert", folder + "ca.pem", "--resolve", "\(host):\(sidecar.port):127.0.0.1", "-H", token]
          + ["-w", "\n%{http_version} %{http_code}"] + arguments + ["https://\(host):\(sidecar.port)\(path)"])
    }

    /// What `openssl s_client` says of a handshake.
    func handshake(_ arguments: [String]) throws -> String {
      try ChildProcess.run(
        "openssl", ["s_client", "-connect", "127.0.0.1:\(sidecar.port)", "-CAfile", folder + "ca.pem"] + arguments
      ).output
    }
  }

  @Test(arguments: [
    (["--http2"], "2 200"), (["--http1.1"], "1.1 200"), (["--no-alpn"], "1.1 200"),
    (["--http2", "--tls-max", "1.2"], "2 200"), (["--http1.1", "--tlsv1.3"], "1.1 200"),
  ])
  func `curl is served in the version that ALPN chooses, and the app learns that it was https`(
    arguments: [String], expected: String
  ) throws {
    let app = try RecordingApp()
    let secured = try Secured(app: app.port)
    for host in ["a.test", "b.test"] {
      let answer = try secured.curl("/x", host: host, arguments)
      #expect(answer.code == 0 && answer.output.hasSuffix("\n" + expected), "\(answer)")
    }
    let head = try #require(app.received("/x").first)
    #expect(head.values("x-forwarded-proto") == ["https"])
    #expect(head.values("forwarded").first?.contains("proto=https") == true)
  }

  @Test(arguments: [["--http2"], ["--http1.1"]]) func `five megabytes go there and back`(version: [String]) throws {
    let app = try RecordingApp()
    app.on("/echo") { head, connection in
      var message = head
      try connection.readBody(of: &message)
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(message.body.count)\r\n\r\n")
      try connection.send(message.body)
      return true
    }
    let secured = try Secured(app: app.port)
    let (sent, back) = (secured.folder + "sent", secured.folder + "back")
    let content = (0..<5 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 9) }
    try Data(content).write(to: URL(fileURLWithPath: sent))
    let answer = try secured.curl("/echo", version + ["--data-binary", "@" + sent, "-o", back])
    #expect(answer.code == 0 && answer.output.hasSuffix("200"), "\(answer)")
    #expect(try [UInt8](Data(contentsOf: URL(fileURLWithPath: back))) == content)
  }

  @Test(arguments: [["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA256"], ["-alpn", "spdy/3"]])
  func `what is weak, and an ALPN without a protocol of ours, is refused`(arguments: [String]) throws {
    let secured = try Secured(app: try LoopbackServer.freePort())
    #expect(try secured.handshake(arguments).contains("Cipher is (NONE)"))
  }

  @Test func `a session is resumed`() throws {
    let secured = try Secured(app: try LoopbackServer.freePort())
    let session = secured.folder + "session"
    #expect(try secured.handshake(["-tls1_2", "-servername", "b.test", "-sess_out", session]).contains("New, TLSv1.2"))
    #expect(try secured.handshake(["-tls1_2", "-servername", "b.test", "-sess_in", session]).contains("Reused, TLSv1.2"))
  }

  @Test func `where clients need a certificate none is served without, and the app learns whose it was`() throws {
    let app = try RecordingApp()
    let secured = try Secured(
      app: app.port, clientCertificates: true, more: "identity: {fields: {X-User-ID: sub, X-Client: tls.subject}}")
    #expect(try secured.curl("/none").code != 0)
    #expect(app.received("/none").isEmpty)
    #expect(eventually { secured.sidecar.events.contains("tls_handshake_failed") ? true : nil } == true)
    let shown = ["--cert", secured.folder + "client.pem", "--key", secured.folder + "client.key"]
    for path in ["/x", "/public/x"] {
      let answer = try secured.curl(path, shown + ["-H", "X-Client: CN=admin", "-H", "X_Client: CN=admin"])
      #expect(answer.code == 0, "\(answer)")
      let head = try #require(app.received(path).first)
      #expect(head.values("x-client") == ["CN=worker 7"])
      #expect(!String(decoding: head.head, as: UTF8.self).contains("admin"))
    }
  }

  @Test func `another certificate is shown once its files are there, a bad pair leaves the old one`() throws {
    let secured = try Secured(app: try LoopbackServer.freePort())
    func subject() throws -> Bool { try secured.handshake(["-servername", "c.test"]).contains("CN = renewed") }
    #expect(try !subject())
    // The key of another certificate: whoever reads the two together must not take them.
    try Secured.write(secured.authority.identity(names: ["DNS:a.test"]).privateKey, secured.certificates + "a.key")
    #expect(eventually { secured.sidecar.events.contains("is not the key of the certificate") ? true : nil } == true)
    #expect(try secured.curl("/x").code == 0)
    try Secured.write(
      secured.authority.identity(names: ["DNS:a.test"], commonName: "renewed"), secured.certificates + "a")
    #expect(try eventually { try subject() ? true : nil } == true)
  }

  @Test func `an app under TLS is asked by its name, and one of another authority is not asked at all`() throws {
    let authority = try CertificateAuthority()
    let folder = NSTemporaryDirectory() + "tls-app-" + UUID().uuidString + "/"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Secured.write(authority.certificate, folder + "ca.pem")
    try Secured.write(CertificateAuthority().certificate, folder + "other.pem")
    try Secured.write(authority.identity(names: ["DNS:localhost"]), folder + "app")
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess(
      "openssl", ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder + "app.pem", "-key", folder + "app.key", "-www"])
    defer { app.signal(SIGKILL) }
    for (file, status) in [("ca.pem", 200), ("other.pem", 502)] {
      let sidecar = try SidecarUnderTest(
        app: port, upstream: "protocol: http1, certificateAuthority: \(folder)\(file)"
      ) { text, _ in text.replacing("http://127.0.0.1:\(port)", with: "https://localhost:\(port)") }
      let answered = try eventually { try sidecar.ask("GET", "/").status == status ? true : nil }
      #expect(answered == true, "\(sidecar.events)")
      if status == 502 { #expect(eventually { sidecar.events.contains("unknown authority") ? true : nil } == true) }
    }
  }

  @Test func `a client and an app may be reached by Unix sockets`() throws {
    let app = try RecordingApp()
    // Somebody else's program turns the socket of the app into its port.
    var socket = ""
    var bridge: ChildProcess?
    let sidecar = try SidecarUnderTest(app: app.port) { text, own in
      socket = own + "/side"
      let script = """
        import socket, sys, threading
        s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(64)
        def pump(a, b):
            while True:
                data = a.recv(65536)
                if not data: break
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        while True:
            a, _ = s.accept(); b = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
            for pair in ((a, b), (b, a)): threading.Thread(target=pump, args=pair, daemon=True).start()
        """
      bridge = try ChildProcess("/usr/bin/python3", ["-c", script, own + "/app", String(app.port)])
      return text.replacing("http://127.0.0.1:\(app.port)", with: "unix:app")
        .replacing("listen: [", with: "listen: [{address: \"unix:side\"}, ")
    }
    defer { bridge?.signal(SIGKILL) }
    let token = try sidecar.authorization.replacing("\r\n", with: "")
    let answer = try eventually {
      let answer = try ChildProcess.run("curl", ["-sS", "--unix-socket", socket, "-H", token, "http://app.test/x"])
      return answer.output.hasPrefix("GET /x HTTP/1.1") ? answer.output : nil
    }
    #expect(answer?.contains("x-forwarded-for: unknown") == true)
    #expect(answer?.contains("forwarded: for=unknown") == true)
    let mode = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
    #expect(mode == 0o660)
    sidecar.process.signal(SIGTERM)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
    #expect(!FileManager.default.fileExists(atPath: socket))
  }
}
