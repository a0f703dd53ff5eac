import Foundation
import HTTPClient
import JOSE
import OpenSSL
import TestPeers
import Testing
import Transport

@testable import Keys

@Suite struct DiscoveryTests {
  static let issuer = "https://idp.test/realms/a"
  static let openID = "/realms/a/.well-known/openid-configuration"
  static let oauth = "/.well-known/oauth-authorization-server/realms/a"
  let key: TokenFactory

  init() throws { key = try TokenFactory(keyID: "key") }

  static func metadata(_ keys: String = "https://keys.test/certs", issuer: String = issuer) -> Answer {
    .ok(#"{"issuer":"\#(issuer)","jwks_uri":"\#(keys)"}"#)
  }

  func running(_ handler: @escaping @Sendable (OutboundRequest) -> Answer) async throws -> KeyHarness {
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: Self.issuer, source: .discovery)])
    harness.server.answer(handler)
    await harness.start()
    return harness
  }

  func targets(_ harness: KeyHarness) -> [String] { harness.server.requests.map(\.url.target) }

  @Test func `OpenID Connect's metadata lead to the keys`() async throws {
    let set = try key.jwkSet
    let harness = try await running { $0.url.host == "keys.test" ? .ok(set) : Self.metadata() }
    #expect(targets(harness) == [Self.openID, "/certs"])
    #expect(harness.keyIDs() == ["key"])
  }

  @Test(arguments: [404, 400, 403, 410] as [UInt16])
  func `where there are none RFC 8414's are asked`(_ status: UInt16) async throws {
    let set = try key.jwkSet
    let harness = try await running { request in
      switch request.url.target {
      case Self.openID: .status(status)
      case Self.oauth: Self.metadata()
      default: .ok(set)
      }
    }
    #expect(targets(harness) == [Self.openID, Self.oauth, "/certs"])
    #expect(harness.keyIDs() == ["key"])
  }

  @Test(
    arguments: [
      (.status(500), "status"), (.status(429), "status"), (.status(302), "redirected"),
      (.failure(.timedOut), "timed_out"),
      (.ok("<html>"), "metadata_malformed"), (metadata(issuer: "https://evil.test"), "metadata_issuer_mismatch"),
      (metadata("http://keys.test/certs"), "metadata_cleartext"),
    ] as [(Answer, String)])
  func `an issuer in trouble, or another issuer, is not asked elsewhere`(
    _ answer: Answer, _ label: String
  ) async throws {
    let harness = try await running { $0.url.target == Self.openID ? answer : .status(200) }
    #expect(targets(harness) == [Self.openID])
    #expect(await harness.service.status(0).failure?.label == label)
  }

  @Test func `both missing is told as what the first said`() async throws {
    let harness = try await running { $0.url.target == Self.openID ? .status(404) : .status(405) }
    #expect(await harness.service.status(0).failure == .status(404))
  }

  @Test func `a refresh within the hour goes straight to the keys, a later one asks again`() async throws {
    let set = try key.jwkSet
    let harness = try await running { $0.url.host == "keys.test" ? .ok(set) : Self.metadata() }
    await harness.pass(seconds: 450)
    #expect(targets(harness) == [Self.openID, "/certs", "/certs"])
    await harness.pass(seconds: 3600)
    #expect(targets(harness).filter { $0 == Self.openID }.count == 2)
  }

  @Test func `keys that have moved are found by the next attempt`() async throws {
    let set = try key.jwkSet
    let harness = try await running { $0.url.host == "keys.test" ? .ok(set) : Self.metadata() }
    let other = try TokenFactory(keyID: "other").jwkSet
    harness.server.answer { request in
      switch request.url.host {
      case "idp.test": Self.metadata("https://moved.test/certs")
      case "moved.test": .ok(other)
      default: .status(404)
      }
    }
    await harness.pass(seconds: 470)
    #expect(harness.keyIDs() == ["other"])
  }

  @Test func `the time for a fetch is one for both requests`() async throws {
    let set = try key.jwkSet
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: Self.issuer, source: .discovery)])
    let clock = harness.clock
    harness.server.answer { request in
      guard request.url.host == "idp.test" else { return .ok(set) }
      clock.change { $0 = $0 + .seconds(3) }
      return Self.metadata()
    }
    await harness.start()
    #expect(harness.server.requests.map(\.timeout) == [.seconds(5), .seconds(2)])
  }

  @Test func `an entity tag is sent to the URL alone that gave it`() async throws {
    let set = try key.jwkSet
    let harness = try await running { $0.url.host == "keys.test" ? .ok(set, [("etag", #""v1""#)]) : Self.metadata() }
    harness.server.answer { request in
      request.url.host == "idp.test" ? Self.metadata("https://moved.test/certs") : .ok(set, [("etag", #""v1""#)])
    }
    await harness.pass(seconds: 4000)
    let moved = harness.server.requests.filter { $0.url.host == "moved.test" }
    #expect(moved.first?.fields.map(\.name) == ["accept"])
  }
}

@Suite struct FileSourceTests {
  func running(_ source: Keys.Configuration.Source, _ content: String?) async throws -> KeyHarness {
    let harness = try KeyHarness([Keys.Configuration.Issuer(issuer: "https://idp.test/", source: source)])
    if let content { harness.files.value["keys"] = Array(content.utf8) }
    await harness.start()
    return harness
  }

  @Test func `a JWK Set in a file is read, and read again when it changes`() async throws {
    let harness = try await running(.file("keys"), TokenFactory(keyID: "one").jwkSet)
    #expect(harness.keyIDs() == ["one"])
    harness.files.value["keys"] = Array(try TokenFactory(keyID: "two").jwkSet.utf8)
    await harness.pass(seconds: 5)
    #expect(harness.keyIDs() == ["two"])
    await harness.pass(seconds: 3600)
    #expect(harness.snapshotCount == 3)
    #expect(harness.server.requestCount == 0)
  }

  @Test func `an unknown key ID looks into the file at once`() async throws {
    let harness = try await running(.file("keys"), TokenFactory(keyID: "one").jwkSet)
    harness.files.value["keys"] = Array(try TokenFactory(keyID: "two").jwkSet.utf8)
    await harness.service.needKeys(issuer: "https://idp.test/", keyID: "two")
    #expect(harness.keyIDs() == ["two"])
  }

  @Test func `a public key in PEM serves tokens of any key ID`() async throws {
    // RFC 8410 §10.1.
    let pem = """
      -----BEGIN PUBLIC KEY-----
      MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
      -----END PUBLIC KEY-----

      """
    let harness = try await running(.file("keys"), "\n" + pem)
    guard case .usable(let keys, _)? = harness.availability() else { Issue.record("not usable"); return }
    #expect(keys.map(\.acceptsAnyKeyID) == [true])
    #expect(keys.first?.algorithms.contains(.edDSA) == true)
  }

  @Test(
    arguments: [
      nil, "", "garbage", #"{"keys":[]}"#, "{", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    ])
  func `a bad file leaves the keys as they are`(_ content: String?) async throws {
    let harness = try await running(.file("keys"), TokenFactory(keyID: "one").jwkSet)
    harness.files.value["keys"] = content.map { Array($0.utf8) }
    await harness.pass(seconds: 60)
    #expect(harness.keyIDs() == ["one"])
    #expect(await harness.service.status(0).failure != nil)
    #expect(try harness.events() == ["keys_changed", "keys_fetch_failed"])
  }

  @Test func `a file that appears later is found`() async throws {
    let harness = try await running(.file("keys"), nil)
    #expect(harness.keyIDs() == nil)
    #expect(await harness.service.status(0).failure == .fileUnreadable)
    harness.files.value["keys"] = Array(try TokenFactory(keyID: "one").jwkSet.utf8)
    await harness.pass(seconds: 5)
    #expect(harness.keyIDs() == ["one"])
  }

  @Test func `a private key in a JWK Set is not used`() async throws {
    // RFC 8037 appendix A.1.
    let members = [
      #""kty":"OKP","crv":"Ed25519""#, #""d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A""#,
      #""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#,
    ]
    let harness = try await running(.file("keys"), #"{"keys":[{\#(members.joined(separator: ","))}]}"#)
    #expect(harness.keyIDs() == nil)
    #expect(await harness.service.status(0).failure == .noUsableKey)
  }

  @Test(arguments: ["", "\n", "\r\n"])
  func `a secret in a file loses the newline at its end`(_ end: String) async throws {
    let secret = "0123456789abcdef0123456789abcdef"
    let harness = try await running(.secretFile("keys", allowsShort: false), secret + end)
    guard case .usable(let keys, _)? = harness.availability() else { Issue.record("not usable"); return }
    let content = bytes("content")
    let tag = try MessageAuthenticationKey(secret: bytes(secret), hash: .sha256).tag(over: content)
    let isValid = keys[0].isValid(signature: tag.span, over: content.span, algorithm: .hs256)
    #expect(isValid)
    // Too short for the longer hashes (RFC 7518 §3.2).
    #expect(!keys[0].algorithms.contains(.hs512))
  }

  @Test func `a secret that changes is followed`() async throws {
    let harness = try await running(.secretFile("keys", allowsShort: false), "0123456789abcdef0123456789abcdef")
    harness.files.value["keys"] = bytes("another-secret-of-thirty-two-bytes")
    await harness.pass(seconds: 5)
    #expect(harness.snapshotCount == 3)
    #expect(!"\(try harness.log())".contains("another-secret"))
  }

  @Test(arguments: ["", "\n", "short", "0123456789abcdef0123456789abcde\n"])
  func `a secret shorter than every hash is refused`(_ secret: String) async throws {
    let harness = try await running(.secretFile("keys", allowsShort: false), secret)
    #expect(await harness.service.status(0).failure == .noUsableKey)
  }

  @Test func `a short secret is taken where that is configured`() async throws {
    let harness = try await running(.secretFile("keys", allowsShort: true), "short")
    #expect(harness.keyIDs() == [nil])
  }

  /// How Kubernetes replaces a mounted secret: `..data` is a symbolic link to a directory, swapped by rename(2).
  @Test func `a swapped symbolic link is followed on the real file system`() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    let files = FileManager.default
    defer { try? files.removeItem(atPath: folder) }
    for (name, keyID) in [("v1", "one"), ("v2", "two")] {
      try files.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
      let set = Data(try TokenFactory(keyID: keyID).jwkSet.utf8)
      try set.write(to: URL(fileURLWithPath: "\(folder)/\(name)/jwks.json"))
    }
    try files.createSymbolicLink(atPath: "\(folder)/..data", withDestinationPath: "v1")
    try files.createSymbolicLink(atPath: "\(folder)/jwks.json", withDestinationPath: "..data/jwks.json")
    let loop = try LoopExecutor()
    let snapshots = Shared<[KeySnapshot]>([])
    let clock = Shared(Clock.monotonic() + .seconds(1_000_000_000))
    let service = try KeyService(
      Keys.Configuration(issuers: [.init(issuer: "i", source: .file("\(folder)/jwks.json"))]), executor: loop,
      surroundings: KeyService.Surroundings(outbound: FakeServer(on: loop).outbound, now: { clock.value }),
      log: .discarding, publish: { snapshot in snapshots.change { $0.append(snapshot) } })
    _ = try Transport.Thread(named: "keys-test") { loop.run() }
    defer { loop.stop() }
    await service.start()
    await service.settle()
    try files.createSymbolicLink(atPath: "\(folder)/..new", withDestinationPath: "v2")
    let swapped = unsafe rename("\(folder)/..new", "\(folder)/..data")
    try #require(swapped == 0)
    clock.change { $0 = $0 + .seconds(5) }
    await service.settle()
    let keyIDs = snapshots.value.map { snapshot -> [String?] in
      guard case .usable(let keys, _) = snapshot.issuers[0].availability else { return [] }
      return keys.map(\.keyID)
    }
    #expect(keyIDs == [[], ["one"], ["two"]])
  }
}
