import Foundation
import TestPeers
import Testing

/// `links` and `revoke` beside a process that serves from the same state.
@Suite struct StateCommandTests {
  let town: LoginReplicas
  let replica: LoginReplicas.Replica

  init() throws {
    town = try LoginReplicas()
    replica = try town.start()
  }

  private func run(_ arguments: String...) throws -> (code: Int32, output: String) {
    try ChildProcess.run(
      "/usr/bin/env",
      ["CORBADO_API_SECRET=\(LoginReplicas.secret)", SidecarUnderTest.binary] + arguments
        + ["--config", replica.configuration])
  }

  private func isRefused(_ token: String) -> Bool {
    eventually { (try? replica.ask("GET", "/x", token: token))?.text == #"{"error":"token_revoked"}"# ? true : nil } == true
  }

  private func passes(_ token: String) throws -> Bool { try replica.ask("GET", "/x", token: token).status == 200 }

  private func claim(_ name: String, _ token: String) throws -> String {
    try #require(try token.tokenPart(1)[name] as? String)
  }

  @Test func `a session, a token and a user are revoked while the process serves`() throws {
    let tokens = try (0..<4).map { _ in try town.passkeyToken(through: replica) }
    #expect(try run("revoke", "--session", claim("sid", tokens[0])).code == 0)
    #expect(isRefused(tokens[0]))
    #expect(try passes(tokens[1]))
    #expect(try run("revoke", "--token-id", claim("jti", tokens[1])).code == 0)
    #expect(isRefused(tokens[1]))
    #expect(try passes(tokens[2]))
    let others = try town.passkeyToken("bob", through: replica)
    #expect(try run("revoke", "--subject", "alice").code == 0)
    #expect(isRefused(tokens[2]))
    #expect(isRefused(tokens[3]))
    #expect(try passes(others))
  }

  @Test func `a link is listed, shown and removed, and with it go the sessions`() throws {
    let token = try town.passkeyToken(through: replica)
    #expect(try passes(token))
    let listed = try run("links", "list")
    #expect(listed.code == 0)
    #expect(listed.output.contains(#"{"identifier":"alice@example.com","issuer":"https://idp.test/","subject":"alice""#))
    #expect(!listed.output.contains("claims"))
    #expect(try run("links", "show", "Alice@Example.com").output.contains(#""claims":{"email":"alice@example.com"}"#))

    #expect(try run("links", "remove", "alice@example.com").code == 0)
    #expect(isRefused(token))
    let shown = try run("links", "show", "alice@example.com")
    #expect(shown.code == 1)
    #expect(shown.output.contains("was removed"))
    #expect(try run("links", "remove", "alice@example.com").code == 1)
    #expect(try run("links", "list").output.isEmpty)
  }

  @Test(arguments: [
    ["revoke"], ["revoke", "--subject", "a", "--session", "b"], ["revoke", "--session", "a", "--issuer", "b"],
    ["revoke", "--subject", "a", "--issuer", "https://unknown.test/"], ["links"], ["links", "show"],
    ["links", "delete", "x"],
  ])
  func `a command that is not understood changes nothing`(arguments: [String]) throws {
    let result = try ChildProcess.run(
      "/usr/bin/env",
      ["CORBADO_API_SECRET=\(LoginReplicas.secret)", SidecarUnderTest.binary] + arguments
        + ["--config", replica.configuration])
    #expect(result.code == 64, "\(result.output)")
  }
}
