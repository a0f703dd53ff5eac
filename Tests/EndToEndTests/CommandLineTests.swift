import Foundation
import TestPeers
import Testing

/// The built binary, its words and its exit codes.
@Suite struct CommandLineTests {
  private func run(_ arguments: [String], environment: [String: String] = [:]) throws -> (
    code: Int32, output: String, errors: String
  ) {
    let process = Process()
    // The binary lies beside the bundle of the tests.
    process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(
      path: "passkey-sidecar")
    process.arguments = arguments
    process.environment = environment
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.start()
    let texts = [output, errors].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    process.waitUntilExit()
    return (process.terminationStatus, texts[0], texts[1])
  }

  @Test(arguments: [
    [], ["frob"], ["run"], ["check"], ["run", "--config"], ["check", "--config", ""], ["check", "--config", "a", "b"],
    ["check", "f.yaml"],
    ["version", "x"], ["--config", "f.yaml"],
  ])
  func `a command line that is none ends with 64 and the usage on standard error`(arguments: [String]) throws {
    let result = try run(arguments)
    #expect(result.code == 64)
    #expect(result.output.isEmpty)
    #expect(result.errors.contains("usage: passkey-sidecar run --config FILE"))
  }

  @Test(arguments: [["version"], ["--version"], ["help"], ["--help"], ["-h"], ["run", "--help"], ["revoke", "-h"]])
  func `what is asked for is written to standard output`(arguments: [String]) throws {
    let result = try run(arguments)
    #expect(result.code == 0)
    #expect(result.output.contains("passkey-sidecar"))
    #expect(result.errors.isEmpty)
  }

  @Test func `check and run refuse with 78 and say where`() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".yaml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try Data("listne: []\n".utf8).write(to: URL(fileURLWithPath: path))
    for command in ["check", "run"] {
      let result = try run([command, "--config", path])
      #expect(result.code == 78)
      #expect(result.output.isEmpty)
      #expect(result.errors.contains("\(path):1:1: listne: is not a key here; did you mean 'listen'?\n"))
    }
  }

  @Test(arguments: ["listen", "probes", "admin", "state"])
  func `run ends with 69 where something cannot be opened, and says what`(taken: String) throws {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let other = try LoopbackServer { _ in }
    func port(_ name: String) throws -> UInt16 { try name == taken ? other.port : LoopbackServer.freePort() }
    let text = """
      listen: [{address: 127.0.0.1:\(try port("listen"))}]
      upstream: {url: http://127.0.0.1:3000}
      corbado: {projectID: pro-123, apiSecret: {env: CORBADO_API_SECRET}}
      issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      state: {sqlite: \(taken == "state" ? "nowhere/" : "")state.db}
      probes: {address: 127.0.0.1:\(try port("probes"))}
      admin: {address: 127.0.0.1:\(try port("admin"))}
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: folder + "/sidecar.yaml"))
    let result = try run(["run", "--config", folder + "/sidecar.yaml"], environment: ["CORBADO_API_SECRET": "corbado1_x"])
    #expect(result.code == 69, "\(result.errors)")
    let name = taken == "state" ? "nowhere/state.db" : "\(taken): 127.0.0.1:\(other.port): Address already in use"
    #expect(result.errors.contains(name), "\(result.errors)")
  }

  @Test func `check accepts a good configuration with 0`() throws {
    let path = NSTemporaryDirectory() + UUID().uuidString + ".yaml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let text = """
      listen: [{address: 127.0.0.1:8080}]
      upstream: {url: http://127.0.0.1:3000}
      corbado: {projectID: pro-123, apiSecret: {env: CORBADO_API_SECRET}}
      issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      """
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let result = try run(["check", "--config", path], environment: ["CORBADO_API_SECRET": "corbado1_x"])
    #expect(result.code == 0, "\(result.errors)")
    #expect(result.output.contains("public routes: none"))
    #expect(result.errors.isEmpty)
  }
}
