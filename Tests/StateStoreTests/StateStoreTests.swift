import StateStore
import Testing

/// What every home of state must do. Each test runs for each home.
@Suite struct StateStoreTests {
  // MARK: Identity links

  @Test(arguments: StateStoreHome.allCases)
  func `an identifier is linked to whoever claims it first`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
    #expect(try await fixture.store.claimLink(.sample()) == .created)
    #expect(try await fixture.other.link(for: "alice@example.com") == .linked(.sample()))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `the same identity renews time and claims`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.claimLink(.sample())
    let renewed = IdentityLink.sample(claims: #"{"name":"Alice B."}"#, confirmedAt: 2000)
    #expect(try await fixture.other.claimLink(renewed) == .confirmed)
    #expect(try await fixture.store.link(for: "alice@example.com") == .linked(renewed))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a clock that went back does not make a link older`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.claimLink(.sample(confirmedAt: 2000))
    #expect(try await fixture.store.claimLink(.sample(confirmedAt: 1000)) == .confirmed)
    #expect(try await fixture.store.link(for: "alice@example.com") == .linked(.sample(confirmedAt: 2000)))
  }

  @Test(
    arguments: StateStoreHome.allCases,
    [
      IdentityLink.sample(subject: "mallory", confirmedAt: 2000),
      .sample(issuer: "https://other.test/", confirmedAt: 2000),
      .sample(subject: "Alice", confirmedAt: 2000),
      .sample(subject: "alice ", confirmedAt: 2000),
    ])
  func `a link of somebody else is never changed`(home: StateStoreHome, attempt: IdentityLink) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.claimLink(.sample())
    #expect(try await fixture.store.claimLink(attempt) == .takenByOther)
    #expect(try await fixture.store.confirmLink(attempt) == .takenByOther)
    #expect(try await fixture.store.link(for: "alice@example.com") == .linked(.sample()))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `subjects that Unicode holds for equivalent are different ones`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.claimLink(.sample(subject: "caf\u{E9}"))
    #expect(try await fixture.store.claimLink(.sample(subject: "cafe\u{301}")) == .takenByOther)
  }

  @Test(arguments: StateStoreHome.allCases)
  func `text is kept to the byte, zero bytes included`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let link = IdentityLink.sample("a\u{0}b", subject: "s\u{0}'\";--", claims: "{}")
    _ = try await fixture.store.claimLink(link)
    #expect(try await fixture.other.link(for: "a\u{0}b") == .linked(link))
    #expect(try await fixture.other.link(for: "a") == .absent)
  }

  @Test(arguments: StateStoreHome.allCases)
  func `confirming makes no link`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    #expect(try await fixture.store.confirmLink(.sample()) == .absent)
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
    _ = try await fixture.store.claimLink(.sample())
    #expect(try await fixture.store.confirmLink(.sample(confirmedAt: 3000)) == .confirmed)
    #expect(try await fixture.store.link(for: "alice@example.com") == .linked(.sample(confirmedAt: 3000)))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `of many who claim at once exactly one succeeds`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let claims = try await withThrowingTaskGroup(of: LinkClaim.self) { group in
      for number in 0..<50 {
        let store = number.isMultiple(of: 2) ? fixture.store : fixture.other
        group.addTask { try await store.claimLink(.sample(subject: "subject-\(number)")) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(claims.count { $0 == .created } == 1)
    #expect(claims.count { $0 == .takenByOther } == 49)
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a removed link leaves a tombstone and revokes the identity's sessions`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.claimLink(.sample())
    let removed = try await fixture.store.removeLink(
      for: "alice@example.com", at: moment(2000), revokingUntil: moment(6000))
    #expect(removed == .sample())
    #expect(try await fixture.other.link(for: "alice@example.com") == .removed)
    #expect(
      try await fixture.other.revocations(at: moment(3000))
        == [
          RevocationInForce(
            .identity(issuer: "https://idp.test/", subject: "alice", issuedUntil: moment(2000)), until: moment(6000))
        ])
    #expect(try await fixture.store.claimLink(.sample(subject: "bob")) == .created)
    #expect(try await fixture.store.link(for: "alice@example.com") == .linked(.sample(subject: "bob")))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `removing a link that is not there does nothing`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    #expect(try await fixture.store.removeLink(for: "x", at: moment(1), revokingUntil: moment(2)) == nil)
    #expect(try await fixture.store.link(for: "x") == .absent)
  }

  // MARK: Passkey data and sessions

  @Test(arguments: StateStoreHome.allCases)
  func `passkey data is used once, by whichever process`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let (data, now) = (try digest(1), moment(1000))
    #expect(try await !fixture.store.isUsed(data))
    #expect(try await fixture.store.markUsed(data, until: moment(1300), starting: .sample("a"), at: now))
    #expect(try await fixture.other.isUsed(data))
    #expect(try await !fixture.other.markUsed(data, until: moment(1300), starting: .sample("b"), at: now))
    #expect(try await !fixture.other.isUsed(digest(2)))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `of two hundred uses at once exactly one is new`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let data = try digest(7)
    let news = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        let store = number.isMultiple(of: 2) ? fixture.store : fixture.other
        group.addTask {
          try await store.markUsed(data, until: moment(1300), starting: .sample("s\(number)"), at: moment(1000))
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(news == 1)
  }

  @Test(arguments: StateStoreHome.embedded)
  func `a use is remembered until its time, then forgotten`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    _ = try await fixture.store.markUsed(digest(2), until: moment(1600), starting: .sample("b"), at: moment(1300))
    #expect(try await fixture.store.isUsed(digest(1)))
    _ = try await fixture.store.markUsed(digest(3), until: moment(1600), starting: .sample("c"), at: moment(1301))
    #expect(try await !fixture.store.isUsed(digest(1)))
    #expect(try await fixture.store.isUsed(digest(2)))
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a session begins with the use and ends with its time`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    #expect(try await fixture.other.session("a", at: moment(4600)) == .sample("a"))
    #expect(try await fixture.other.session("a", at: moment(4601)) == nil)
    #expect(try await fixture.other.session("b", at: moment(1000)) == nil)
  }

  @Test(arguments: StateStoreHome.allCases)
  func `a use that comes too late begins no session`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    _ = try await fixture.store.markUsed(digest(1), until: moment(1300), starting: .sample("b"), at: moment(1000))
    #expect(try await fixture.store.session("b", at: moment(1000)) == nil)
  }

  @Test func `a digest has 32 bytes`() {
    #expect(PasskeyDataDigest([UInt8](repeating: 0, count: 31)) == nil)
    #expect(PasskeyDataDigest([UInt8](repeating: 0, count: 33)) == nil)
  }

  // MARK: Signing keys

  private func key(_ id: String, algorithm: String = "ES256", createdAt: Int64 = 1000) -> StoredSigningKey {
    StoredSigningKey(keyID: id, algorithm: algorithm, pem: Array("pem of \(id)".utf8), createdAt: moment(createdAt))
  }

  @Test(arguments: StateStoreHome.embedded)
  func `the first signing key of an algorithm stays, and every process gets it`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    #expect(try await fixture.store.signingKeys().isEmpty)
    #expect(try await fixture.store.storeSigningKey(key("k1")) == key("k1"))
    #expect(try await fixture.other.storeSigningKey(key("k2")) == key("k1"))
    #expect(try await fixture.other.storeSigningKey(key("k3", algorithm: "RS256")) == key("k3", algorithm: "RS256"))
    #expect(try await fixture.other.signingKeys().map(\.keyID) == ["k1", "k3"])
  }

  @Test(arguments: StateStoreHome.embedded)
  func `processes that start together agree on a signing key`(home: StateStoreHome) async throws {
    let fixture = try home.make()
    let agreed = try await withThrowingTaskGroup(of: String.self) { group in
      for number in 0..<20 {
        let store = number.isMultiple(of: 2) ? fixture.store : fixture.other
        let candidate = key("k\(number)")
        group.addTask { try await store.storeSigningKey(candidate).keyID }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(agreed.count == 1)
  }
}
