import Foundation
import TestPeers
import Testing

/// Certificates of ours: shown to an app that asks for one, and watched. And clients that do not come to the end of a handshake.
@Suite struct CertificateTests {
  /// An app that serves nobody without a certificate of its authority.
  private final class Demanding {
    let port: UInt16
    let folder: String
    private let process: ChildProcess

    init(_ version: String) throws {
      folder = NSTemporaryDirectory() + "demanding-" + UUID().uuidString + "/"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let authority = try CertificateAuthority()
      try TLSTests.Secured.write(authority.certificate, folder + "ca.pem")
      try TLSTests.Secured.write(authority.identity(names: ["DNS:localhost"]), folder + "app")
      try TLSTests.Secured.write(authority.identity(names: [], commonName: "sidecar", usage: "clientAuth"), folder + "right")
      try TLSTests.Secured.write(
        CertificateAuthority().identity(names: [], commonName: "sidecar", usage: "clientAuth"), folder + "wrong")
      port = try LoopbackServer.freePort()
      process = try ChildProcess(
        "openssl",
        ["s_server", "-accept", "127.0.0.1:\(port)", "-cert", folder + "app.pem", "-key", folder + "app.key", "-www"]
          + ["-Verify", "1", "-verify_return_error", "-CAfile", folder + "ca.pem", version])
      _ = eventually { try? RawConnection(port: port) }
    }

    deinit {
      process.signal(SIGKILL)
      try? FileManager.default.removeItem(atPath: folder)
    }

    func sidecar(_ pair: String?) throws -> SidecarUnderTest {
      let shown = pair.map { ", clientCertificate: {certificate: \(folder)\($0).pem, privateKey: \(folder)\($0).key}" } ?? ""
      return try SidecarUnderTest(app: port, upstream: "protocol: http1, certificateAuthority: \(folder)ca.pem\(shown)") { text, _ in
        text.replacing("http://127.0.0.1:\(port)", with: "https://localhost:\(port)")
      }
    }
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"])
  func `an app that demands a certificate gets the one that is configured`(version: String) throws {
    let app = try Demanding(version)
    let sidecar = try app.sidecar("right")
    let answer = try eventually { () -> H1Message? in
      let answer = try sidecar.ask("GET", "/")
      return answer.status == 200 ? answer : nil
    }
    #expect(answer?.text.contains("CN=sidecar") == true, "\(sidecar.events)")
  }

  @Test(arguments: ["-tls1_2", "-tls1_3"], [nil, "wrong"])
  func `without the right one the app is not reached, and the log says that it was refused for that`(
    version: String, pair: String?
  ) throws {
    let app = try Demanding(version)
    let sidecar = try app.sidecar(pair)
    let answer = try sidecar.ask("GET", "/")
    #expect(answer.status == 502, "\(answer.text)")
    let detail = eventually { sidecar.events("upstream_failed").first?["detail"] as? String }
    #expect(detail?.contains("alert") == true, "\(detail ?? sidecar.events)")
  }

  // MARK: Near their end

