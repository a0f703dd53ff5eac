import HTTP
import JOSE
import TestPeers
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
        .method, .path, .endpoint, .rule, .credential, .token, .issuer, .algorithm, .type, .key, .signature, .times,
        .audience, .subject, .revocation, .origin, .claims,
      ])
    #expect(Outcome(explanation.decision) == .identified("alice"))
    #expect(explanation.steps[3].detail == "rule 1: required")
    #expect(explanation.steps[6].detail == "https://idp.test/" && explanation.steps[7].detail == "ES256")
    #expect(explanation.failed == nil)
  }

  @Test func `a denial is explained by the checks before it`() {
    let explanation = Self.explain(RequestHead("GET", "/admin/x", bearer: Fixture.token()))
    #expect(explanation.steps.last?.check == .origin)
    #expect(explanation.failed == .claims)
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

  @Test func `every denial is the result of one check, which no earlier step passed`() {
    for denial in Denial.allCases { #expect(Check.allCases.contains(Check(failedBy: denial))) }
  }

  @Test(arguments: [
    (Fixture.token(lifetime: -40), Check.times, Denial.tokenExpired),
    (Fixture.token(audience: "other"), .audience, .audienceMismatch),
    (Fixture.token(subject: nil), .subject, .subjectMissing),
  ])
  func `a token with a good signature that is refused for what it says is known to have one`(
    token: String, check: Check, denial: Denial
  ) {
    let explanation = Self.explain(RequestHead("GET", "/x", bearer: token))
    #expect(Outcome(explanation.decision) == .refused(denial))
    #expect(explanation.failed == check)
    #expect(explanation.steps.contains { $0.check == .signature })
    #expect(Self.inspect(token).signature == .good(keyID: "key-1"))
  }

  static func inspect(_ token: String, keys: KeySnapshot = Fixture.keys()) -> TokenInspection {
    Fixture().policy.inspect([UInt8](token.utf8), keys: keys)
  }

  @Test func `a signature is called good only where a key of the issuer says so`() throws {
    let token = Fixture.token()
    #expect(Self.inspect(token).signature == .good(keyID: "key-1"))
    #expect(Self.inspect(String(token.dropLast(8)) + "AAAAAAAA").signature == .wrong)
    #expect(Self.inspect(token, keys: .empty).signature == .unverified("no keys of its issuer are at hand"))
    let parts = token.split(separator: ".")
    let others = [
      "", "a.b.c", token + ".", "\(parts[0]).\(parts[1]).",
      try TokenFactory(issuer: "https://other.test/").token(),
      Fixture.token(header: #"{"alg":"none"}"#), Fixture.token(header: #"{"alg":"RS256","kid":"key-1"}"#),
      Fixture.token(header: #"{"alg":"ES256","kid":"key-9"}"#),
    ]
    for other in others {
      let signature = Self.inspect(other).signature
      if case .good = signature { Issue.record("\(other)") }
    }
  }

  @Test func `claims are shown whatever the token is worth`() {
    let inspection = Self.inspect(Fixture.token(extra: #""a":1"#, header: #"{"alg":"none"}"#))
    #expect(inspection.claims.member("a") != nil && inspection.header.member("alg") != nil)
    #expect(Self.inspect("x.y.z").claims.member("a") == nil)
  }
}
