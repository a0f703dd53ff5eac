import Foundation
import OpenSSL
import TestPeers
import Testing

/// The built binary under a configuration of the test's own, with the files that it names.
final class ConfiguredSidecar: Sendable {
  let port: UInt16
  let probes: UInt16
  let process: ChildProcess
  let folder: String
  static let environment = ["CORBADO_API_SECRET": "corbado1_x"]

  /// - Parameters:
  ///   - corbado: the port of its Backend API.
  ///   - spoken: by the app.
  ///   - waitsForReady: else only until it is alive.
  ///   - configuration: all but listener, app, state and probes.
  init(
    app: UInt16, corbado: UInt16 = 9, files: [String: String] = [:], spoken: String = "http1",
    waitsForReady: Bool = true, _ configuration: String
  ) throws {
    folder = NSTemporaryDirectory() + "configured-" + UUID().uuidString + "/"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    WrittenLogs.watch(folder)
    (port, probes) = (try LoopbackServer.freePort(), try LoopbackServer.freePort())
    for (name, content) in files { try Data(content.utf8).write(to: URL(fileURLWithPath: folder + name)) }
    let text = """
      listen: [{address: 127.0.0.1:\(port)}]
      workers: 1
      upstream: {url: "http://127.0.0.1:\(app)", protocol: \(spoken)}
      corbado: {projectID: pro-1, apiSecret: {env: CORBADO_API_SECRET}, backendAPI: "http://127.0.0.1:\(corbado)"}
      state: {sqlite: state.db}
      probes: {address: 127.0.0.1:\(probes)}
      limits: {lameDuck: 1ms, drain: 1s}

      """
    try Data((text + configuration).utf8).write(to: URL(fileURLWithPath: folder + "sidecar.yaml"))
    process = try ChildProcess(
      SidecarUnderTest.binary, ["run", "--config", folder + "sidecar.yaml"], environment: Self.environment,
      output: folder + "access", errors: folder + "events")
    let path = waitsForReady ? "/ready" : "/live"
    let isUp = eventually { process.ending(within: 0) != nil || probe(path)?.status == 200 ? true : nil }
    guard isUp == true, process.ending(within: 0) == nil else {
      Issue.record("the sidecar did not come up: \((try? String(contentsOfFile: folder + "events", encoding: .utf8)) ?? "")")
      throw RawConnection.Failure.cannotConnect
    }
  }

  deinit {
    process.signal(SIGKILL)
    for line in WrittenLogs.findings(folder) { Issue.record("a log holds what it must not: \(line)") }
    try? FileManager.default.removeItem(atPath: folder)
  }

  func probe(_ path: String) -> H1Message? {
    guard let connection = try? RawConnection(port: probes) else { return nil }
    try? connection.send("GET \(path) HTTP/1.1\r\nHost: probes\r\nConnection: close\r\n\r\n")
    return try? connection.readResponse()
  }

  /// One exchange on a connection of its own.
  func ask(
    _ method: String, _ target: String, token: String? = nil, _ fields: [String] = [], body: String = ""
  ) throws -> H1Message {
    let connection = try RawConnection(port: port)
    var lines = ["\(method) \(target) HTTP/1.1", "Host: app.test"] + fields
    if let token { lines.append("Authorization: Bearer \(token)") }
    if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
    try connection.send(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    return try connection.readResponse(toHead: method == "HEAD")
  }

  /// The reason of a refusal, or what the app was told about the user (`-` for nobody).
  func outcome(_ method: String, _ target: String, token: String? = nil, _ fields: [String] = []) throws -> String {
    let answer = try ask(method, target, token: token, fields)
    guard answer.status == 200 else { return "\(answer.status) \(answer.text)" }
    // The app answers with the head that it got.
    let line = answer.text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-user-id:") }
    return line.map { $0.dropFirst(10).trimmingCharacters(in: .whitespaces) } ?? "-"
  }
}

extension ConfiguredSidecar {
  func ask(_ target: String, token: String? = nil, _ fields: [String] = []) throws -> H1Message {
    try ask("GET", target, token: token, fields)
  }

  func outcome(_ target: String, token: String? = nil, _ fields: [String] = []) throws -> String {
    try outcome("GET", target, token: token, fields)
  }
}

/// An issuer that signs with a secret.
struct SecretIssuer {
  let issuer: String
  let secret: String

  func token(_ claims: String) throws -> String {
    let header = #"{"alg":"HS256","typ":"JWT"}"#
    let input = [header, claims].map { TokenFactory.base64URL([UInt8]($0.utf8)) }.joined(separator: ".")
    let key = try MessageAuthenticationKey(secret: [UInt8](secret.utf8).span, hash: .sha256)
    return input + "." + TokenFactory.base64URL(key.tag(over: [UInt8](input.utf8).span))
  }

  /// Claims for the audience `my-app`.
  func claims(_ subject: String) -> String {
    let now = Int64(Date().timeIntervalSince1970)
    return #"{"iss":"\#(issuer)","sub":"\#(subject)","aud":"my-app","iat":\#(now),"exp":\#(now + 300)}"#
  }
}

/// Answers GET by path, with content that can be exchanged; every path asked for is remembered.
final class JSONServer: Sendable {
  private final class State: Sendable {
    let contents = Guarded<[String: String]>([:])
    let asked = Guarded<[String]>([])
  }

  private let state: State
  private let server: LoopbackServer
  var port: UInt16 { server.port }
  var asked: [String] { state.asked.value }

  init(port: UInt16 = 0) throws {
    let state = State()
    self.state = state
    server = try LoopbackServer(port: port) { connection in
      guard let head = try? connection.readHead() else { return }
      state.asked.change { $0.append(head.path) }
      let body = state.contents.value[head.path]
      try? connection.send(
        "HTTP/1.1 \(body == nil ? "404 Not Found" : "200 OK")\r\nContent-Type: application/json\r\n"
          + "Content-Length: \(body?.utf8.count ?? 0)\r\nConnection: close\r\n\r\n\(body ?? "")")
    }
  }

  func put(_ path: String, _ content: String) { state.contents.change { $0[path] = content } }
  func stop() { server.stop() }
}
