import Foundation
import JOSE
import StateStore
import Testing

@testable import Login

/// The rules of who can become whom, each with the attack that it stops.
@Suite struct IdentityLinkTests {
  private let mallory = "mallory"
  private let types = ["passkey-append", "passkey-list", "passkey-delete"]

  private func link(_ fixture: LoginFixture, _ identifier: String = "alice@example.com") async throws -> IdentityLink? {
    if case .linked(let link) = try await fixture.store.link(for: identifier) { link } else { nil }
  }

  /// Alice signs in conventionally, adds a passkey, and signs in with it.
  private func passkeyLogin(_ fixture: LoginFixture, identifier: String = "alice@example.com") async throws -> VerifiedIdentity {
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    return try await fixture.identity(of: await fixture.completeLogin(try fixture.signedData(for: identifier)))
  }

  // MARK: The same user, whichever way

  @Test func `the subject after a passkey login is that of the conventional login`() async throws {
    let fixture = try LoginFixture()
    let identity = try await passkeyLogin(fixture)
    #expect(identity.subject == "alice")
    #expect(identity.subjectIssuer == VerifiedIdentity.issuer)
  }

  // MARK: Rule 1: a verified e-mail address

  @Test func `somebody who merely claims an address cannot take it before its owner comes`() async throws {
    let fixture = try LoginFixture()
    let hijack = await fixture.connectToken(for: try .conventional(subject: mallory, isVerified: false))
    #expect(hijack.reason == .identifierUnverified)
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    #expect(try await link(fixture)?.subject == "alice")
  }

  // MARK: Rule 2: the link comes first

  @Test func `the link is stored before Corbado is called`() async throws {
    let fixture = try LoginFixture()
    fixture.corbado.hold()
    let running = Task { await fixture.connectToken(for: try .conventional()) }
    await fixture.corbado.arrivals(1)
    #expect(try await link(fixture)?.subject == "alice")
    fixture.corbado.release()
    #expect(try await running.value.status == 200)
  }

  @Test func `only claims that are named are remembered, roles not among them`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    let claims = String(decoding: try #require(try await link(fixture)).claims, as: UTF8.self)
    #expect(claims == #"{"email":"alice@example.com","name":"Alice"}"#)
  }

  @Test func `nested claims are found again at their path`() async throws {
    let fixture = try LoginFixture(try .sample(remember: ["profile.tenant", "missing", "nothing"]))
    let extra = #","profile":{"tenant":{"id":1.50,"names":["a","é"]}},"nothing":null"#
    _ = await fixture.connectToken(for: try .conventional(extra: extra))
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(answer.tokenClaims["missing"] == nil)
    #expect(answer.tokenClaims["nothing"] == nil)
    let claims = try await fixture.identity(of: answer).claims
    let node = try #require(ClaimPath("profile.tenant").flatMap { claims.node(at: $0) })
    var text = JSONWriter()
    text.value(node, of: claims)
    #expect(String(decoding: text.bytes, as: UTF8.self) == #"{"id":1.50,"names":["a","é"]}"#)
  }

