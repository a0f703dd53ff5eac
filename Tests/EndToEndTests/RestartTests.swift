import Foundation
import TestPeers
import Testing

/// One process ends, another one begins, and nobody notices.
@Suite struct RestartTests {
  private struct Outcome: Decodable {
    var requests: [String: Int]
    var failures: [String: [String]]
    /// What the stream and the WebSocket did that the first process had open when it was told to end.
    var held: [String: Bool]
    var was_running: Bool
    var exit: Int
    var second: Int
    var afterwards: [String: Int]
  }

  @Test func `a restart that hands its listening socket on loses no request under load`() throws {
    let app = try LoopbackServer.freePort()
    let server = try ChildProcess(
      "/usr/bin/python3",
      ["-B", "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from hypercorn.__main__ import main; main()", Python.peers,
       "--bind", "127.0.0.1:\(app)", "--keep-alive", "300", "asgi_app:app"])
    defer { server.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: app) }
    let issuer = try SidecarUnderTest.Issuer()
    let folder = NSTemporaryDirectory() + "restart-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let port = try LoopbackServer.freePort()
    let probes = [try LoopbackServer.freePort(), try LoopbackServer.freePort()]
    try Data("corbado1_x".utf8).write(to: URL(fileURLWithPath: folder + "/secret"))
    for (number, probe) in probes.enumerated() {
      let configuration = """
        listen: [{address: 127.0.0.1:\(port)}]
        workers: 2
        upstream: {url: "http://127.0.0.1:\(app)", protocol: http1}
        corbado: {projectID: pro-1, apiSecret: {file: secret}}
        issuers:
          - {issuer: "\(issuer.first.issuer)", audiences: [my-app], algorithms: [ES256], keys: {url: "http://127.0.0.1:\(issuer.port)/jwks"}}
        login: {token: {issuer: https://app.example.com, audience: my-app}}
        state: {sqlite: state-\(number).db}
        probes: {address: 127.0.0.1:\(probe)}
        limits: {lameDuck: 1ms, drain: 20s}
        log: {access: off}

        """
      try Data(configuration.utf8).write(to: URL(fileURLWithPath: folder + "/\(number).yaml"))
    }
    let run = try ChildProcess.run(
      "/usr/bin/python3",
      [
        Python.peers + "/restart.py", "\(port)", SidecarUnderTest.binary, folder + "/0.yaml", "\(probes[0])",
        folder + "/1.yaml", "\(probes[1])", "Bearer \(try issuer.first.token())",
      ])
    let events = (try? String(contentsOfFile: folder + "/0.yaml.events", encoding: .utf8)) ?? ""
    try #require(run.code == 0, "\(run.output) \(events)")
    let outcome = try JSONDecoder().decode(Outcome.self, from: Data(run.output.utf8))
    #expect(WrittenLogs.findings(folder) == [])
    let protocols = ["h1", "h2", "sse", "websocket"]
    print("restart: requests \(outcome.requests), failures \(outcome.failures.mapValues(\.count))")
    for name in protocols {
      #expect(outcome.failures[name] == [], "\(name)")
      // What there is after the first process has gone was served by the second.
      #expect(outcome.afterwards[name, default: 0] > 10, "\(outcome.afterwards)")
    }
    #expect(outcome.was_running && outcome.held == ["sse": true, "websocket": true], "\(outcome.held)")
    #expect(outcome.exit == 0 && outcome.second == 0)
  }
}
