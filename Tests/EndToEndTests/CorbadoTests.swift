import Foundation
import TestPeers
import Testing

/// The way to Corbado: TLS, a proxy, secrets that change, signatures that are looked at here as well.
@Suite struct CorbadoTests {
  /// A folder with the certificates of one authority: `right` for the names of Corbado here, `other` for another.
  private final class Certificates {
    let folder = NSTemporaryDirectory() + "corbado-" + UUID().uuidString
    static let host = "backendapi.corbado.test"

    init() throws {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let authority = try CertificateAuthority()
      try write("ca.pem", authority.certificate)
      for (name, names) in [("right", ["DNS:localhost", "DNS:\(Self.host)"]), ("other", ["DNS:elsewhere.test"])] {
        let identity = try authority.identity(names: names)
        try write("\(name).pem", identity.certificate)
        try write("\(name).key", identity.privateKey)
      }
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    private func write(_ name: String, _ content: [UInt8]) throws {
      try Data(content).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    }

    func emulator() throws -> EmulatorProcess {
      try EmulatorProcess(
        "--tls-certificate", folder + "/right.pem", "--tls-key", folder + "/right.key", "--other-certificate",
        folder + "/other.pem", "--other-key", folder + "/other.key")
    }

    /// As `corbado:` of a configuration.
    func corbado(_ backend: String, trusting authority: String = "ca.pem") -> String {
      "corbado: {projectID: pro-1, apiSecret: {env: CORBADO_API_SECRET}, backendAPI: \"\(backend)\", "
        + "certificateAuthority: \"\(folder)/\(authority)\"}"
    }
  }

  let app: RecordingApp

  init() throws { app = try RecordingApp() }

  private func sidecar(_ corbado: String, _ more: String = "") throws -> SidecarUnderTest {
    try SidecarUnderTest(app: app.port) { text, _ in text.replacing(sections: ["corbado": corbado]) + more }
  }

