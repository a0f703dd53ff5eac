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
        """
        routes:
          - {path: /health, methods: [GET, HEAD], access: public}
          - {path: /x/*}
          - {path: /assets/**, access: public}
          - {path: /maybe, access: optional, badToken: anonymous}
          - {path: /*/y, claims: {roles: [a]}}
          - {path: /x/z}
        identity: {fields: {X-User-ID: sub}, passThrough: [X-Real-IP]}
        probes: {address: 0.0.0.0:9901}
        endpoints: {jwks: true, logout: true, aliases: {/old/login: completeLogin}}
        """
      ))
    let report = SidecarSettings.check(folder.path + "f.yaml", environment: environment)
    #expect(report.exitCode == 0)
    #expect(report.errorOutput.isEmpty)
    #expect(
      report.output == """
        \(folder.path)f.yaml: the configuration is good
        public routes (no token is asked for):
          GET HEAD /health
          /assets/**
        optional routes (without a token a request is anonymous):
          /maybe, with a bad token too
        rules that others come before:
          rule 5 (/*/y) leaves what both match to rule 2 (/x/*)
          rule 5 (/*/y) leaves what both match to rule 3 (/assets/**)
          rule 6 (/x/z) never decides, because of rule 2 (/x/*)
        fields that clients may send although apps may take them for ours or another gateway's:
          X-Real-IP
        our own endpoints (never reach the app):
          POST /auth/createConnectToken
          POST /auth/completeLogin
          POST /auth/logout
          GET /auth/jwks.json
          /old/login, another path of completeLogin
        warnings:
          \(folder.path)f.yaml:12:6: routes[5].path: never decides: rule 2 (/x/*) comes first and covers it
          \(folder.path)f.yaml:14:10: probes.address: reachable from outside: whoever reaches it learns which dependencies are away

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
