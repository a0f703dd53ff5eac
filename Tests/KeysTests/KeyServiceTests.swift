import HTTPClient
import JOSE
import TestPeers
import Testing
import Transport

@testable import Keys

@Suite struct KeyServiceTests {
  let old: TokenFactory
  let new: TokenFactory

  init() throws {
    old = try TokenFactory(keyID: "old")
    new = try TokenFactory(keyID: "new")
  }

  func running(_ answer: Answer, _ issuer: Keys.Configuration.Issuer? = nil) async throws -> KeyHarness {
    let harness = try KeyHarness([issuer ?? .url()])
    harness.server.answer(answer)
    await harness.start()
    return harness
  }

  // MARK: The first keys

  @Test func `the first snapshot comes before any key, the next with the keys`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    #expect(harness.snapshotCount == 2)
    #expect(harness.keyIDs() == ["old"])
    let status = await harness.service.status(0)
    #expect(status.state == .usable && status.keyCount == 1 && status.age == .zero && status.failure == nil)
    #expect(status.fetchCounts == ["changed": 1])
  }

  @Test func `the fetch asks for a JWK Set, bounded in bytes and time`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    let request = try #require(harness.server.requests.first)
    #expect(request.method == .get)
    #expect(request.url == OutboundURL("https://idp.test/jwks"))
    #expect(request.timeout == .seconds(5))
    #expect(request.responseLimitBytes == 512 * 1024)
    #expect(request.fields.map(\.name) == ["accept"])
  }

  @Test func `fetches never leave the control loop`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    await harness.pass(seconds: 450)
    #expect(harness.server.requestCount == 2)
    #expect(harness.server.wasOnLoop == [true])
  }

  @Test func `the process starts while the issuer is down, and has the keys soon after it is up`() async throws {
    let harness = try await running(.failure(.connectFailed))
    guard case .pending = harness.availability() else { Issue.record("not pending"); return }
    let down = await harness.service.status(0)
    #expect(down.state == .waiting && down.failureCount == 1 && down.failure?.label == "connect_failed")
    await harness.pass(seconds: 30)
    harness.server.answer(.ok(try old.jwkSet))
    await harness.pass(seconds: 60)
    #expect(harness.keyIDs() == ["old"])
    #expect(try harness.events() == ["keys_fetch_failed", "keys_changed", "keys_fetch_recovered"])
  }

  @Test func `an issuer that is down does not hold up another`() async throws {
    let harness = try KeyHarness([.url("https://a/", at: "https://a/jwks"), .url("https://b/", at: "https://b/jwks")])
    let set = try old.jwkSet
    harness.server.answer { $0.url.host == "a" ? .nothing : .ok(set) }
    await harness.service.start()
    await harness.service.turnOnce()
    await harness.service.needKeys(issuer: "https://b/", keyID: nil)
    #expect(harness.keyIDs(0) == nil)
    #expect(harness.keyIDs(1) == ["old"])
    await harness.server.release(with: .ok(set))
    await harness.service.settle()
    #expect(harness.keyIDs(0) == ["old"])
  }

  // MARK: Bad answers

  static let badAnswers: [(Answer, String)] = [
    (.status(500), "status"), (.status(404), "status"), (.status(204), "status"), (.status(304), "status"),
    (.status(301, [("location", "https://idp.test/jwks")]), "redirected"), (.status(302), "redirected"),
    (.status(307), "redirected"), (.status(308), "redirected"),
    (.failure(.connectionClosed), "connection_closed"), (.failure(.timedOut), "timed_out"),
    (.failure(.tlsFailed), "tls_failed"), (.failure(.responseTooLarge), "response_too_large"),
    (.ok(""), "malformed"), (.ok("<html></html>"), "malformed"), (.ok("{}"), "malformed"), (.ok("[]"), "malformed"),
    (.ok(#"{"keys":{}}"#), "malformed"), (.ok(#"{"keys":[],"keys":[]}"#), "malformed"),
    (.ok(#"{"keys":[]}"#), "no_usable_key"), (.ok(#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#), "no_usable_key"),
    (.ok(#"{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}"#), "no_usable_key"),
    (.blank(bytes: 512 * 1024 + 1), "response_too_large"),
  ]

  @Test(arguments: badAnswers)
  func `a bad answer leaves the keys as they are`(_ answer: Answer, _ label: String) async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(answer)
    await harness.pass(seconds: 450)
    #expect(harness.server.requestCount == 2)
    #expect(harness.keyIDs() == ["old"])
    #expect(harness.snapshotCount == 2)
    let status = await harness.service.status(0)
    #expect(status.failure?.label == label)
    #expect(status.state == .usable && status.age == .seconds(450))
    #expect(status.fetchCounts == ["changed": 1, label: 1])
  }

  @Test func `more keys than are accepted are a failure`() async throws {
    let many = try (0...100).map { try TokenFactory(keyID: "\($0)") }
    let harness = try await running(.ok(TokenFactory.jwkSet(many)))
    #expect(await harness.service.status(0).failure == .tooManyKeys)
    harness.server.answer(.ok(try TokenFactory.jwkSet(Array(many.dropLast()))))
    await harness.pass(seconds: 1)
    #expect(harness.keyIDs()?.count == 100)
  }

  @Test func `every label that a failure can have is in the list`() {
    for (_, label) in Self.badAnswers { #expect(KeyFetchFailure.labels.contains(label)) }
    #expect(Set(KeyFetchFailure.labels).count == KeyFetchFailure.labels.count)
  }

  // MARK: Rotation

  @Test func `a key that is withdrawn is gone with the next fetch`() async throws {
    let harness = try await running(.ok(TokenFactory.jwkSet([old, new])))
    harness.server.answer(.ok(try new.jwkSet))
    await harness.pass(seconds: 450)
    #expect(harness.keyIDs() == ["new"])
    let change = try #require(try harness.log().last)
    #expect(change["event"] as? String == "keys_changed")
    #expect(change["removed"] as? String == "old")
    #expect(change["added"] as? String == "")
  }

  @Test func `keys in another order are no news`() async throws {
    let harness = try await running(.ok(TokenFactory.jwkSet([old, new])))
    harness.server.answer(.ok(try TokenFactory.jwkSet([new, old])))
    await harness.pass(seconds: 450)
    #expect(harness.server.requestCount == 2)
    #expect(harness.snapshotCount == 2)
    #expect(await harness.service.status(0).fetchCounts == ["changed": 1, "unchanged": 1])
  }

  @Test func `another key under the same ID is news`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.ok(try TokenFactory(keyID: "old").jwkSet))
    await harness.pass(seconds: 450)
    #expect(harness.snapshotCount == 3)
  }

  @Test func `an unchanged set is asked for by its entity tag`() async throws {
    let set = try old.jwkSet
    let harness = try await running(.ok(set, [("etag", #""v1""#), ("cache-control", "max-age=100")]))
    harness.server.answer { request in
      request.fields.contains { $0.name == "if-none-match" && $0.value == #""v1""# }
        ? .status(304, [("cache-control", "max-age=200")]) : .status(500)
    }
    await harness.pass(seconds: 75)
    let status = await harness.service.status(0)
    #expect(status.failure == nil && status.age == .zero)
    #expect(status.fetchCounts == ["changed": 1, "unchanged": 1])
    #expect(harness.snapshotCount == 2)
    await harness.pass(seconds: 149)
    #expect(harness.server.requestCount == 2)
    await harness.pass(seconds: 1)
    #expect(harness.server.requestCount == 3)
  }

  // MARK: Unknown key IDs

  @Test func `a request with an unknown key ID gets the rotated key`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.ok(try TokenFactory.jwkSet([old, new])))
    await harness.service.needKeys(issuer: "https://idp.test/", keyID: "new")
    #expect(harness.keyIDs() == ["old", "new"])
  }

  @Test func `a request whose snapshot was merely older causes no fetch`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    await harness.service.needKeys(issuer: "https://idp.test/", keyID: "old")
    #expect(harness.server.requestCount == 1)
  }

  @Test func `one fetch serves all who wait, and they go on after it was published`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.nothing)
    let counts = Shared<[Int]>([])
    for _ in 0..<1000 {
      harness.service.needKeys(issuer: "https://idp.test/", keyID: "new") { counts.change { $0.append(harness.snapshotCount) } }
    }
    await harness.service.turnOnce()
    #expect(harness.server.requestCount == 2)
    #expect(counts.value == [])
    await harness.server.release(with: .ok(try TokenFactory.jwkSet([old, new])))
    await harness.service.settle()
    #expect(counts.value == [Int](repeating: 3, count: 1000))
    #expect(harness.server.requestCount == 2)
  }

  @Test func `who waits goes on when the fetch fails`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.status(500))
    await harness.service.needKeys(issuer: "https://idp.test/", keyID: "new")
    #expect(harness.keyIDs() == ["old"])
  }

  @Test(arguments: [Answer.status(500), .failure(.timedOut), .ok("garbage"), .ok(#"{"keys":[]}"#)])
  func `ten thousand random key IDs within ten seconds cause two fetches`(_ answer: Answer) async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(answer)
    for second in 0..<10 {
      for number in 0..<1000 { harness.service.needKeys(issuer: "https://idp.test/", keyID: "\(second)-\(number)") {} }
      await harness.service.settle()
      harness.clock.change { $0 = $0 + .milliseconds(999) }
    }
    harness.service.needKeys(issuer: "https://idp.test/", keyID: "last") {}
    await harness.service.settle()
    #expect(harness.server.requestCount == 1 + 2)
    #expect(harness.keyIDs() == ["old"])
  }

  @Test func `an issuer that there is not needs no keys`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    await harness.service.needKeys(issuer: "https://a/", keyID: "a")
    await harness.service.needKeys(issuer: "", keyID: "a")
    #expect(harness.server.requestCount == 1)
  }

  // MARK: Outages

  @Test func `a request during the first fetch waits for it`() async throws {
    let harness = try KeyHarness([.url()])
    harness.server.answer(.nothing)
    await harness.service.start()
    let count = Shared(0)
    harness.service.needKeys(issuer: "https://idp.test/", keyID: nil) { count.change { $0 += 1 } }
    await harness.service.turnOnce()
    #expect(count.value == 0)
    await harness.server.release(with: .ok(try old.jwkSet))
    await harness.service.settle()
    #expect(count.value == 1)
    #expect(harness.keyIDs() == ["old"])
    #expect(harness.server.requestCount == 1)
  }

  @Test func `a fetch that hangs is given up, its late answer is nothing`() async throws {
    let harness = try KeyHarness([.url()])
    harness.server.answer(.nothing)
    await harness.service.start()
    let count = Shared(0)
    harness.service.needKeys(issuer: "https://idp.test/", keyID: nil) { count.change { $0 += 1 } }
    await harness.service.turnOnce()
    harness.clock.change { $0 = $0 + .seconds(7) }
    await harness.service.turnOnce()
    #expect(count.value == 1)
    let status = await harness.service.status(0)
    #expect(status.failure == .unfinished && status.fetchCounts == ["unfinished": 1])
    await harness.server.release(with: .ok(try old.jwkSet))
    await harness.service.turnOnce()
    #expect(harness.keyIDs() == nil)
    harness.server.answer(.ok(try new.jwkSet))
    await harness.pass(seconds: 1)
    #expect(harness.keyIDs() == ["new"])
  }

  @Test func `keys outlive an outage of a day and not more, and come back whole`() async throws {
    let issuer = try Keys.Configuration.Issuer.url(refresh: .seconds(600), keepWhenUnreachable: .seconds(3600))
    let harness = try await running(.ok(old.jwkSet, [("etag", #""v1""#)]), issuer)
    harness.server.answer(.failure(.connectFailed))
    await harness.pass(seconds: 4199)
    #expect(harness.keyIDs() == ["old"])
    await harness.pass(seconds: 1)
    guard case .expired? = harness.availability() else { Issue.record("not expired"); return }
    let status = await harness.service.status(0)
    #expect(status.state == .tooOld && status.keyCount == 0 && status.age == .seconds(4200))
    // Without keys there is nothing that could be unchanged: no entity tag.
    harness.server.answer(.ok(try old.jwkSet))
    await harness.pass(seconds: 60)
    #expect(harness.keyIDs() == ["old"])
    #expect(harness.server.requests.last?.fields.map(\.name) == ["accept"])
    #expect(try harness.events().suffix(3) == ["keys_too_old", "keys_changed", "keys_fetch_recovered"])
  }

  @Test func `word that nothing has changed brings back keys that were dropped meanwhile`() async throws {
    let harness = try await running(.ok(old.jwkSet, [("etag", #""v1""#)]))
    harness.server.answer(.failure(.connectFailed))
    await harness.pass(seconds: 86_996)
    harness.server.answer(.nothing)
    harness.service.needKeys(issuer: "https://idp.test/", keyID: "new") {}
    await harness.service.turnOnce()
    harness.clock.change { $0 = $0 + .seconds(4) }
    await harness.service.turnOnce()
    guard case .expired? = harness.availability() else { Issue.record("not expired"); return }
    await harness.server.release(with: .status(304))
    await harness.service.settle()
    #expect(harness.keyIDs() == ["old"])
  }

  @Test func `an outage is one line in the log, not one an attempt`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.status(503))
    await harness.pass(seconds: 3600)
    #expect(harness.server.requestCount > 50)
    #expect(try harness.events() == ["keys_changed", "keys_fetch_failed"])
  }

  // MARK: Handed in

  @Test func `our own keys are handed in, and replaced`() async throws {
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: "https://own/", source: .fixed([]))])
    await harness.start()
    #expect(harness.keyIDs() == nil)
    let first = VerificationKey(old.privateKey.publicKey, keyID: "first")
    await harness.service.handIn([first], issuer: "https://own/")
    #expect(harness.keyIDs() == ["first"])
    await harness.service.handIn([first, VerificationKey(new.privateKey.publicKey, keyID: "second")], issuer: "https://own/")
    #expect(harness.keyIDs() == ["first", "second"])
    await harness.service.needKeys(issuer: "https://own/", keyID: "third")
    #expect(harness.server.requestCount == 0)
    #expect(await harness.service.status(0).isUsable)
  }

  @Test func `keys cannot be handed in for an issuer that publishes its own`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    await harness.service.handIn([VerificationKey(new.privateKey.publicKey, keyID: "new")], issuer: "https://idp.test/")
    await harness.service.handIn([], issuer: "https://a/")
    #expect(harness.keyIDs() == ["old"])
  }

  @Test func `a secret is there from the first snapshot on`() async throws {
    let secret = [UInt8](repeating: 7, count: 32)
    let key = try VerificationKey(secret: secret.span)
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: "https://a/", source: .fixed([key]))])
    await harness.service.start()
    #expect(harness.snapshotCount == 1)
    #expect(harness.keyIDs() == [nil])
  }

  // MARK: The end

  @Test func `stopping lets everyone go and asks nobody any more`() async throws {
    let harness = try await running(.ok(old.jwkSet))
    harness.server.answer(.nothing)
    let count = Shared(0)
    harness.service.needKeys(issuer: "https://idp.test/", keyID: "new") { count.change { $0 += 1 } }
    await harness.service.turnOnce()
    await harness.service.stop()
    #expect(count.value == 1)
    await harness.server.release(with: .ok(try new.jwkSet))
    await harness.jump(.seconds(100_000))
    await harness.service.needKeys(issuer: "https://idp.test/", keyID: "other")
    #expect(harness.keyIDs() == ["old"])
    #expect(harness.server.requestCount == 2)
  }

  @Test func `the log names keys and hosts, and holds no key, no query`() async throws {
    let issuer = try Keys.Configuration.Issuer.url(at: "https://idp.test/jwks?client=hush")
    let harness = try await running(.ok(old.jwkSet), issuer)
    harness.server.answer(.failure(.connectFailed))
    await harness.pass(seconds: 450)
    let lines = "\(try harness.log())"
    #expect(lines.contains("keys_fetch_failed") && lines.contains("old"))
    #expect(!lines.contains("hush"))
    let point = try #require(try old.jwk.split(separator: "\"x\":\"").last?.prefix(40))
    #expect(!lines.contains(point))
  }
}
