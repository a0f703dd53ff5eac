import HTTP
import Testing

@testable import Gate

@Suite struct `Explanations` {
  static func explain(_ head: RequestHead) -> Explanation {
    var fixture = Fixture {
      $0.routes = [
        RouteRule(path: "/admin/**", claims: [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))])
      ]
    }
    return fixture.gate.explain(
      head, facts: fixture.policy.facts(peer: .none, listener: 0, isTLS: false), policy: fixture.policy,
      keys: fixture.keys,
      revocations: fixture.revocations, now: fixture.now)
  }

  @Test func `an admission is explained by every check that it passed, in order`() {
    let explanation = Self.explain(RequestHead("GET", "/admin/x", bearer: Fixture.token(extra: #""roles":["admin"]"#)))
    #expect(
      explanation.steps.map(\.check) == [
        .method, .path, .endpoint, .rule, .credential, .token, .revocation, .origin, .claims,
      ])
    #expect(Outcome(explanation.decision) == .identified("alice"))
    #expect(explanation.steps[3].detail == "rule 1: required")
    #expect(explanation.steps[5].detail == "ES256 of https://idp.test/, subject alice")
  }

  @Test func `a denial is explained by the checks before it`() {
    let explanation = Self.explain(RequestHead("GET", "/admin/x", bearer: Fixture.token()))
    #expect(explanation.steps.last?.check == .origin)
    #expect(Outcome(explanation.decision) == .refused(.claimsInsufficient))
  }

  @Test func `an explanation comes to what the decision comes to`() {
    for bearer in [nil, Fixture.token(), "a.b.c", Fixture.ownToken()] {
      for path in ["/", "/admin/x", "/auth/completeLogin", "/a/.."] {
        let head = RequestHead("GET", path, bearer: bearer)
        var fixture = Fixture {
          $0.routes = [
            RouteRule(path: "/admin/**", claims: [ClaimRule(claim: "roles", condition: .anyOf([.text("admin")]))])
          ]
        }
        #expect(Outcome(Self.explain(head).decision) == fixture.outcome(head))
      }
    }
  }
}
