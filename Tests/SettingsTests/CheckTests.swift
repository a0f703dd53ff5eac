import Foundation
import Testing

@testable import Settings

@Suite struct CheckTests {
  private let environment: @Sendable (String) -> String? = { $0 == "SECRET" ? "corbado1_abc" : nil }

  @Test func `a good configuration is reported with what is open`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write(
      "f.yaml",
      changed(
        "routes: [{path: /health, access: public}, {path: /x}, {path: /assets/**, access: public}]\nprobes: {address: 0.0.0.0:9901}\nendpoints: {jwks: true}"
      ))
    let report = SidecarSettings.check(folder.path + "f.yaml", environment: environment)
    #expect(report.exitCode == 0)
    #expect(report.errorOutput.isEmpty)
    #expect(
      report.output == """
        \(folder.path)f.yaml: the configuration is good
        public routes (no token is asked for):
          /health
          /assets/**
        our own endpoints (never reach the app):
          POST /auth/createConnectToken
          POST /auth/completeLogin
          GET /auth/jwks.json
        warnings:
          \(folder.path)f.yaml:7:10: probes.address: reachable from outside: whoever reaches it learns which dependencies are away

        """)
  }

  @Test func `a bad configuration is reported on standard error with 78`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write("f.yaml", changed("limits: {idle: 1}\nworkers: 0"))
    let report = SidecarSettings.check(folder.path + "f.yaml", environment: environment)
    #expect(report.exitCode == 78)
    #expect(report.output.isEmpty)
    #expect(
      report.errorOutput.split(separator: "\n").map { $0.replacing(folder.path, with: "").prefix { $0 != " " } } == [
        "f.yaml:6:16:", "f.yaml:7:10:",
      ])
  }

  @Test func `a file that cannot be read is a problem as any other`() {
    let report = SidecarSettings.check("/nowhere/f.yaml", environment: environment)
    #expect(report.exitCode == 78)
    #expect(report.errorOutput == "/nowhere/f.yaml:1:1: cannot be read: No such file or directory\n")
  }
}
