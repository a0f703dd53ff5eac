import Foundation
import Testing

@testable import Settings

/// config/reference.yaml says what the code does: every key, no other, each with the default of the code.
@Suite struct ReferenceTests {
  private func bytes(_ name: String) throws -> [UInt8] {
    // The example's secret is a mounted file; here it comes from the environment.
    let text = try String(contentsOfFile: checkout + "config/" + name, encoding: .utf8)
    let secret = "{file: /run/secrets/corbado-api-secret}"
    #expect(text.contains(secret))
    return Array(text.replacing(secret, with: "{env: SECRET}").utf8)
  }

  /// Every key of a tree without the numbers of lists.
  private func keys(_ node: Node, _ path: String = "") -> Set<String> {
    switch node.content {
    case .mapping(let entries):
      return entries.reduce(into: []) { keys, entry in
        let child = path.isEmpty ? entry.key : "\(path).\(entry.key)"
        keys.insert(child)
        keys.formUnion(self.keys(entry.value, child))
      }
    case .sequence(let elements): return elements.reduce(into: []) { $0.formUnion(keys($1, path + "[]")) }
    case .scalar, .refused: return []
    }
  }

  @Test func `every key of the code stands in the reference, and no other`() throws {
    let bytes = try bytes("reference.yaml")
    let reading = Reading(
      file: "reference.yaml", sources: SettingsSources(besides: "/nowhere/reference.yaml") { $0 == "SECRET" ? "corbado1_abc" : nil })
    _ = SidecarSettings.read(bytes, reading)
    #expect(reading.problems.isEmpty)
    let declared = Set(reading.declarations.map(\.path))
    let written = keys(try #require(YAMLTree(bytes).root)).filter { path in
      // Keys with keys beneath them are declared by those; names of fields and forms of secrets are values.
      !declared.contains { $0.hasPrefix(path + ".") || $0.hasPrefix(path + "[]") }
        && !path.hasPrefix("identity.fields.") && !path.hasPrefix("corbado.apiSecret.")
    }
    #expect(declared.subtracting(written) == [])
    #expect(written.subtracting(declared) == [])
  }

  @Test func `every value of the reference is the default`() throws {
    let full = try read(try bytes("reference.yaml")).settings
    // Without what has a default: only what sidecar.yaml says, and its own choice about e-mail not made.
    let small = try read(
      String(decoding: try bytes("sidecar.yaml"), as: UTF8.self).replacing(", emailsAreVerified: true", with: "")
    ).settings
    #expect(full.listeners == small.listeners)
    #expect(full.workers == small.workers)
    #expect(full.upstream == small.upstream)
    #expect(full.corbado == small.corbado)
    #expect(full.issuers == small.issuers)
    #expect(full.credential == small.credential)
    #expect(full.connect == small.connect)
    #expect(full.login == small.login)
    #expect(full.endpoints == small.endpoints)
    #expect(full.identity == small.identity)
    #expect(small.routes.isEmpty)
    #expect(full.routes == (try read(changed("routes: [{path: /health}]")).settings.routes))
    #expect(full.cors == small.cors)
    #expect(full.state == small.state)
    #expect(full.probes == small.probes)
    #expect(full.egress == small.egress)
    #expect(full.limits == small.limits)
    #expect(full.log == small.log)
  }

  @Test func `the smallest file is good as it stands`() throws {
    let loaded = try read(try bytes("sidecar.yaml"))
    #expect(loaded.warnings.map(\.key) == ["state.sqlite"])
    #expect(loaded.settings.issuers[0].emailsAreVerified)
  }
}
