import Foundation
import Gate
import JOSE
import Keys
import Testing

@testable import Settings

/// `issuers[]`: what tokens of one issuer are like and where its keys come from.
@Suite struct IssuerSettingsTests {
  private func issuer(_ members: String) -> String {
    changed("issuers: [{issuer: https://idp.example.com/, \(members)}]")
  }

  private let url = "keys: {url: https://idp.example.com/jwks}"

  @Test func `all that tokens must be like reaches the Gate as it stands`() throws {
    let rule = try read(
      issuer(
        """
        audiences: [], anyAudience: true, algorithms: [PS256, EdDSA, ES512], types: [application/at+jwt], leeway: 5s,
          stepUp: true, claims: {tenant: [7, "7"], "https://a.b/admin": {equals: true}, scope: {all: [read, write]}},
          \(url)
        """)
    ).settings.policyDraft.issuers[0]
    #expect(rule.acceptsAnyAudience && rule.audiences.isEmpty && rule.stepUp)
    #expect(rule.algorithms == [.ps256, .edDSA, .es512])
    #expect(
      rule.claims == [
        ClaimRule(claim: "tenant", condition: .anyOf([.integer(7), .text("7")])),
        ClaimRule(claim: "https://a.b/admin", condition: .equals(.boolean(true))),
        ClaimRule(claim: "scope", condition: .allOf([.text("read"), .text("write")])),
      ])
  }

  @Test(arguments: [
    ("audiences: []", "audiences: lists none"),
    ("audiences: [a], anyAudience: true", "anyAudience: true does not go with audiences"),
    ("audiences: [a], types: []", "types: at least 1 is needed"),
    ("audiences: [a], claims: {roles: []}", "claims.roles: lists no value"),
    ("audiences: [a], claims: {roles: admin}", "claims.roles: expected a list (one of)"),
    ("audiences: [a], claims: {roles: {any: [a]}}", "claims.roles: expected a list (one of), {all: [...]} or {equals: ...}, found 'any'"),
    ("audiences: [a], claims: {roles: {all: [a], equals: b}}", "claims.roles: expected a list"),
    ("audiences: [a], claims: {roles: [1.5]}", "claims.roles[0]: expected text, a whole number"),
    ("audiences: [a], claims: {roles: [null]}", "claims.roles[0]: expected text"),
    ("audiences: [a], claims: {roles: [9223372036854775808]}", "claims.roles[0]: expected text, a whole number"),
    ("audiences: [a], claims: {a.b.c.d.e.f.g.h.i.j: [x]}", "claims.a.b.c.d.e.f.g.h.i.j: 'a.b.c.d.e.f.g.h.i.j' is no claim path"),
    ("audiences: [a], claims: [roles]", "claims: expected a mapping"),
    ("audiences: [a], algorithms: [HS256]", "algorithms: HS256 needs keys.secret"),
    ("audiences: [a], algorithms: [RS256, HS512]", "algorithms: HS512 needs keys.secret"),
  ])
  func `an issuer that could accept too much, or that nobody can meet, is refused by its key`(
    members: String, message: String
  ) {
    let text = problem(issuer(members + ", " + url))
    #expect(text.contains(": issuers[0].\(message)"), "\(text)")
    #expect(problems(issuer(members + ", " + url)).count == 1)
  }

  @Test(arguments: [
    ("keys: {}", "f.yaml:5:62: issuers[0].keys: one of url, discovery, file and secret is needed"),
    ("keys: {discovery: false, url: null}", "issuers[0].keys: one of url, discovery, file and secret is needed"),
    ("keys: {url: https://a/, discovery: true}", "issuers[0].keys.discovery: stands beside url: one source only"),
    ("keys: {url: https://a/, secret: {env: LONG}}", "issuers[0].keys.secret: stands beside url: one source only"),
    ("keys: {url: https://a/, allowShortSecret: true}", "issuers[0].keys.allowShortSecret: belongs beside secret"),
    ("keys: {file: none.pem}", "issuers[0].keys.file: '/nowhere/none.pem' cannot be read"),
    ("algorithms: [HS256], keys: {secret: abc}", "issuers[0].keys.secret: a secret never stands in the configuration"),
    ("algorithms: [HS256], keys: {secret: {env: NONE}}", "issuers[0].keys.secret.env: the environment has no 'NONE'"),
    ("algorithms: [HS256], keys: {secret: {file: none}}", "issuers[0].keys.secret.file: 'none' cannot be read"),
    ("algorithms: [HS256], keys: {secret: {env: SECRET}}", "issuers[0].keys.secret: is shorter than 32 bytes"),
    ("algorithms: [HS512], keys: {secret: {env: LONG}}", "issuers[0].keys.secret: is shorter than 64 bytes"),
    ("algorithms: [RS256], keys: {secret: {env: LONG}}", "issuers[0].algorithms: RS256 needs a public key"),
    ("keys: {url: https://a/, keepWhenUnreachable: -1s}", "issuers[0].keys.keepWhenUnreachable: expected a duration"),
  ])
  func `keys have one source, and the algorithms fit it`(members: String, message: String) {
    let text = problem(issuer("audiences: [a], " + members))
    #expect(text.contains(message), "\(text)")
  }

  @Test(arguments: [
    ("\"urn:idp\"", "keys.discovery: needs an issuer that is a URL"), ("http://idp.example.com", "issuer: http is refused here"),
    ("\"https://idp.example.com/?a\"", "keys.discovery: needs an issuer that is a URL"),
  ])
  func `discovery needs an issuer that can be asked over https`(issuer: String, message: String) {
    let text = problem(changed("issuers: [{issuer: \(issuer), audiences: [a], keys: {discovery: true}}]"))
    #expect(text.contains("issuers[0].\(message)"), "\(text)")
  }

  @Test func `Keys is told each source, and how long keys are kept`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write("secret", String(repeating: "s", count: 32) + "\n")
    let loaded = try read(
      changed(
        """
        issuers:
          - {issuer: https://a, audiences: [x], subjectPrefix: a-, keys: {discovery: true, keepWhenUnreachable: 1h}}
          - {issuer: https://b, audiences: [x], subjectPrefix: b-, algorithms: [HS256], keys: {secret: {file: secret}}}
          - {issuer: https://c, audiences: [x], subjectPrefix: c-, algorithms: [HS384], keys: {secret: {env: SECRET}, allowShortSecret: true}}
        """), directory: folder.path)
    let issuers = loaded.keys.issuers
    #expect(issuers[0].keepWhenUnreachable == .seconds(3600))
    #expect(issuers[1].keepWhenUnreachable == .seconds(86_400))
    guard case .discovery = issuers[0].source, case .secretFile(folder.path + "secret", allowsShort: false) = issuers[1].source,
      case .fixed(let keys) = issuers[2].source
    else {
      Issue.record("other sources")
      return
    }
    #expect(keys.count == 1 && keys[0].algorithms.contains(.hs384))
    // Keys follow of themselves; a change is no new configuration.
    #expect(!loaded.watchedFiles.contains(folder.path + "secret"))
    #expect(loaded.warnings.map(\.key).contains("issuers[2].keys.allowShortSecret"))
    #expect(!"\(loaded.settings)".contains("corbado1_abc"))
  }

  @Test func `a file of keys is read once beforehand and has to fit`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    let set = #"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
    try folder.write("set.json", set)
    try folder.write("text", "no keys")
    try folder.write("secrets.json", #"{"keys":[{"kty":"oct","k":"\#(String(repeating: "A", count: 64))"}]}"#)
    func text(_ algorithms: String, _ file: String) -> String {
      issuer("audiences: [a], algorithms: [\(algorithms)], keys: {file: \(file)}")
    }
    func problem(_ text: String) -> String {
      do throws(SettingsRefused) {
        _ = try read(text, directory: folder.path)
        return ""
      } catch { return error.problems.map(\.description).joined(separator: "\n") }
    }
    let loaded = try read(text("EdDSA", "set.json"), directory: folder.path)
    guard case .file(folder.path + "set.json") = loaded.keys.issuers[0].source else {
      Issue.record("another source")
      return
    }
    #expect(problem(text("EdDSA, ES256", "set.json")).contains("issuers[0].algorithms: no key of"))
    #expect(problem(text("EdDSA", "text")).contains("issuers[0].keys.file: "))
    #expect(problem(text("EdDSA", "secrets.json")).contains("holds neither a JWK Set with a usable public key"))
  }

  @Test func `a Corbado Complete project is named and nothing else`() throws {
    let loaded = try read(changed("issuers: [{corbadoComplete: pro-123}]"))
    let rule = loaded.settings.policyDraft.issuers[0]
    #expect(rule.issuer == "https://pro-123.frontendapi.cloud.corbado.io")
    #expect(rule.otherSpellings == ["https://pro-123.frontendapi.corbado.io"])
    #expect(rule.acceptsAnyAudience && rule.algorithms == [.rs256])
    guard case .url(let url) = loaded.keys.issuers[0].source else {
      Issue.record("another source")
      return
    }
    #expect(url.host == "pro-123.frontendapi.cloud.corbado.io" && url.target == "/.well-known/jwks")
    #expect(loaded.warnings.map(\.key) == ["state.sqlite"])
  }

  @Test func `a Corbado Complete project may have a name of its own`() throws {
    let loaded = try read(changed("issuers: [{corbadoComplete: pro-123, issuer: https://login.example.com}]"))
    let rule = loaded.settings.policyDraft.issuers[0]
    #expect(rule.issuer == "https://login.example.com" && rule.otherSpellings.count == 2)
    guard case .url(let url) = loaded.keys.issuers[0].source else {
      Issue.record("another source")
      return
    }
    #expect(url.host == "login.example.com")
  }

  @Test(arguments: [
    ("corbadoComplete: pro-123, audiences: [a]", "audiences: is settled by corbadoComplete"),
    ("corbadoComplete: pro-123, algorithms: [ES256]", "algorithms: is settled by corbadoComplete"),
    ("corbadoComplete: 123", "corbadoComplete: expected a project ID"),
    ("corbadoComplete: pro-1.evil.example/", "corbadoComplete: 'pro-1.evil.example/' is not a project ID"),
    ("corbadoComplete: pro-", "corbadoComplete: 'pro-' is not a project ID"),
  ])
  func `what a Corbado Complete project settles is not said otherwise`(members: String, message: String) {
    let text = problem(changed("issuers: [{\(members)}]"))
    #expect(text.contains("issuers[0].\(message)"), "\(text)")
  }

  @Test(arguments: [
    ("anyAudience: true", "issuers[0].anyAudience"), ("audiences: [a], types: [dpop+jwt]", "issuers[0].types"),
  ])
  func `what lets in more than meant is warned of`(members: String, key: String) throws {
    #expect(try read(issuer(members + ", " + url)).warnings.map(\.key).filter { $0 != "state.sqlite" } == [key])
  }
}
