import Foundation
import TestPeers
import Testing

/// One process ends, another one begins, and nobody notices.
@Suite struct RestartTests {
  private struct Outcome: Decodable {
    var requests: [String: Int]
    var failures: [String: [String]]
    var exit: Int
    var second: Int
    var afterwards: [String: Int]
  }

  @Test func `a restart that hands its listening socket on loses no request under load`() throws {
    let app = try RecordingApp()
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
        upstream: {url: "http://127.0.0.1:\(app.port)", protocol: http1}
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
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let run = try ChildProcess.run(
      "/usr/bin/python3",
      [
        root.appending(path: "Peers/restart.py").path, "\(port)", SidecarUnderTest.binary, folder + "/0.yaml", "\(probes[0])",
        folder + "/1.yaml", "\(probes[1])", "Bearer \(try issuer.first.token())",
      ])
    let events = (try? String(contentsOfFile: folder + "/0.yaml.events", encoding: .utf8)) ?? ""
    try #require(run.code == 0, "\(run.output) \(events)")
    let outcome = try JSONDecoder().decode(Outcome.self, from: Data(run.output.utf8))
    #expect(outcome.failures == ["h1": [], "h2": []])
    #expect(outcome.exit == 0 && outcome.second == 0)
    for name in ["h1", "h2"] {
      #expect(outcome.requests[name, default: 0] > 20, "\(outcome.requests)")
      #expect(outcome.afterwards[name, default: 0] > 0, "\(outcome.afterwards)")
    }
  }
}
