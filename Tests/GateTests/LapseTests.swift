import HTTP
import JOSE
import TestPeers
import Testing

@testable import Gate

/// Routes that say `endWithToken`: what was admitted lasts as long as its token.
@Suite struct `What was admitted with a token` {
  static let routes = [
    RouteRule(path: "/live/**", endsWithToken: true), RouteRule(path: "/maybe", access: .optional, endsWithToken: true),
  ]

  private static func admission(_ target: String, bearer: String? = Fixture.token(extra: #""jti":"j1""#)) throws -> Admission {
    var fixture = Fixture { $0.routes = routes }
    guard case .forward(let admission) = fixture.decide(RequestHead("GET", target, bearer: bearer)) else {
      throw Denial.tokenMissing
    }
    return admission
  }

  private static func lapse(_ admission: Admission, after seconds: Int64, _ revocations: Revocations = .none) -> Denial? {
    admission.lapse(now: moment + .seconds(seconds), revocations: revocations)?.denial
  }

  @Test func `ends when the token has expired, leeway included`() throws {
    let admission = try Self.admission("/live/feed")
    #expect(admission.endsAt == moment + .seconds(330))
    #expect(Self.lapse(admission, after: 329) == nil)
    #expect(Self.lapse(admission, after: 330) == .tokenExpired)
  }

  @Test func `ends when the token is revoked`() throws {
    let admission = try Self.admission("/live/feed")
    let key = Revocations.Key(issuer: Fixture.provider.issuer, value: "j1")
    #expect(Self.lapse(admission, after: 1, Revocations.of(tokenIDs: [key])) == .tokenRevoked)
    let other = Revocations.Key(issuer: Fixture.provider.issuer, value: "j2")
    #expect(Self.lapse(admission, after: 1, Revocations.of(tokenIDs: [other])) == nil)
  }

  @Test(arguments: ["/LIVE/feed", "/live/feed;x=1", "//live/feed", "/live%2Ffeed"])
  func `ends in every spelling that an app may take for the same`(target: String) throws {
    #expect(try Self.admission(target).endsAt != nil)
  }

  @Test func `lasts on other routes, and for the anonymous`() throws {
    let elsewhere = try Self.admission("/other")
    #expect(elsewhere.endsAt == nil && Self.lapse(elsewhere, after: 9999) == nil)
    let anonymous = try Self.admission("/maybe", bearer: nil)
    #expect(anonymous.endsAt == nil && Self.lapse(anonymous, after: 9999) == nil)
  }

  @Test func `cannot be a public route`() {
    var draft = Fixture.draft()
    draft.routes = [RouteRule(path: "/open", access: .public, endsWithToken: true)]
    let errors: [PolicyError]
    do throws(PolicyErrors) {
      _ = try Policy(draft)
      errors = []
    } catch { errors = error.list }
    #expect(errors == [.route(0, .restrictionNeedsToken)])
  }
}
