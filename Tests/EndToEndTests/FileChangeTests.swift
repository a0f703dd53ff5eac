import Foundation
import Synchronization
import TestPeers
import Testing

/// The files that the configuration names, when they change while the process runs: a certificate with its key, a secret, an issuer's
/// keys. (The configuration itself is ReloadTests' business.)
@Suite struct FileChangeTests {
  enum Way: CaseIterable { case renamed, inPlace, linkSwapped }

  /// A folder whose files are exchanged together, by one way or another.
  private final class Volume {
    let folder: String
    let way: Way
    private var version = 0

    init(_ folder: String, _ way: Way, _ files: [String: [UInt8]]) throws {
      (self.folder, self.way) = (folder, way)
      try exchange(files)
      guard way == .linkSwapped else { return }
      for name in files.keys {
        try FileManager.default.createSymbolicLink(atPath: folder + "/" + name, withDestinationPath: "..data/" + name)
      }
    }

    func exchange(_ files: [String: [UInt8]]) throws {
      version += 1
      var place = folder
      if way == .linkSwapped {
        place += "/..\(version)"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      }
      for (name, content) in files {
        try Data(content).write(to: URL(fileURLWithPath: place + "/" + name), options: way == .renamed ? .atomic : [])
      }
      guard way == .linkSwapped else { return }
      try FileManager.default.createSymbolicLink(atPath: folder + "/..data_tmp", withDestinationPath: "..\(version)")
      #expect(unsafe rename(folder + "/..data_tmp", folder + "/..data") == 0)
    }
  }

  /// A sidecar whose certificate, API secret and issuer's keys lie in a volume, before an app and a Backend API that remembers
  /// by what it was asked.
  private final class Setting {
    let app: RecordingApp
    let corbado: RecordingApp
    let sidecar: SidecarUnderTest
    let secured: UInt16
    private(set) var volume: Volume
    private let seen: SecretsSeen

    private final class SecretsSeen: Sendable {
      let all = Mutex<[String]>([])
    }

    init(_ way: Way, _ files: [String: [UInt8]]) throws {
      (app, corbado, secured) = (try RecordingApp(), try RecordingApp(), try LoopbackServer.freePort())
      let seen = SecretsSeen()
      self.seen = seen
      corbado.on("/v2/connectTokens") { head, connection in
        var message = head
        try connection.readBody(of: &message)
        seen.all.withLock { $0.append(head.values("authorization").first ?? "") }
        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"secret\":\"cot1\"}")
        return true
      }
      var volume: Volume?
      let (secured, backend) = (secured, corbado.port)
      sidecar = try SidecarUnderTest(app: app.port) { text, folder in
        volume = try Volume(folder, way, files)
        let lines = text.split(separator: "\n").map { line -> String in
          if line.hasPrefix("listen: ") {
            return String(line).replacing("}]", with: "}, {address: 127.0.0.1:\(secured), tls: {certificate: a.pem, privateKey: a.key}}]")
          }
          if line.hasPrefix("    keys: ") { return "    keys: {file: keys.json}" }
          return String(line).replacing(
            "apiSecret: {env: CORBADO_API_SECRET}", with: "apiSecret: {file: secret}, backendAPI: \"http://127.0.0.1:\(backend)\"")
        }
        return lines.joined(separator: "\n")
      }
      self.volume = try #require(volume)
    }

    /// The name in the certificate that is shown.
    func commonName() throws -> String {
      let shown = try ChildProcess.run("openssl", ["s_client", "-connect", "127.0.0.1:\(secured)"]).output
      return shown.split(separator: "\n").first { $0.hasPrefix("subject=") }.map { String($0.suffix(3)) } ?? shown
    }

    /// The API secret that Corbado is shown.
    func secret(_ token: String) throws -> String {
      let answer = try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-list"}"#, token: token)
      #expect(answer.status == 200, "\(answer.text)")
      let field = seen.all.withLock { $0.last } ?? ""
      return Data(base64Encoded: String(field.dropFirst(6))).map { String(decoding: $0, as: UTF8.self) } ?? field
    }

