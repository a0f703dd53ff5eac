import Foundation
import JOSE
import StateStore
import Synchronization
import TestPeers
import Testing

@testable import Login

@Suite struct LogoutTests {
  let fixture: LoginFixture
  let published = Published()

  final class Published: Sendable {
    private let entries = Mutex<[RevocationInForce]>([])
    var all: Set<RevocationInForce> { entries.withLock { Set($0) } }

    func change(_ change: RevocationChange) {
      entries.withLock { entries in
        if change.isWhole { entries = [] }
        let gone = Set(change.expired + change.inForce.map(\.revocation))
        entries.removeAll { gone.contains($0.revocation) }
        entries += change.inForce
      }
    }
  }

  init() throws {
    let published = published
    fixture = try LoginFixture(publishRevocations: { published.change($0) })
  }

  private var inForce: Set<RevocationInForce> { published.all }

  private func token(sessionID: String? = nil, tokenID: String? = nil, isOwn: Bool = true) -> PresentedToken {
    let text = "a.b.c"
    return PresentedToken(
      issuer: "https://idp.test/", isOwn: isOwn, subjectIssuer: "https://idp.test/", subject: "alice", sessionID: sessionID,
      tokenID: tokenID, digest: TokenDigest(of: text.utf8.span),
      validUntil: fixture.clock.now + .seconds(300))
  }

  private func moment(in seconds: Int64) -> StoredTime { StoredTime(seconds: fixture.clock.now.seconds + seconds) }

  @Test func `the session of one of our tokens ends, for as long as its tokens may be good`() async throws {
    let answer = await fixture.login.logout(token(sessionID: "s1", tokenID: "t1"), content: [])
    #expect(answer.status == 204)
    #expect(answer.content.isEmpty)
    // A token that was minted a moment ago: an hour, the leeway, and a second for the fraction.
    #expect(inForce == [RevocationInForce(.session(id: "s1"), until: moment(in: 3631))])
    #expect(try await fixture.store.revocations(at: moment(in: 0)) == Array(inForce))
  }

  @Test func `a session ID of somebody else's is nothing to us`() async throws {
    _ = await fixture.login.logout(token(sessionID: "s1", tokenID: "t1", isOwn: false), content: [])
    #expect(
      inForce == [RevocationInForce(.token(issuer: "https://idp.test/", tokenID: "t1"), until: moment(in: 301))])
  }

  @Test func `a token of somebody else's is revoked by its ID until it expires`() async throws {
    _ = await fixture.login.logout(token(tokenID: "t1"), content: Array("{}".utf8))
    #expect(
      inForce == [RevocationInForce(.token(issuer: "https://idp.test/", tokenID: "t1"), until: moment(in: 301))])
  }

  @Test(arguments: [nil, ""]) func `without an ID it is revoked by its digest`(tokenID: String?) async throws {
    let token = token(tokenID: tokenID)
    _ = await fixture.login.logout(token, content: [])
    #expect(inForce == [RevocationInForce(.digest(token.digest.bytes), until: moment(in: 301))])
  }

  @Test func `everywhere ends all that the identity has until now, and the token itself`() async throws {
    let answer = await fixture.login.logout(token(tokenID: "t1"), content: Array(#"{"everywhere":true}"#.utf8))
    #expect(answer.status == 204)
    #expect(
      inForce == [
        RevocationInForce(.token(issuer: "https://idp.test/", tokenID: "t1"), until: moment(in: 301)),
        RevocationInForce(
          .identity(issuer: "https://idp.test/", subject: "alice", issuedUntil: moment(in: 0)),
          until: moment(in: 30 * 86_400 + 31)),
      ])
  }

  @Test(arguments: ["[]", "x", #"{"everywhere":1}"#, #"{"everywhere":true,"everywhere":false}"#])
  func `a content that is not understood ends nothing`(content: String) async throws {
    let answer = await fixture.login.logout(token(sessionID: "s1"), content: Array(content.utf8))
    #expect(answer.status == 400)
    #expect(answer.reason == .bodyMalformed)
    #expect(inForce.isEmpty)
  }

  @Test func `where the store does not answer the session goes on, and the client is told`() async throws {
    let fixture = try LoginFixture(
      store: { StateStoreDouble($0, failing: ["revoke"]) },
      publishRevocations: { [published] in published.change($0) })
    let answer = await fixture.login.logout(token(sessionID: "s1"), content: [])
    #expect(answer.status == 503)
    #expect(answer.reason == .stateUnavailable)
    #expect(inForce.isEmpty)
  }

  @Test func `what another process revokes is published here`() async throws {
    fixture.login.revocations.start()
    let entry = RevocationInForce(.session(id: "s9"), until: moment(in: 100))
    let other = try fixture.restarted()
    try await other.revocations.revoke([entry])
    #expect(eventually { inForce == [entry] ? true : nil } == true)
  }

  @Test func `an entry leaves when its tokens have expired`() async throws {
    _ = await fixture.login.logout(token(tokenID: "t1"), content: [])
    fixture.clock.advance(302)
    _ = await fixture.login.revocations.forget()
    _ = await fixture.login.logout(token(tokenID: "t2"), content: [])
    #expect(inForce.map(\.revocation) == [.token(issuer: "https://idp.test/", tokenID: "t2")])
  }

  @Test func `many that run out at once leave in steps, and others stay`() async throws {
    let count = RevocationFeed.forgettingCount * 2
    let short = (0..<count).map { RevocationInForce(.session(id: "s\($0)"), until: moment(in: 10)) }
    let long = RevocationInForce(.session(id: "long"), until: moment(in: 1000))
    try await fixture.login.revocations.revoke(short + [long])
    #expect(published.all.count == count + 1)
    fixture.clock.advance(11)
    #expect(await fixture.login.revocations.forget())
    #expect((1...count).contains(published.all.count))
    while await fixture.login.revocations.forget() {}
    #expect(published.all == [long])
    // What was told once is not told again.
    #expect(await !fixture.login.revocations.forget())
  }
}
