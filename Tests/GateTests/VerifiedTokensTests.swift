import HTTP
import JOSE
import TestPeers
import Testing

@testable import Gate

@Suite struct `Verified tokens` {
  /// A verified token straight from the verifier.
  static func verified(_ token: String, _ policy: Policy) throws -> VerifiedToken {
    var reader = TokenReader()
    var observer = NoObserver()
    let bytes = [UInt8](token.utf8)
    let outcome = try policy.verify(
      bytes.span, keys: Fixture.keys(), now: moment, keysWereJustFetched: true, reader: &reader, observer: &observer)
    guard case .valid(let verified) = outcome else { throw Denial.keyUnknown }
    return verified
  }

  static func tokens(_ count: Int) throws -> [VerifiedToken] {
    let policy = Fixture().policy
    return try (0..<count).map { try verified(Fixture.token(subject: "user-\($0)"), policy) }
  }

  @Test func `a token is found by all of its bytes`() throws {
    let token = try Self.tokens(1)[0]
    var cache = VerifiedTokens(entryCount: 8, maximumBytes: 1 << 20, seed: 1)
    let place = cache.insert(token, epoch: 1, now: moment)
    #expect(cache.find(token.bytes) == place)
    for index in token.bytes.indices {
      var other = token.bytes
      other[index] ^= 1
      #expect(cache.find(other) == nil)
      var hint = TokenHint()
      hint.slot = UInt32(place!)
      #expect(cache.find(other, hint) == nil)
    }
    #expect(cache.find(token.bytes.dropLast()) == nil)
  }

  @Test(arguments: [UInt32(0), 1, 7, 8, 4096, .max])
  func `any hint is harmless`(slot: UInt32) throws {
    let token = try Self.tokens(1)[0]
    var cache = VerifiedTokens(entryCount: 8, maximumBytes: 1 << 20, seed: 1)
    var hint = TokenHint()
    hint.slot = slot
    #expect(cache.find(token.bytes, hint) == nil)
    let place = cache.insert(token, epoch: 1, now: moment)
    #expect(cache.find(token.bytes, hint) == place)
  }

  @Test func `entries are bounded and the least recently used one goes`() throws {
    let tokens = try Self.tokens(9)
    var cache = VerifiedTokens(entryCount: 8, maximumBytes: 1 << 20, seed: 1)
    for token in tokens.prefix(8) { _ = cache.insert(token, epoch: 1, now: moment) }
    for token in tokens.prefix(8) where token !== tokens[3] { _ = cache.find(token.bytes) }
    _ = cache.insert(tokens[8], epoch: 1, now: moment)
    let count = cache.count
    #expect(count == 8)
    #expect(cache.find(tokens[3].bytes) == nil)
    #expect(cache.find(tokens[0].bytes) != nil)
  }

  @Test func `bytes are bounded`() throws {
    let tokens = try Self.tokens(64)
    let limit = tokens[0].accountedBytes * 10
    var cache = VerifiedTokens(entryCount: 4096, maximumBytes: limit, seed: 1)
    for token in tokens {
      _ = cache.insert(token, epoch: 1, now: moment)
      let bytes = cache.accountedBytes
      #expect(bytes <= limit)
      #expect(cache.find(token.bytes) != nil)
    }
    var sum = 0
    for token in tokens where cache.find(token.bytes) != nil { sum += token.accountedBytes }
    let bytes = cache.accountedBytes
    #expect(bytes == sum)
  }

  @Test func `a token larger than the whole is not kept`() throws {
    let token = try Self.tokens(1)[0]
    var cache = VerifiedTokens(entryCount: 8, maximumBytes: 100, seed: 1)
    #expect(cache.insert(token, epoch: 1, now: moment) == nil)
    let count = cache.count
    #expect(count == 0)
  }

  // MARK: Through the Gate

  @Test func `a cached token is judged by the clock on each request`() {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token())
    #expect(fixture.outcome(head) == .identified("alice"))
    fixture.now = moment + .seconds(330)
    #expect(fixture.outcome(head) == .refused(.tokenExpired))
    // Back again, and back before it was issued.
    fixture.now = moment + .seconds(329)
    #expect(fixture.outcome(head) == .identified("alice"))
    fixture.now = moment - .seconds(31)
    #expect(fixture.outcome(head) == .refused(.tokenNotYetValid))
    fixture.now = moment
    #expect(fixture.outcome(head) == .identified("alice"))
  }

  @Test func `a token whose key was withdrawn is refused although cached`() throws {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token())
    #expect(fixture.outcome(head) == .identified("alice"))
    fixture.keys = Fixture.keys([Fixture.login, try TokenFactory(keyID: "key-2")])
    #expect(fixture.outcome(head, keysWereJustFetched: true) == .refused(.keyUnknown))
    // Another key under the same ID is another key.
    fixture.keys = Fixture.keys([Fixture.login, try TokenFactory(keyID: "key-1")])
    #expect(fixture.outcome(head) == .refused(.signatureInvalid))
  }

  @Test func `a cached token stays when its key was only fetched again`() {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token())
    guard case .forward(let first) = fixture.decide(head) else { return }
    fixture.keys = Fixture.keys()
    guard case .forward(let second) = fixture.decide(head) else { return }
    #expect(first.token === second.token)
  }

  @Test func `another policy judges every token anew`() throws {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token())
    #expect(fixture.outcome(head) == .identified("alice"))
    var draft = Fixture.draft()
    draft.issuers[0].audiences = ["another-app"]
    fixture.policy = try Policy(draft)
    #expect(fixture.outcome(head) == .refused(.audienceMismatch))
  }

  @Test func `two connections with the same token share the entry`() {
    var fixture = Fixture()
    let head = RequestHead(bearer: Fixture.token())
    guard case .forward(let first) = fixture.decide(head) else { return }
    fixture.hint = TokenHint()
    guard case .forward(let second) = fixture.decide(head) else { return }
    #expect(first.token === second.token)
  }
}

extension VerifiedTokens {
  fileprivate mutating func find(_ token: some Sequence<UInt8>, _ hint: TokenHint = TokenHint()) -> Int? {
    let bytes = [UInt8](token)
    return place(of: bytes.span, hint: hint)
  }
}
