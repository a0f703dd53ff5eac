import Foundation
import TestPeers
import Testing

/// The signing key is followed by another while the process serves.
@Suite struct KeyRotationTests {
  @Test func `after rotate-keys old tokens are good, the new key is published first and signs later`() throws {
    let town = try LoginReplicas(settings: "endpoints: {jwks: true}")
    let replica = try town.start(workers: 2)
    let first = try town.passkeyToken(through: replica)
    let old = try keyID(of: first)
    #expect(try published(replica) == [old])

    let rotated = try ChildProcess.run(
      "/usr/bin/env",
      [
        "CORBADO_API_SECRET=\(LoginReplicas.secret)", SidecarUnderTest.binary, "rotate-keys", "--config", replica.configuration,
      ])
    #expect(rotated.code == 0 && rotated.output.contains(old), "\(rotated.output)")
    // Running processes look by themselves; a reload is the shorter way.
    replica.process.signal(SIGHUP)
    let both = try #require(try eventually { let keys = try published(replica); return keys.count == 2 ? keys : nil })
    let new = try #require(both.first { $0 != old })
    // Who has cached the key set does not know it yet.
    let second = try town.passkeyToken(through: replica)
    #expect(try keyID(of: second) == old)

    // Eleven minutes later.
    try Python.sql("UPDATE signing_keys SET created_at = created_at - 660", town.folder + "/state.db")
    replica.process.signal(SIGHUP)
    let third = try #require(
      try eventually { let token = try town.passkeyToken(through: replica); return try keyID(of: token) == new ? token : nil })
    #expect(Set(try published(replica)) == [old, new])
    for token in [first, second, third] {
      for _ in 0..<4 { #expect(try replica.ask("GET", "/x", token: token).status == 200) }
    }
    // One that starts now knows both as well.
    let other = try town.start()
    for token in [first, third] { #expect(try other.ask("GET", "/x", token: token).status == 200) }
  }

  private func keyID(of token: String) throws -> String { try #require(try token.tokenPart(0)["kid"] as? String) }

  private func published(_ replica: LoginReplicas.Replica) throws -> [String] {
    let keys = try replica.ask("GET", "/auth/jwks.json").json["keys"] as? [[String: Any]]
    return try #require(keys).compactMap { $0["kid"] as? String }
  }
}
