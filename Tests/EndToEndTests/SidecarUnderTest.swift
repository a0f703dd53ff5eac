import Foundation
import Synchronization
import TestPeers
import Testing

/// The built binary with an issuer of its own, before an app.
final class SidecarUnderTest: Sendable {
  let port: UInt16
  let probes: UInt16
  let admin: UInt16
  let process: ChildProcess
  let issuer: Issuer
  /// Of the configuration and everything beside it; gone with the sidecar.
  let folder: String

  /// An issuer whose keys are fetched over HTTP and can be exchanged.
  final class Issuer: Sendable {
    private final class Published: Sendable {
      let keys: Mutex<String>
      init(_ text: String) { keys = Mutex(text) }
    }

    let first: TokenFactory
    private let published: Published
    private let server: LoopbackServer
    var port: UInt16 { server.port }

    init(issuer: String = "https://idp.test/") throws {
      first = try TokenFactory(issuer: issuer)
      let published = Published(try first.jwkSet)
      self.published = published
      server = try LoopbackServer { connection in
        guard (try? connection.readHead()) != nil else { return }
        let body = published.keys.withLock { $0 }
        try? connection.send(
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(body)")
      }
    }

    func publish(_ factories: [TokenFactory]) throws {
      let text = try TokenFactory.jwkSet(factories)
      published.keys.withLock { $0 = text }
    }
  }

  /// For whatever must not be logged: queries, cookies, contents.
  static let canary = WrittenLogs.canary

  static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "passkey-sidecar").path