  private func append(_ sidecar: SidecarUnderTest) throws -> H1Message {
    try sidecar.call(
      "/auth/createConnectToken", #"{"connectTokenType":"passkey-append"}"#, token: sidecar.issuer.first.token(sidecar.claims))
  }

  private func login(_ sidecar: SidecarUnderTest, _ data: String) throws -> H1Message {
    try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
  }

  // MARK: TLS

  @Test func `a login goes over TLS, to whom the authority vouches for`() throws {
    let certificates = try Certificates()
    let emulator = try certificates.emulator()
    let sidecar = try sidecar(certificates.corbado("https://localhost:\(emulator.port)"))
    #expect(try append(sidecar).status == 200, "\(sidecar.events)")
    let login = try login(sidecar, emulator.signedPasskeyData(for: "alice@example.com"))
    #expect(try sidecar.get("/me", token: try #require(login.json["accessToken"] as? String, "\(sidecar.events)")).status == 200)
    #expect(try emulator.calls().map(\.path) == ["/v2/connectTokens", "/v2/passkey/verifySignedData"])
    // Cleartext is none of its languages.
    let cleartext = try RawConnection(port: emulator.port)
    try cleartext.send("GET /.well-known/jwks HTTP/1.1\r\nHost: localhost\r\n\r\n")
    #expect(!String(decoding: cleartext.readToEnd().bytes, as: UTF8.self).hasPrefix("HTTP/1.1"))
  }

  @Test func `a certificate of another name is told nothing, and nothing is used up`() throws {
    let certificates = try Certificates()
    let emulator = try certificates.emulator()
    try emulator.control("PUT", "/settings", #"{"showsOtherCertificate":true}"#)
    let sidecar = try sidecar(certificates.corbado("https://localhost:\(emulator.port)"))
    let refused = try append(sidecar)
    #expect(refused.status == 500 && refused.text == #"{"error":"Internal server error"}"#)
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    let login = try login(sidecar, data)
    #expect(login.status == 500 && login.text == #"{"success":false,"error":"Verification failed"}"#)
    #expect(try emulator.calls().isEmpty)
    #expect(sidecar.events("corbado_call").allSatisfy { $0["outcome"] as? String == "corbado_unreachable" })
    #expect(sidecar.events("corbado_call").count == 2)

    try emulator.control("PUT", "/settings", #"{"showsOtherCertificate":false}"#)
    #expect(try append(sidecar).status == 200, "\(sidecar.events)")
    #expect(try self.login(sidecar, data).status == 200)
  }

  @Test func `a certificate of an authority that is not named is none`() throws {
    let certificates = try Certificates()
    let emulator = try certificates.emulator()
    let sidecar = try sidecar(certificates.corbado("https://localhost:\(emulator.port)", trusting: "other.pem"))
    #expect(try append(sidecar).status == 500)
    #expect(try emulator.calls().isEmpty)
  }

  // MARK: A proxy

  private func proxy(to port: UInt16, _ folder: String) throws -> (port: UInt16, process: ChildProcess, log: () -> String) {
    let (port, target) = (try LoopbackServer.freePort(), port)
    let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(path: "Peers/connect_proxy.py")
    let process = try ChildProcess("/usr/bin/python3", [script.path, "\(port)", "\(target)"], output: folder + "/proxy")
    let isThere = eventually { (try? RawConnection(port: port)).map { _ in true } }
    try #require(isThere == true)
    return (port, process, { (try? String(contentsOfFile: folder + "/proxy", encoding: .utf8)) ?? "" })
  }

  @Test func `a login goes through a proxy, which sees names and ciphertext`() throws {
    let certificates = try Certificates()
    let emulator = try certificates.emulator()
    let proxy = try proxy(to: emulator.port, certificates.folder)
    let corbado = certificates.corbado("https://\(Certificates.host)")
    let sidecar = try sidecar(corbado, "egress: {proxy: \"http://127.0.0.1:\(proxy.port)\"}\n")
    #expect(try append(sidecar).status == 200, "\(sidecar.events)")
    #expect(try login(sidecar, emulator.signedPasskeyData(for: "alice@example.com")).status == 200)
    let asked = Set(proxy.log().split(separator: "\n"))
    // Not the issuer on this host, whose keys were fetched as well.
    #expect(asked == ["CONNECT \(Certificates.host):443 HTTP/1.1"])

    let direct = try self.sidecar(
      corbado, "egress: {proxy: \"http://127.0.0.1:\(proxy.port)\", noProxy: [corbado.test]}\n")
    let count = proxy.log().count
    #expect(try append(direct).status == 500)
    #expect(proxy.log().count == count)
  }

  @Test(arguments: [("", Int32(0), true), ("a.test,corbado.test", 69, false)])
  func `check asks Corbado through the proxy of the environment`(noProxy: String, code: Int32, isAsked: Bool) throws {
    let certificates = try Certificates()
    let emulator = try certificates.emulator()
    let proxy = try proxy(to: emulator.port, certificates.folder)
    let configuration = """
      listen: [{address: 127.0.0.1:1}]
      upstream: {url: http://127.0.0.1:2}
      \(certificates.corbado("https://\(Certificates.host)"))
      issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: certificates.folder + "/f.yaml"))
    let checked = try ChildProcess.run(
      "/usr/bin/env",
      [
        "CORBADO_API_SECRET=corbado1_x", "HTTPS_PROXY=http://127.0.0.1:\(proxy.port)", "NO_PROXY=\(noProxy)",
        SidecarUnderTest.binary, "check", "--config", certificates.folder + "/f.yaml", "--live",
      ])
    #expect(checked.code == code, "\(checked.output)")
    #expect(proxy.log().contains("CONNECT \(Certificates.host):443") == isAsked)
    #expect(try emulator.calls().isEmpty == !isAsked)
  }

  // MARK: Signatures that are looked at here as well

  @Test func `forged data never reach Corbado where its keys are known, and a new key of its is found`() throws {
    let emulator = try EmulatorProcess()
    let sidecar = try sidecar(
      emulator.corbado(", verify: {keys: {url: \"http://127.0.0.1:\(emulator.port)/.well-known/jwks\"}}"))
    #expect(try append(sidecar).status == 200)
    for kind in ["foreign", "tampered"] {
      let forged = try emulator.signedPasskeyData(for: "alice@example.com", #","signature":"\#(kind)""#)
      let answer = try login(sidecar, forged)
      #expect(answer.status == 401 && answer.text == #"{"success":false,"error":"Invalid signedPasskeyData"}"#)
    }
    #expect(try emulator.calls("/v2/passkey").isEmpty)
    for _ in 0..<2 {
      #expect(try login(sidecar, emulator.signedPasskeyData(for: "alice@example.com")).status == 200, "\(sidecar.events)")
      try emulator.control("POST", "/keys/rotate", "{}")
    }
    // A good signature is no verdict: Corbado was asked each time, and says no to what was used.
    #expect(try emulator.calls("/v2/passkey").count == 2)
  }

  // MARK: Secrets that change

  @Test func `another secret in the file is what Corbado sees next, and one that cannot be one changes nothing`() throws {
    let permissions = "connect_tokens:write,passkeys:verify"
    let emulator = try EmulatorProcess("--bearer", "first:\(permissions)", "--bearer", "second:\(permissions)")
    let sidecar = try SidecarUnderTest(app: app.port) { text, folder in
      try Data("first\n".utf8).write(to: URL(fileURLWithPath: folder + "/key"))
      return text.replacing(sections: [
        "corbado": "corbado: {projectID: pro-1, bearer: {file: key}, backendAPI: \"http://127.0.0.1:\(emulator.port)\"}"
      ])
    }
    func credential(after content: String) throws -> String? {
      try Data(content.utf8).write(to: URL(fileURLWithPath: sidecar.folder + "/key"), options: .atomic)
      #expect(try append(sidecar).status == 200, "\(sidecar.events)")
      return try emulator.calls().last?.credential
    }
    #expect(try credential(after: "first\n") == "Bearer first")
    #expect(try credential(after: "second\n") == "Bearer second")
    #expect(try credential(after: "two words\n") == "Bearer second")
    #expect(try login(sidecar, emulator.signedPasskeyData(for: "alice@example.com")).status == 200)
    #expect(try emulator.calls("/v2/passkey").map(\.credential) == ["Bearer second"])
    #expect(try credential(after: "first\n") == "Bearer first")
    #expect(sidecar.process.ending(within: 0) == nil)
  }
}