    func reason(_ token: String) throws -> String {
      let answer = try sidecar.get("/a", token: token)
      return answer.status == 200 ? "" : answer.text
    }
  }

  private static func files(_ identity: CertificateAuthority.Identity, _ secret: String, _ keys: String) -> [String: [UInt8]] {
    ["a.pem": identity.certificate, "a.key": identity.privateKey, "secret": Array(secret.utf8), "keys.json": Array(keys.utf8)]
  }

  @Test(arguments: Way.allCases)
  func `certificate, secret and keys are those of the files, whichever way these were changed`(_ way: Way) throws {
    let authority = try CertificateAuthority()
    let (old, new) = (try TokenFactory(keyID: "old"), try TokenFactory(keyID: "new"))
    let claims = old.claims(extra: #""email":"alice@example.com""#)
    let (oldToken, newToken) = (try old.token(claims), try new.token(claims))
    let setting = try Setting(
      way, Self.files(try authority.identity(names: ["DNS:a.test"], commonName: "one"), "corbado1_one\n", try old.jwkSet))
    #expect(try setting.commonName() == "one")
    #expect(try setting.secret(oldToken) == "pro-1:corbado1_one")
    try setting.volume.exchange(
      Self.files(try authority.identity(names: ["DNS:a.test"], commonName: "two"), "corbado1_two\n", try new.jwkSet))
    #expect(try eventually { try setting.commonName() == "two" ? true : nil } == true, "\(setting.sidecar.events)")
    #expect(try eventually { try setting.reason(newToken) == "" ? true : nil } == true, "\(setting.sidecar.events)")
    #expect(try eventually { try setting.secret(newToken) == "pro-1:corbado1_two" ? true : nil } == true)
    #expect(try setting.reason(oldToken) == #"{"error":"key_unknown"}"#)
  }

  @Test(arguments: ["a.pem", "a.key", "secret"])
  func `a file that is no good leaves everything as it was, is named, and heals`(name: String) throws {
    let authority = try CertificateAuthority()
    let issuer = try TokenFactory()
    let token = try issuer.token(issuer.claims(extra: #""email":"alice@example.com""#))
    let good = Self.files(try authority.identity(names: ["DNS:a.test"], commonName: "one"), "corbado1_one\n", try issuer.jwkSet)
    let setting = try Setting(.renamed, good)
    var bad = good
    bad[name] = []
    try setting.volume.exchange(bad)
    let refused = try #require(eventually { setting.sidecar.events("reload_refused").first })
    #expect((refused["file"] as? String)?.isEmpty == false && (refused["key"] as? String)?.isEmpty == false, "\(refused)")
    let metrics = try #require(setting.sidecar.probe("/metrics")).text
    #expect(metrics.contains("\npasskey_sidecar_configuration_in_force 0\n"))
    let ready = try #require(setting.sidecar.probe("/ready"))
    #expect(ready.status == 200 && ready.text.contains(#""status":"degraded""#))
    #expect((ready.json["configuration"] as? [String: Any])?["state"] as? String == "refused")
    #expect(try setting.commonName() == "one")
    #expect(try setting.secret(token) == "pro-1:corbado1_one")
    try setting.volume.exchange(good)
    #expect(eventually { setting.sidecar.probe("/ready")?.text.contains(#""status":"ready""#) == true ? true : nil } == true)
  }

  @Test func `an issuer's file that is no good leaves it the keys that it had, which is told`() throws {
    let authority = try CertificateAuthority()
    let issuer = try TokenFactory()
    let token = try issuer.token()
    let good = Self.files(try authority.identity(names: ["DNS:a.test"], commonName: "one"), "corbado1_one\n", try issuer.jwkSet)
    let setting = try Setting(.renamed, good)
    try setting.volume.exchange(good.merging(["keys.json": Array("{\"keys\":".utf8)]) { $1 })
    let failure = try #require(eventually { () -> String? in
      let issuers = setting.sidecar.probe("/ready")?.json["issuers"] as? [[String: Any]]
      return issuers?.first?["failure"] as? String
    })
    #expect(!failure.isEmpty)
    let ready = try #require(setting.sidecar.probe("/ready"))
    #expect(ready.status == 200 && ready.text.contains(#""status":"degraded""#))
    let failed = try #require(setting.sidecar.events("keys_fetch_failed").first)
    #expect(failed["issuer"] as? String == issuer.issuer)
    let metrics = try #require(setting.sidecar.probe("/metrics")).text
    #expect(metrics.contains("passkey_sidecar_key_fetches_total{issuer=\"\(issuer.issuer)\",result=\"\(failure)\"} "), "\(failure)")
    #expect(try setting.reason(token) == "")
  }
}
