import Foundation
import HTTP
import JOSE
import TestPeers
import Testing

@testable import Gate

/// Proof for the app, and for nobody else.
@Suite struct IdentityAssertionTests {
  private static let field = "x-identity-assertion"

  private func fixture() throws -> Fixture {
    var fixture = Fixture { draft in
      draft.assertion = AssertionRule(field: "X-Identity-Assertion", issuer: Fixture.login.issuer, audience: "the-app")
      draft.reservedFields = ["X-Identity-Assertion"]
    }
    fixture.gate.assertionKey = try SigningKey(Fixture.login.privateKey, algorithm: .es256, keyID: "own-1")
    return fixture
  }

  private func assertion(_ fixture: inout Fixture, _ token: String = Fixture.token(extra: #""email":"a@b.test""#)) -> String? {
    fixture.forwarded(RequestHead(bearer: token))?.first { $0.hasPrefix(Self.field) }.map { String($0.dropFirst(Self.field.count + 2)) }
  }

  @Test func `it says who the user is, for the app, for a minute`() throws {
    var fixture = try fixture()
    let found1 = assertion(&fixture)
    let made = try #require(found1)
    var reader = TokenReader()
    try reader.read(made.utf8.span, maximumBytes: 4096)
    let claims = try reader.verify(with: try Fixture.verificationKeys(Fixture.login)[0])
    #expect(claims.issuer == Fixture.login.issuer && claims.audiences == ["the-app"] && claims.subject == "alice")
    #expect(claims.expiration == moment + .seconds(60) && claims.issuedAt == moment)
    #expect(claims.claim("email").flatMap { claims.document.string($0) } == "a@b.test")
    #expect(claims.claim("idp").flatMap { claims.document.string($0) } == Fixture.provider.issuer)
  }

  @Test func `it never passes for an access token`() throws {
    var fixture = try fixture()
    let found2 = assertion(&fixture)
    let made = try #require(found2)
    let outcome = fixture.outcome(RequestHead(bearer: made))
    #expect(outcome == .refused(.typeRefused))
  }

  @Test func `it is signed once for many requests, and anew when half its time is over`() throws {
    var fixture = try fixture()
    let token = Fixture.token()
    let first = assertion(&fixture, token)
    fixture.now = moment + .seconds(29)
    let again = assertion(&fixture, token)
    #expect(again == first)
    fixture.now = moment + .seconds(30)
    let second = assertion(&fixture, token)
    #expect(second != first && second != nil)
    // Another user's is another, also in the same place of the cache.
    let other = assertion(&fixture, Fixture.token(subject: "bob"))
    #expect(other != second && other != nil)
    let last = assertion(&fixture, token)
    #expect(last == second)
  }

  @Test func `it does not outlive its token`() throws {
    var fixture = try fixture()
    let found3 = assertion(&fixture, Fixture.token(lifetime: 10))
    let made = try #require(found3)
    var reader = TokenReader()
    try reader.read(made.utf8.span, maximumBytes: 4096)
    // With the leeway that the token itself has.
    #expect(try reader.verify(with: try Fixture.verificationKeys(Fixture.login)[0]).expiration == moment + .seconds(40))
  }

  @Test func `as long as nothing can be signed nothing is forwarded`() throws {
    var fixture = try fixture()
    fixture.gate.assertionKey = nil
    let outcome = fixture.outcome(RequestHead(bearer: Fixture.token()))
    #expect(outcome == .refused(.keysUnavailable))
  }

  @Test(arguments: ["X-Identity-Assertion", "x_identity_assertion", "X-Identity.Assertion"])
  func `a client cannot bring one along`(name: String) throws {
    var fixture = try fixture()
    let forwarded = fixture.forwarded(
      RequestHead("GET", "/x", [("authorization", "Bearer " + Fixture.token()), (name, "forged")]))
    let lines = try #require(forwarded)
    #expect(!lines.contains { $0.hasSuffix(": forged") })
    #expect(lines.count { $0.hasPrefix(Self.field) } == 1)
  }
}
