import Foundation
import Synchronization
import TestPeers
import Testing

@testable import passkey_sidecar_demo

/// Corbado's emulator, an issuer and an app, and any number of sidecars that share one state.
final class LoginReplicas: Sendable {
  static let secret = "corbado1_test"

  let app: RecordingApp
  let issuer: SidecarUnderTest.Issuer
  let emulator: Emulator
  let folder: String
  private let corbado: WireServer
  private let state: String
  private let settings: String
  private let upstream: String
  private let replicas = Mutex<[Replica]>([])

  /// One process of the sidecar.
  final class Replica: Sendable {
    let port: UInt16
    let probes: UInt16
    let process: ChildProcess
    let configuration: String

    init(port: UInt16, probes: UInt16, process: ChildProcess, configuration: String) {
      (self.port, self.probes, self.process, self.configuration) = (port, probes, process, configuration)
    }

    deinit { process.signal(SIGKILL) }

    /// Answers of the port of the probes.
    func probe(_ path: String) -> H1Message? {
      guard let connection = try? RawConnection(port: probes) else { return nil }
      try? connection.send("GET \(path) HTTP/1.1\r\nHost: probes\r\nConnection: close\r\n\r\n")
      return try? connection.readResponse()
    }

    func ask(_ method: String = "GET", _ target: String, token: String? = nil, json: String? = nil) throws -> H1Message {
      let connection = try RawConnection(port: port)
      let credential = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
      let content = json ?? ""
      let type = json == nil ? "" : "Content-Type: application/json\r\n"
      try connection.send(
        "\(method) \(target) HTTP/1.1\r\nHost: app.test\r\n\(credential)\(type)"
          + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)")
      return try connection.readResponse()
    }
  }

  /// - Parameters:
  ///   - state: the members of `state`; the default is a file that all share.
  ///   - settings: further lines of the configuration.
  ///   - upstream: port and protocol of another app than `app`.
  init(
    state: String? = nil, settings: String = "endpoints: {logout: true}", upstream: (port: UInt16, protocol: String)? = nil
  ) throws {
    app = try RecordingApp()
    self.upstream = "url: \"http://127.0.0.1:\(upstream?.port ?? app.port)\", protocol: \(upstream?.protocol ?? "http1")"
    issuer = try SidecarUnderTest.Issuer()
    let identity = EmulatorIdentity(
      projectID: "pro-1", apiSecret: Self.secret,
      relyingParty: RelyingParty(id: "localhost", name: "Test", origins: ["http://localhost:8080"]))
    let emulator = Emulator(identity, firstKey: try EmulatorUnderTest.key.get())
    self.emulator = emulator
    corbado = try WireServer(port: 0) { emulator.handle($0) }
    folder = NSTemporaryDirectory() + "replicas-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    WrittenLogs.watch(folder)
    self.state = state ?? "sqlite: \(folder)/state.db"
    self.settings = settings
    // What is to be found out is whether the sidecar guards against replays.
    let lenient: JSON = ["replayVerdict": "success", "rateLimit": .integer(1_000_000)]
    _ = emulator.control(DemoRequest("PUT", "/settings", body: lenient.bytes))
    let made = try ChildProcess.run(
      "openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder + "/key.pem"])
    guard made.code == 0 else { throw CertificateAuthority.Failure.commandFailed(arguments: [], output: made.output) }
  }

  deinit {
    for line in WrittenLogs.findings(folder) { Issue.record("a log holds what it must not: \(line)") }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Starts a sidecar and waits until it is ready.
  ///
  /// - Parameter launcher: a command that becomes the sidecar.
  func start(workers: Int = 1, waitsUntilReady: Bool = true, by launcher: [String] = []) throws -> Replica {
    let (port, probes) = (try LoopbackServer.freePort(), try LoopbackServer.freePort())
    let name = "\(folder)/\(UUID().uuidString)"
    let configuration = """
      listen: [{address: 127.0.0.1:\(port)}]
      workers: \(workers)
      upstream: {\(upstream)}
      corbado:
        projectID: pro-1
        apiSecret: {env: CORBADO_API_SECRET}
        backendAPI: "http://127.0.0.1:\(corbado.port)"
        maxInFlight: 1024
        maxPerSecond: 10000
      issuers:
        - issuer: \(issuer.first.issuer)
          audiences: [my-app]
          algorithms: [ES256]
          keys: {url: "http://127.0.0.1:\(issuer.port)/jwks"}
          emailsAreVerified: true
      login: {token: {issuer: https://app.example.com, audience: my-app\(key)}}
      state: {\(state)}
      probes: {address: 127.0.0.1:\(probes)}
      limits: {lameDuck: 1ms, loginAttempts: 100000}
      \(settings)

      """
    try Data(configuration.utf8).write(to: URL(fileURLWithPath: name + ".yaml"))
    let words = launcher + [SidecarUnderTest.binary, "run", "--config", name + ".yaml"]
    let process = try ChildProcess(
      words[0], Array(words.dropFirst()), environment: Self.environment,
      output: name + ".access", errors: name + ".events")
    let replica = Replica(port: port, probes: probes, process: process, configuration: name + ".yaml")
    guard waitsUntilReady else { return replica }
    let ready = eventually {
      process.ending(within: 0) != nil || replica.probe("/ready")?.status == 200 ? true : nil
    }
    guard ready == true, process.ending(within: 0) == nil else {
      let events = (try? String(contentsOfFile: name + ".events", encoding: .utf8)) ?? ""
      Issue.record("the sidecar did not become ready: \(events)")
      throw RawConnection.Failure.cannotConnect
    }
    return replica
  }

  static let environment = ["CORBADO_API_SECRET": secret, "STATE_PASSWORD": "redis-secret"]

  /// A setting of the token's key, for stores that keep none.
  private var key: String {
    state.contains("redis") ? ", key: {file: \(folder)/key.pem}" : ""
  }

  /// A conventional token of `subject`.
  func token(_ subject: String = "alice", extra: String = "") throws -> String {
    try issuer.first.token(
      issuer.first.claims(subject: subject, extra: #""email":"\#(subject)@example.com""# + extra))
  }

  /// Signed passkey data of `subject`, once its passkey was added through `replica`.
  func passkeyData(_ subject: String = "alice", through replica: Replica) throws -> String {
    let added = try replica.ask(
      "POST", "/auth/createConnectToken", token: token(subject), json: #"{"connectTokenType":"passkey-append"}"#)
    try #require(added.status == 200, "\(added.text)")
    let minted = emulator.control(
      DemoRequest("POST", "/mint", body: (["identifier": .string("\(subject)@example.com")] as JSON).bytes))
    return try #require(minted.json["signedPasskeyData"]?.text)
  }

  /// The answer to a passkey login.
  func login(with data: String, through replica: Replica) throws -> H1Message {
    try replica.ask("POST", "/auth/completeLogin", json: #"{"signedPasskeyData":"\#(data)"}"#)
  }

  /// An access token of a passkey login.
  func passkeyToken(_ subject: String = "alice", through replica: Replica) throws -> String {
    let answer = try login(with: passkeyData(subject, through: replica), through: replica)
    try #require(answer.status == 200, "\(answer.text)")
    return try #require((try JSON(reading: answer.body))["accessToken"]?.text)
  }
}