  @Test func `a claim too large to be remembered is left out`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional(extra: ",\"name\":\"\(String(repeating: "n", count: 5000))\""))
    let claims = String(decoding: try #require(try await link(fixture)).claims, as: UTF8.self)
    #expect(claims == #"{"email":"alice@example.com"}"#)
  }

  @Test(arguments: ["passkey-list", "passkey-delete"])
  func `listing and deleting make no link`(type: String) async throws {
    let fixture = try LoginFixture()
    #expect(await fixture.connectToken(type, for: try .conventional()).status == 200)
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
  }

  // MARK: Rule 3: first come, never overwritten

  @Test(
    arguments: ["passkey-append", "passkey-list", "passkey-delete"],
    [
      // An address given to somebody new; another issuer that vouches for it; spellings of it that Corbado may hold for one.
      (VerifiedIdentity.issuer, "mallory", "alice@example.com"), ("https://other.test/", "alice", "alice@example.com"),
      ("https://other.test/", "mallory", "ALICE@example.com"), (VerifiedIdentity.issuer, "Alice", "Alice@Example.com"),
    ])
  func `an identifier that is linked is refused to everybody else`(
    type: String, attempt: (issuer: String, subject: String, email: String)
  ) async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    let before = try await link(fixture)
    let answer = await fixture.connectToken(
      type,
      for: try .conventional(
        issuer: attempt.issuer, subject: attempt.subject, email: attempt.email, emailsAreVerified: true))
    #expect(answer.status == 403)
    #expect(answer.reason == .identifierTaken)
    #expect(Array(answer.json.keys) == ["error"])
    #expect(fixture.corbado.calls.count == 1)
    #expect(try await link(fixture) == before)
    #expect(try fixture.closedLog().contains { $0.contains(#""event":"identifier_taken""#) })
  }

  @Test func `subjects that Unicode holds for equivalent are two users`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional(subject: "caf\u{E9}"))
    let answer = await fixture.connectToken(for: try .conventional(subject: "cafe\u{301}"))
    #expect(answer.reason == .identifierTaken)
  }

  @Test func `equal subjects of two issuers are two identifiers where the subject is the identifier`() async throws {
    let fixture = try LoginFixture(try .sample(identifier: "sub"))
    // As the Gate hands them in: the claim without, the subject with the issuer's prefix.
    for (issuer, subject) in [(VerifiedIdentity.issuer, "a|42"), ("https://other.test/", "b|42")] {
      let identity = try VerifiedIdentity.claims(#"{"sub":"42"}"#, issuer: issuer, subject: subject)
      #expect(await fixture.connectToken(for: identity).status == 200)
    }
    let identifiers = fixture.corbado.calls.map { ($0.json["data"] as? [String: String])?["identifier"] }
    #expect(identifiers == ["a|42", "b|42"])
  }

  @Test func `a subject is an identifier to the letter`() async throws {
    let fixture = try LoginFixture(try .sample(identifier: "sub"))
    #expect(await fixture.connectToken(for: try .conventional(subject: "aBc")).status == 200)
    #expect(await fixture.connectToken(for: try .conventional(subject: "AbC")).status == 200)
  }

  @Test func `a number can be an identifier`() async throws {
    let fixture = try LoginFixture(try .sample(identifier: "user_id"))
    #expect(await fixture.connectToken(for: try .claims(#"{"user_id":90071992547409931}"#)).status == 200)
    #expect(try await link(fixture, "90071992547409931")?.subject == "alice")
  }

  @Test func `a removed link lets the next one in, and the former out`() async throws {
    let fixture = try LoginFixture()
    let former = try await passkeyLogin(fixture)
    _ = try await fixture.store.removeLink(
      for: "alice@example.com", at: StoredTime(fixture.clock.now), revokingUntil: StoredTime(fixture.clock.now))
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .identityUnlinked)
    #expect(await fixture.connectToken("passkey-list", for: former).reason == .identifierMissing)
    #expect(await fixture.connectToken(for: try .conventional(subject: "bob")).status == 200)
    // The session went with the link; the Gate lets the token in no more.
    for type in types { #expect(await fixture.connectToken(type, for: former).reason == .identifierMissing) }
  }

  // MARK: Rule 4: our own tokens make no link

  @Test func `a token of ours neither makes nor renews a link`() async throws {
    let fixture = try LoginFixture()
    let identity = try await passkeyLogin(fixture)
    let before = try await link(fixture)
    fixture.clock.advance(60)
    for type in types { #expect(await fixture.connectToken(type, for: identity).status == 200) }
    #expect(try await link(fixture) == before)
  }

  @Test func `a token of ours keeps the identifier that it came from, whatever its claims say`() async throws {
    let fixture = try LoginFixture()
    let identity = try await passkeyLogin(fixture)
    let changed = VerifiedIdentity(
      subjectIssuer: identity.subjectIssuer, subject: identity.subject,
      claims: try JSONDocument(#"{"email":"victim@example.com","email_verified":true,"name":"A."}"#.utf8.span),
      origin: identity.origin)
    #expect(await fixture.connectToken(for: changed).status == 200)
    #expect(
      fixture.corbado.calls.last?.content
        == #"{"type":"passkey-append","data":{"identifier":"alice@example.com","displayName":"A."}}"#)
    #expect(try await fixture.store.link(for: "victim@example.com") == .absent)
  }

  @Test func `a token of ours whose session is another identity's is refused`() async throws {
    let fixture = try LoginFixture()
    let identity = try await passkeyLogin(fixture)
    for (issuer, subject) in [(identity.subjectIssuer, mallory), ("https://other.test/", identity.subject)] {
      let other = VerifiedIdentity(
        subjectIssuer: issuer, subject: subject, claims: identity.claims, origin: identity.origin)
      #expect(await fixture.connectToken("passkey-list", for: other).reason == .identifierMissing)
    }
  }

  @Test(arguments: [nil, "", "no-such-session"])
  func `a token of ours without a session is refused`(session: String?) async throws {
    let fixture = try LoginFixture()
    let identity = try await passkeyLogin(fixture)
    let other = VerifiedIdentity(
      subjectIssuer: identity.subjectIssuer, subject: identity.subject, claims: identity.claims,
      origin: .passkeyLogin(sessionID: session))
    #expect(await fixture.connectToken("passkey-list", for: other).reason == .identifierMissing)
  }

  @Test func `a token of ours from a link that is no longer there is refused`() async throws {
    let fixture = try LoginFixture()
    let moment = StoredTime(fixture.clock.now)
    let digest = try #require(PasskeyDataDigest([UInt8](repeating: 1, count: 32)))
    let session = Session(
      id: "s", issuer: VerifiedIdentity.issuer, subject: "alice", identifier: "alice@example.com", startedAt: moment,
      expiresAt: moment)
    _ = try await fixture.store.markUsed(digest, until: moment, starting: session, at: moment)
    let identity = VerifiedIdentity(
      subjectIssuer: VerifiedIdentity.issuer, subject: "alice", claims: try JSONDocument("{}".utf8.span),
      origin: .passkeyLogin(sessionID: "s"))
    for type in types { #expect(await fixture.connectToken(type, for: identity).reason == .identifierMissing) }
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
  }

  @Test(arguments: ["passkey-append", "passkey-list", "passkey-delete"])
  func `a token of the link's issuer renews time and claims`(type: String) async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    fixture.clock.advance(1000)
    _ = await fixture.connectToken(type, for: try .conventional(email: "Alice@example.com", extra: #","name":"Alice B.""#))
    let renewed = try #require(try await link(fixture))
    #expect(renewed.confirmedAt == StoredTime(fixture.clock.now))
    #expect(String(decoding: renewed.claims, as: UTF8.self) == #"{"email":"Alice@example.com","name":"Alice B."}"#)
  }

  // MARK: Rule 5: the link decides

  @Test func `a link that was not confirmed for longer than its age is void`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    fixture.clock.advance(365 * 86_400 - 1)
    #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
    fixture.clock.advance(1)
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .identityUnlinked)
    #expect(await fixture.connectToken(for: try .conventional(subject: mallory)).reason == .identifierTaken)
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
  }

  @Test func `a passkey of an address in another spelling finds the link`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional(email: "Alice@Example.com"))
    #expect(await fixture.completeLogin(try fixture.signedData(for: "alice@example.com")).status == 200)
  }

  // MARK: Without a link

  private func unlinked() throws -> Configuration { try .sample(unlinked: .identifier, identifierIsSubject: true) }

  @Test func `without a link and with the identifier as subject, we are the origin ourselves`() async throws {
    let fixture = try LoginFixture(try unlinked())
    let answer = await fixture.completeLogin(try fixture.signedData(for: "Eve@example.com"))
    #expect(answer.status == 200)
    #expect(answer.tokenClaims["sub"] as? String == "Eve@example.com")
    #expect(answer.tokenClaims["idp"] as? String == "https://app.test")
    #expect(answer.tokenClaims["email"] == nil)
    #expect(try await fixture.store.link(for: "eve@example.com") == .absent)
  }

  @Test func `such a token keeps its identifier and makes no link`() async throws {
    let fixture = try LoginFixture(try unlinked())
    let identity = try await fixture.identity(of: await fixture.completeLogin(try fixture.signedData(for: "Eve@example.com")))
    #expect(await fixture.connectToken(for: identity).status == 200)
    #expect(
      fixture.corbado.calls.last?.content
        == #"{"type":"passkey-append","data":{"identifier":"Eve@example.com","displayName":"Eve@example.com"}}"#)
    #expect(try await fixture.store.link(for: "eve@example.com") == .absent)
  }

  @Test func `such a token yields to a link that was made since`() async throws {
    let fixture = try LoginFixture(try unlinked())
    let identity = try await fixture.identity(of: await fixture.completeLogin(try fixture.signedData()))
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    #expect(await fixture.connectToken(for: identity).reason == .identifierTaken)
  }

  @Test func `a removed or void link is not read as none`() async throws {
    let fixture = try LoginFixture(try unlinked())
    _ = await fixture.connectToken(for: try .conventional())
    fixture.clock.advance(365 * 86_400)
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .identityUnlinked)
    _ = try await fixture.store.removeLink(
      for: "alice@example.com", at: StoredTime(fixture.clock.now), revokingUntil: StoredTime(fixture.clock.now))
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .identityUnlinked)
  }
}
