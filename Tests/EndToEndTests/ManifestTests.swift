import Foundation
import TestPeers
import Testing

/// What lies in config/ for clusters and service managers, judged by systemd's own tool, the published schemas and by the binary itself.
@Suite struct ManifestTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private func run(_ executable: URL, _ arguments: [String]) throws -> (code: Int32, output: String) {
    let process = Process()
    process.executableURL = executable
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.start()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }

  @Test func `the manifests hold against the schemas of every Kubernetes with native sidecars`() throws {
    let python = Self.root.appending(path: ".build/venv/bin/python")
    let result = try run(python, ["-B", Self.root.appending(path: "Tests/Manifests/validate.py").path])
    #expect(result.code == 0, "\(result.output)")
    #expect(result.output.split(separator: "\n").count == 18, "two examples, nine versions: \(result.output)")
  }

  static let systemdAnalyze = "/usr/bin/systemd-analyze"

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: systemdAnalyze)))
  func `systemd understands the units, and finds the service well locked up`() throws {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let units = ["passkey-sidecar.service", "passkey-sidecar.socket"].map { folder.appending(path: $0) }
    for unit in units {
      let text = try String(contentsOf: Self.root.appending(path: "config/systemd/\(unit.lastPathComponent)"), encoding: .utf8)
      try Data(text.replacing("/usr/local/bin/passkey-sidecar", with: SidecarUnderTest.binary).utf8).write(to: unit)
    }
    let tool = URL(fileURLWithPath: Self.systemdAnalyze)
    let verdict = try run(tool, ["verify"] + units.map(\.path))
    #expect(verdict.code == 0 && verdict.output.isEmpty, "\(verdict.output)")
    // An exposure of at most 2.0 of 10.
    let security = try run(tool, ["security", "--offline=true", "--threshold=20", "--no-pager", units[0].path])
    #expect(security.code == 0, "\(security.output)")
  }

  @Test(arguments: ["one-replica", "replicas"]) func `check accepts the configuration of an example`(_ example: String) throws {
    let folder = URL(fileURLWithPath: NSTemporaryDirectory()).appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("corbado1_secret\n".utf8).write(to: folder.appending(path: "corbado-api-secret"))
    try Data("a-password-of-the-store\n".utf8).write(to: folder.appending(path: "redis-password"))
    let key = try run(
      URL(fileURLWithPath: "/usr/bin/openssl"),
      ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", folder.appending(path: "signing-key.pem").path])
    try #require(key.code == 0, "\(key.output)")
    let source = try String(
      contentsOf: Self.root.appending(path: "config/kubernetes/\(example)/sidecar.yaml"), encoding: .utf8)
    let here = source.replacing("/run/secrets/passkey-sidecar", with: folder.path).replacing(
      "/var/lib/passkey-sidecar", with: folder.path)
    let path = folder.appending(path: "sidecar.yaml")
    try Data(here.utf8).write(to: path)
    let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "passkey-sidecar")
    let result = try run(binary, ["check", "--config", path.path])
    #expect(result.code == 0, "\(result.output)")
  }
}
