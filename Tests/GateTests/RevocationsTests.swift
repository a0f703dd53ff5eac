import HTTP
import JOSE
import TestPeers
import Testing

@testable import Gate

@Suite struct `Revoked tokens` {
  /// What becomes of a token when the revocations come after it was cached, and of the same token seen first
  /// thereafter.
  static func outcomes(_ token: String, _ revocations: Revocations) -> [Outcome] {
    var cached = Fixture()
    let head = RequestHead(bearer: token)
    #expect(cached.outcome(head) != .refused(.tokenRevoked))
    cached.revocations = revocations
    var fresh = Fixture()
    fresh.revocations = revocations
    return [cached.outcome(head), cached.outcome(head), fresh.outcome(head), fresh.outcome(head)]
  }

  static func key(_ issuer: String, _ value: String) -> Revocations.Key { .init(issuer: issuer, value: value) }
  static let provider = "https://idp.test/"
  static let own = "https://app.test"
  static let withIDs = Fixture.ownToken(extra: #""sid":"s1","jti":"j1""#)
  static let foreign = Fixture.token(extra: #""jti":"j1""#)

  @Test func `the token of an ended session is refused`() {
    let outcomes = Self.outcomes(Self.withIDs, Revocations.of(sessions: ["s1"]))
    #expect(outcomes.allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `until it is known what is revoked nobody gets in with a token`() {
    #expect(Self.outcomes(Self.foreign, .unknown).allSatisfy { $0 == .refused(.stateUnavailable) })
  }

  @Test func `a revoked token ID is refused`() {
    let outcomes = Self.outcomes(Self.foreign, Revocations.of(tokenIDs: [Self.key(Self.provider, "j1")]))
    #expect(outcomes.allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `a revoked digest is refused`() {
    let digest = TokenDigest(of: [UInt8](Self.foreign.utf8).span)
    let outcomes = Self.outcomes(Self.foreign, Revocations.of(digests: [digest]))
    #expect(outcomes.allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test(arguments: [
    (withIDs, Int64(0), true), (withIDs, 1, true), (withIDs, -1, false), (foreign, 0, true), (foreign, -1, false),
  ])
  func `a subject's tokens are void that were issued up to the moment`(token: String, offset: Int64, isRevoked: Bool) {
    let revocations = Revocations.of(subjects: [Self.key(Self.provider, "alice"): moment + .seconds(offset)])
    let expected = isRevoked ? Outcome.refused(.tokenRevoked) : .identified("alice")
    #expect(Self.outcomes(token, revocations).allSatisfy { $0 == expected })
  }

  @Test func `a token of the second in which its subject was revoked is void, whatever the fraction`() throws {
    let claims = #"{"iss":"https://idp.test/","sub":"alice","aud":"my-app","exp":1800000300,"iat":\#(moment.seconds).9}"#
    let token = try Fixture.provider.token(claims)
    let revocations = Revocations.of(subjects: [Self.key(Self.provider, "alice"): moment])
    #expect(Self.outcomes(token, revocations).allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `a subject that only looks the same takes no revocation away`() throws {
    let claims = #"{"iss":"https://idp.test/","sub":"jos\#u{E9}","aud":"my-app","exp":1800000300,"iat":\#(moment.seconds)}"#
    let token = try Fixture.provider.token(claims)
    let revocations = Revocations.of(subjects: [Self.key(Self.provider, "jos\u{E9}"): moment])
      .changed { $0.set(nil, of: Self.key(Self.provider, "jose\u{301}")) }
    #expect(Self.outcomes(token, revocations).allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `values mean something within their issuer only`() {
    let revocations = Revocations.of(
      tokenIDs: [Self.key(Self.provider, "j1")],
      subjects: [Self.key(Self.own, "alice"): moment, Self.key(Self.provider, "bob"): moment])
    #expect(Self.outcomes(Self.withIDs, revocations).allSatisfy { $0 == .identified("alice") })
  }

  @Test(arguments: [(Int64(300), true), (299, false)])
  func `a token without its time of issue may be older than it looks`(lifetime: Int64, isRevoked: Bool) throws {
    let claims = #"{"iss":"https://idp.test/","sub":"alice","aud":"my-app","exp":1800000300}"#
    let subject = Revocations.Subject(issuedUntil: moment - .seconds(1000), expiredBy: moment + .seconds(lifetime))
    let revocations = Revocations.none.changed { $0.set(subject, of: Self.key(Self.provider, "alice")) }
    let expected = isRevoked ? Outcome.refused(.tokenRevoked) : .identified("alice")
    #expect(Self.outcomes(try Fixture.provider.token(claims), revocations).allSatisfy { $0 == expected })
  }

  @Test func `among many each is found, and gone when it was taken back`() {
    let all = Revocations.none.changed { draft in
      for number in 0..<5000 {
        draft.insert(session: "s\(number)")
        draft.insert(tokenID: Self.key(Self.provider, "j\(number)"))
      }
    }
    #expect(Self.outcomes(Self.withIDs, all).allSatisfy { $0 == .refused(.tokenRevoked) })
    #expect(Self.outcomes(Self.foreign, all).allSatisfy { $0 == .refused(.tokenRevoked) })
    let fewer = all.changed { draft in
      draft.remove(session: "s1")
      draft.remove(tokenID: Self.key(Self.provider, "j1"))
    }
    #expect(Self.outcomes(Self.withIDs, fewer).allSatisfy { $0 == .identified("alice") })
    #expect(Self.outcomes(Self.foreign, fewer).allSatisfy { $0 == .identified("alice") })
    // What was published stays what it was.
    #expect(Self.outcomes(Self.withIDs, all).allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `one that is heard of does not make the others known`() {
    let revocations = Revocations.unknown.changed { $0.insert(session: "s9") }
    #expect(Self.outcomes(Self.foreign, revocations).allSatisfy { $0 == .refused(.stateUnavailable) })
  }

  @Test func `of our own, a token without its time of issue is void with its subject`() throws {
    let claims = #"{"iss":"https://app.test","sub":"alice","aud":"my-app","exp":1800000300,"idp":"https://idp.test/"}"#
    let token = try Fixture.login.token(claims, header: #"{"alg":"ES256","typ":"at+jwt","kid":"own-1"}"#)
    let revocations = Revocations.of(subjects: [Self.key(Self.provider, "alice"): moment - .seconds(1000)])
    #expect(Self.outcomes(token, revocations).allSatisfy { $0 == .refused(.tokenRevoked) })
  }

  @Test func `a revocation that is lifted no longer counts`() {
    var fixture = Fixture()
    let head = RequestHead(bearer: Self.foreign)
    fixture.revocations = Revocations.of(tokenIDs: [Self.key(Self.provider, "j1")])
    #expect(fixture.outcome(head) == .refused(.tokenRevoked))
    fixture.revocations = .none
    #expect(fixture.outcome(head) == .identified("alice"))
  }
}

extension Revocations {
  /// Tokens of a subject live no longer than they are remembered.
  static func of(
    sessions: [String] = [], tokenIDs: [Key] = [], digests: [TokenDigest] = [], subjects: [Key: UnixTime] = [:]
  ) -> Revocations {
    none.changed { draft in
      for session in sessions { draft.insert(session: session) }
      for tokenID in tokenIDs { draft.insert(tokenID: tokenID) }
      for digest in digests { draft.insert(digest: digest) }
      for (key, moment) in subjects {
        draft.set(Subject(issuedUntil: moment, expiredBy: UnixTime(microseconds: .max)), of: key)
      }
    }
  }
}