  @Test func `a certificate near its end is told of in the log, and the end of each is among the metrics`() throws {
    let secured = try TLSTests.Secured(app: try LoopbackServer.freePort())
    #expect(secured.sidecar.events("certificate_ends").isEmpty)
    func end(_ name: String) throws -> Int {
      let (_, output) = try ChildProcess.run("openssl", ["x509", "-enddate", "-noout", "-dateopt", "iso_8601", "-in", name])
      let text = output.trimmingCharacters(in: .whitespacesAndNewlines).replacing("notAfter=", with: "")
      return Int(try Date(text.replacing(" ", with: "T"), strategy: .iso8601).timeIntervalSince1970)
    }
    func told(_ name: String) -> Int? {
      let family = "passkey_sidecar_certificate_expiry_timestamp_seconds"
      let lines = secured.sidecar.probe("/metrics")?.text.split(separator: "\n") ?? []
      return lines.first { $0.hasPrefix("\(family){file=\"") && $0.contains("\(name).pem\"} ") }
        .flatMap { Int($0.split(separator: " ").last ?? "") }
    }
    for name in ["a", "b"] { #expect(told(name) == (try end(secured.certificates + name + ".pem"))) }

    // One that replaces it, with a day left of thirty.
    try TLSTests.Secured.write(
      secured.authority.identity(names: ["DNS:a.test"], validDays: 1, begunDaysAgo: 29), secured.certificates + "a")
    let event = eventually { secured.sidecar.events("certificate_ends").first }
    #expect((event?["file"] as? String)?.hasSuffix("a.pem") == true, "\(secured.sidecar.events)")
    #expect((event?["seconds_left"] as? Int).map { 0 < $0 && $0 <= 86_400 } == true, "\(String(describing: event))")
    #expect(try eventually { told("a") == (try end(secured.certificates + "a.pem")) ? true : nil } == true)
  }

  // MARK: Handshakes without end

  private static func wasTooSlow(_ sidecar: SidecarUnderTest) -> Bool {
    sidecar.events("tls_handshake_failed").contains { $0["detail"] as? String == "not complete in time" }
  }

  /// What a real client says first: a ClientHello of `openssl s_client`.
  private static func clientHello() throws -> [UInt8] {
    let heard = Rest()
    let listener = try LoopbackServer { connection in
      // The record's header tells its length (RFC 8446 §5.1).
      guard let head = try? connection.read(5), let rest = try? connection.read(Int(head[3]) << 8 | Int(head[4])) else { return }
      heard.put(head + rest)
    }
    _ = try ChildProcess.run("openssl", ["s_client", "-connect", "127.0.0.1:\(listener.port)"])
    return try #require(eventually { heard.bytes })
  }

  @Test func `who does not come to the end of the handshake is sent away in time, and is counted`() throws {
    let secured = try TLSTests.Secured(
      app: try LoopbackServer.freePort(), limits: "lameDuck: 1ms, requestHead: 1s, idle: 30s, bodyIdle: 30s")
    let hello = try Self.clientHello()
    let beginnings: KeyValuePairs<String, [UInt8]> = [
      "nothing": [], "a byte": Array(hello.prefix(1)), "half a ClientHello": Array(hello.prefix(hello.count / 2)),
      "a ClientHello and nothing more": hello,
    ]
    let connections = try beginnings.map { name, bytes in
      let connection = try secured.sidecar.connection()
      try connection.send(bytes)
      return (name, connection)
    }
    // Others are served meanwhile.
    #expect(try secured.curl("/x").output.hasSuffix("502"))
    for (name, connection) in connections { #expect(connection.readToEnd().end != .timedOut, "\(name)") }
    #expect(eventually { Self.wasTooSlow(secured.sidecar) ? true : nil } == true, "\(secured.sidecar.events)")
    #expect(
      secured.sidecar.probe("/metrics")?.text.contains("passkey_sidecar_tls_handshakes_failed_total \(beginnings.count)\n") == true)
  }

  /// Drip by drip a handshake lasts no longer: its time begins with the connection.
  @Test func `nor does it help to go on slowly`() throws {
    let secured = try TLSTests.Secured(
      app: try LoopbackServer.freePort(), limits: "lameDuck: 1ms, requestHead: 1s, idle: 30s, bodyIdle: 30s")
    let hello = try Self.clientHello()
    let connection = try secured.sidecar.connection()
    var sent = 0
    let isOver = eventually {
      guard sent < hello.count - 1, (try? connection.send([hello[sent]])) != nil else { return true }
      sent += 1
      usleep(50_000)
      return nil
    }
    #expect(isOver == true && sent < hello.count - 1)
    #expect(eventually { Self.wasTooSlow(secured.sidecar) ? true : nil } == true, "\(secured.sidecar.events)")
  }
}
