import JOSE
import TestPeers
import Testing

@testable import Keys

/// Another configuration while the service runs.
@Suite struct ReconfigurationTests {
  let old: TokenFactory
  let new: TokenFactory

  init() throws {
    old = try TokenFactory(keyID: "old")
    new = try TokenFactory(keyID: "new")
  }

  func running(_ answer: Answer) async throws -> KeyHarness {
    let harness = try KeyHarness([.url()])
    harness.server.answer(answer)
    await harness.start()
    return harness
  }

  @Test func `an unchanged issuer keeps its keys, a new one is fetched, one that is gone has none`() async throws {
    let harness = try KeyHarness([.url("https://a/", at: "https://a/jwks"), .url("https://b/", at: "https://b/jwks")])
    let set = try old.jwkSet
    harness.server.answer { $0.url.host == "c" ? .nothing : .ok(set) }
    await harness.start()
    #expect(harness.server.requestCount == 2)
    // In another order, with another neighbour.
    await harness.service.reconfigure(
      Keys.Configuration(issuers: [try .url("https://c/", at: "https://c/jwks"), try .url("https://a/", at: "https://a/jwks")]))
    #expect(harness.keyIDs(0) == nil && harness.keyIDs(1) == ["old"])
    await harness.service.turnOnce()
    await harness.server.release(with: .ok(set))
    await harness.service.settle()
    #expect(harness.keyIDs(0) == ["old"])
    #expect(harness.server.requests.map(\.url.host) == ["a", "b", "c"])
    #expect(await harness.service.status().map(\.issuer) == ["https://c/", "https://a/"])
  }

  @Test func `an issuer whose keys now come from elsewhere has none until that was asked`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.nothing)
    await harness.service.reconfigure(Keys.Configuration(issuers: [try .url(at: "https://idp.test/other")]))
    #expect(harness.keyIDs() == nil)
    await harness.service.turnOnce()
    await harness.server.release(with: .ok(try new.jwkSet))
    await harness.service.settle()
    #expect(harness.keyIDs() == ["new"])
  }

  @Test func `a fetch that began under the old configuration gives the new one nothing`() async throws {
    let harness = try KeyHarness([try .url(at: "https://idp.test/first")])
    let set = try new.jwkSet
    harness.server.answer { $0.url.target == "/first" ? .nothing : .ok(set) }
    await harness.service.start()
    await harness.service.turnOnce()
    await harness.service.reconfigure(Keys.Configuration(issuers: [try .url(at: "https://idp.test/second")]))
    await harness.service.settle()
    #expect(harness.keyIDs() == ["new"])
    await harness.server.release(with: .ok(try old.jwkSet))
    // The loop takes what is queued in order: by then the late answer has come through.
    for _ in 0..<20 { await harness.service.turnOnce() }
    #expect(harness.keyIDs() == ["new"])
  }

  @Test func `whoever waits for an issuer that is gone is let go`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.nothing)
    let count = Shared(0)
    harness.service.needKeys(issuer: "https://idp.test/", keyID: "new") { count.change { $0 += 1 } }
    await harness.service.turnOnce()
    await harness.service.reconfigure(Keys.Configuration(issuers: []))
    #expect(count.value == 1)
    await harness.server.release(with: .ok(try new.jwkSet))
  }

  @Test func `our own keys outlive a new configuration`() async throws {
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: "https://own/", source: .fixed([]))])
    await harness.start()
    await harness.service.handIn([VerificationKey(old.privateKey.publicKey, keyID: "own")], issuer: "https://own/")
    await harness.service.reconfigure(
      Keys.Configuration(issuers: [try .url(), try Keys.Configuration.Issuer(issuer: "https://own/", source: .fixed([]))]))
    #expect(harness.keyIDs(1) == ["own"])
  }
}
