import StateStore
import Synchronization
import Testing
import Transport

/// Sessions and their end, which every home of state must agree on.
@Suite struct RevocationTests {
  static func identity(_ seconds: Int64) -> Revocation {
    .identity(issuer: "https://idp.test/", subject: "alice", issuedUntil: moment(seconds))
  }

  @Test(
    arguments: StateStoreHome.allCases,
    [
      Revocation.session(id: "s1"), identity(1000), .token(issuer: "https://idp.test/", tokenID: "t\u{0}1 \u{E9}"),
      .digest([UInt8](repeating: 0xFE, count: 32)),
    ])
  func `a revocation is in force in every process until its time`(
    home: StateStoreHome, revocation: Revocation
  ) async throws {
    let fixture = try home.make()
    let entry = RevocationInForce(revocation, until: moment(2000))
    try await fixture.store.revoke([entry], at: moment(1000))
    #expect(try await fixture.other.revocations(at: moment(2000)) == [entry])
    #expect(try await fixture.other.revocations(at: moment(2001)).isEmpty)
  }

  @Test func `revocations of names that only look the same are two`() {
    let names = ["jos\u{E9}", "jose\u{301}"]
    #expect(Set(names.map { Revocation.session(id: $0) }).count == 2)
    #expect(Set(names.map { Revocation.token(issuer: "i", tokenID: $0) }).count == 2)
    #expect(Set(names.map { Revocation.identity(issuer: "i", subject: $0, issuedUntil: moment(1)) }).count == 2)
    #expect(Revocation.session(id: "s") == .session(id: "s") && Self.identity(1) == Self.identity(1))
    #expect(Self.identity(1) != Self.identity(2) && Revocation.digest([1]) == .digest([1]))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a revocation is only ever extended`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    func put(_ seconds: Int64, until: Int64) async throws {
      try await fixture.store.revoke(
        [RevocationInForce(Self.identity(seconds), until: moment(until))], at: moment(1000))
    }
    try await put(900, until: 2000)
    try await put(800, until: 1500)
    #expect(
      try await fixture.store.revocations(at: moment(1400))
        == [RevocationInForce(Self.identity(900), until: moment(2000))])
    try await put(1000, until: 3000)
    #expect(
      try await fixture.store.revocations(at: moment(1400))
        == [RevocationInForce(Self.identity(1000), until: moment(3000))])
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a revoked session is gone, others stay`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    for (index, id) in ["a", "b"].enumerated() {
      _ = try await fixture.store.markUsed(
        digest(UInt8(index)), until: moment(1300), starting: .sample(id), at: moment(1000))
    }
    try await fixture.other.revoke([RevocationInForce(.session(id: "a"), until: moment(4600))], at: moment(1000))
    #expect(try await fixture.store.session("a", at: moment(1000)) == nil)
    #expect(try await fixture.store.session("b", at: moment(1000)) == .sample("b"))
  }

  @Test(arguments: StateStoreHome.allCases, [(Int64(999), true), (1000, false)])
  func `an identity's sessions end that began up to the moment`(
    home: StateStoreHome, _ row: (seconds: Int64, stays: Bool)
  ) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    try await fixture.other.revoke(
      [RevocationInForce(Self.identity(row.seconds), until: moment(9000))], at: moment(1000))
    // One that was under way meanwhile and is stored only now.
    _ = try await fixture.store.markUsed(digest(2), until: moment(1300), starting: .sample("b"), at: moment(1000))
    #expect(try await fixture.store.session("a", at: moment(1000)) == (row.stays ? .sample("a") : nil))
    #expect(try await fixture.store.session("b", at: moment(1000)) == (row.stays ? .sample("b") : nil))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a refresh token is exchanged once, by whichever process`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    var session = Session.sample("a")
    session.refresh = RefreshDigests(family: [1, 0, 1], current: [2, 0])
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: session, at: moment(1000))
    #expect(try await fixture.other.session("a", at: moment(1000)) == session)
    #expect(try await fixture.other.rotateRefresh(of: "a", from: [2, 0], to: [3], at: moment(1000)))
    #expect(try await !fixture.store.rotateRefresh(of: "a", from: [2, 0], to: [4], at: moment(1000)))
    #expect(try await fixture.store.session("a", at: moment(1000))?.refresh?.current == [3])
    #expect(try await !fixture.store.rotateRefresh(of: "a", from: [3], to: [4], at: moment(4601)), "expired")
    #expect(try await !fixture.store.rotateRefresh(of: "b", from: [3], to: [4], at: moment(1000)), "unknown")
  }

  @Test(arguments: StateStoreHome.allCases)
  func `of many who exchange one refresh token at once exactly one succeeds`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    var session = Session.sample("a")
    session.refresh = RefreshDigests(family: [1], current: [2])
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: session, at: moment(1000))
    let count = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in UInt8(10)..<60 {
        let store = number.isMultiple(of: 2) ? fixture.store : fixture.other
        group.addTask { try await store.rotateRefresh(of: "a", from: [2], to: [number], at: moment(1000)) }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(count == 1)
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a follower hears what is in force, then what others revoke`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let (old, new) = (
      RevocationInForce(.session(id: "old"), until: moment(5000)),
      RevocationInForce(Self.identity(1000), until: moment(5000))
    )
    try await fixture.store.revoke([old], at: moment(1000))
    let (news, continuation) = AsyncStream<RevocationNews>.makeStream()
    fixture.other.followRevocations(at: { moment(1000) }) { continuation.yield($0) }
    var heard: Set<RevocationInForce> = []
    for await item in news {
      guard let entries = item.entries else { continue }
      if heard.isEmpty, entries.contains(old) { try await fixture.store.revoke([new], at: moment(1000)) }
      heard.formUnion(entries)
      if heard.contains(new) { break }
    }
    #expect(heard == [old, new])
  }

  @Test(arguments: StateStoreHome.allCases)
  func `all links are listed, once each`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let links = (0..<503).map { IdentityLink.sample("user-\($0)@example.com", subject: "s\($0)") }
    for link in links { _ = try await fixture.store.claimLink(link) }
    var (found, cursor): ([IdentityLink], String?) = ([], nil)
    repeat {
      let page = try await fixture.other.links(from: cursor)
      found += page.links
      cursor = page.next
    } while cursor != nil
    #expect(found.sorted { $0.identifier < $1.identifier } == links.sorted { $0.identifier < $1.identifier })
  }
}

extension RevocationNews {
  var entries: [RevocationInForce]? {
    switch self {
    case .inForce(let entries), .added(let entries): entries
    case .unheard: nil
    }
  }
}