  /// - Parameters:
  ///   - upstream: members of the configuration's `upstream` besides the URL.
  ///   - limits: members of `limits`.
  ///   - stallsOutput: nobody reads what it writes to standard output.
  ///   - descriptors: a command of the shell that limits how many it may have.
  ///   - routes: the list.
  ///   - issuer: a member of the issuer besides what it needs.
  ///   - more: lines at the top level.
  ///   - edit: changes the configuration before it is first read; gets the folder that it will lie in as well.
  init(
    app: UInt16, upstream: String = "protocol: http1", limits: String = "lameDuck: 1ms, drain: 20s", stallsOutput: Bool = false, descriptors: String? = nil,
    routes: String = "[{path: /public/**, access: public}]", issuer: String = "leeway: 30s", more: String = "",
    edit: (String, String) throws -> String = { text, _ in text }
  ) throws {
    self.issuer = try Issuer()
    folder = NSTemporaryDirectory() + "sidecar-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    WrittenLogs.watch(folder)
    (port, probes, admin) = (try LoopbackServer.freePort(), try LoopbackServer.freePort(), try LoopbackServer.freePort())
    let configuration = """
      listen: [{address: 127.0.0.1:\(port)}]
      workers: 1
      upstream: {url: "http://127.0.0.1:\(app)", \(upstream)}
      corbado: {projectID: pro-1, apiSecret: {env: CORBADO_API_SECRET}}
      issuers:
        - issuer: \(self.issuer.first.issuer)
          \(issuer)
          audiences: [my-app]
          algorithms: [ES256]
          keys: {url: "http://127.0.0.1:\(self.issuer.port)/jwks"}
          emailsAreVerified: true
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      routes: \(routes)
      state: {sqlite: state.db}
      probes: {address: 127.0.0.1:\(probes)}
      admin: {address: 127.0.0.1:\(admin)}
      limits: {\(limits)}
      \(more)

      """
    var edited = try edit(configuration, folder)
    // As loud as can be, for whoever looks through the logs at the end.
    if !edited.contains("\nlog: ") { edited += "\nlog: {level: debug}\n" }
    try Data(edited.utf8).write(to: URL(fileURLWithPath: folder + "/sidecar.yaml"))
    let arguments = ["run", "--config", folder + "/sidecar.yaml"]
    if stallsOutput {
      // A pipe that the process itself keeps open, so that it is never broken.
      let script = #"mkfifo "$PIPE" && exec 3<>"$PIPE" && exec "$0" "$@" >"$PIPE""#
      process = try ChildProcess(
        "/bin/sh", ["-c", script, Self.binary] + arguments,
        environment: ["CORBADO_API_SECRET": "corbado1_x", "PIPE": folder + "/pipe", "PATH": "/usr/bin:/bin"],
        errors: folder + "/events")
    } else if let descriptors {
      process = try ChildProcess(
        "/bin/sh", ["-c", #"\#(descriptors) && exec "$0" "$@""#, Self.binary] + arguments,
        environment: ["CORBADO_API_SECRET": "corbado1_x"], output: folder + "/access", errors: folder + "/events")
    } else {
      process = try ChildProcess(
        Self.binary, arguments, environment: ["CORBADO_API_SECRET": "corbado1_x"], output: folder + "/access",
        errors: folder + "/events")
    }
    let ready = eventually { process.ending(within: 0) != nil || probe("/ready")?.status == 200 ? true : nil }
    guard ready == true, process.ending(within: 0) == nil else {
      Issue.record("the sidecar did not become ready: \(events)")
      throw RawConnection.Failure.cannotConnect
    }
  }

  deinit {
    process.signal(SIGKILL)
    for line in WrittenLogs.findings(folder) { Issue.record("a log holds what it must not: \(line)") }
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// Puts another configuration in the place of this one, by renaming.
  func reconfigure(_ edit: (String) -> String) throws {
    let file = URL(fileURLWithPath: folder + "/sidecar.yaml")
    try Data(edit(try String(contentsOf: file, encoding: .utf8)).utf8).write(to: file, options: .atomic)
  }

  /// The events of that name so far, oldest first.
  func events(_ name: String) -> [[String: Any]] {
    events.split(separator: "\n").compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["event"] as? String == name }
  }

  var events: String { (try? String(contentsOfFile: folder + "/events", encoding: .utf8)) ?? "" }

  func probe(_ path: String) -> H1Message? { Self.get(path, at: probes) }

  /// A plain request to one of the listeners that are not the data port.
  static func get(_ path: String, at port: UInt16) -> H1Message? {
    guard let connection = try? RawConnection(port: port) else { return nil }
    try? connection.send("GET \(path) HTTP/1.1\r\nHost: probes\r\nConnection: close\r\n\r\n")
    return try? connection.readResponse()
  }

  /// `Authorization` with a good token, as a field line.
  var authorization: String { get throws { "Authorization: Bearer \(try issuer.first.token(claims))\r\n" } }

  var claims: String { issuer.first.claims(extra: #""email":"alice@example.com""#) }

  func connection() throws -> RawConnection { try RawConnection(port: port) }

  /// One exchange on a connection of its own. `fields` are whole field lines.
  func ask(
    _ method: String = "GET", _ target: String, _ fields: String = "", body: String = "", authorized: Bool = true
  ) throws -> H1Message {
    let connection = try connection()
    let authorization = authorized ? try authorization : ""
    try connection.send("\(method) \(target) HTTP/1.1\r\nHost: app.test\r\n\(authorization)\(fields)\r\n\(body)")
    return try connection.readResponse(toHead: method == "HEAD")
  }

  /// The lines of the access log so far, each of which must be one JSON object.
  var accessLines: [String] {
    let text = (try? Data(contentsOf: URL(fileURLWithPath: folder + "/access"))) ?? Data()
    return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  func accessLines(_ path: String) -> [[String: Any]] {
    accessLines.compactMap { try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] }
      .filter { $0["path"] as? String == path }
  }

  // MARK: What suites share

  /// One sidecar before one app, for tests that need no other. Paths keep the tests apart.
  static let shared = Result {
    let app = try RecordingApp()
    return (sidecar: try SidecarUnderTest(app: app.port), app: app)
  }
}
