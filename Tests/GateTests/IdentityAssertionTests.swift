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
    let made = try #require(assertion(&fixture))
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
    let made = try #require(assertion(&fixture))
    #expect(fixture.outcome(RequestHead(bearer: made)) == .refused(.typeRefused))
  }

  @Test func `it is signed once for many requests, and anew when half its time is over`() throws {
    var fixture = try fixture()
    let token = Fixture.token()
    let first = assertion(&fixture, token)
    fixture.now = moment + .seconds(29)
    #expect(assertion(&fixture, token) == first)
    fixture.now = moment + .seconds(30)
    let second = assertion(&fixture, token)
    #expect(second != first && second != nil)
    // Another user's is another, also in the same place of the cache.
    let other = assertion(&fixture, Fixture.token(subject: "bob"))
    #expect(other != second && other != nil)
    #expect(assertion(&fixture, token) == second)
  }

  @Test func `it does not outlive its token`() throws {
    var fixture = try fixture()
    let made = try #require(assertion(&fixture, Fixture.token(lifetime: 10)))
    var reader = TokenReader()
    try reader.read(made.utf8.span, maximumBytes: 4096)
    // With the leeway that the token itself has.
    #expect(try reader.verify(with: try Fixture.verificationKeys(Fixture.login)[0]).expiration == moment + .seconds(40))
  }

  @Test func `as long as nothing can be signed nothing is forwarded`() throws {
    var fixture = try fixture()
    fixture.gate.assertionKey = nil
    #expect(fixture.outcome(RequestHead(bearer: Fixture.token())) == .refused(.keysUnavailable))
  }

  @Test(arguments: ["X-Identity-Assertion", "x_identity_assertion", "X-Identity.Assertion"])
  func `a client cannot bring one along`(name: String) throws {
    var fixture = try fixture()
    let lines = try #require(
      fixture.forwarded(RequestHead("GET", "/x", [("authorization", "Bearer " + Fixture.token()), (name, "forged")])))
    #expect(!lines.contains { $0.hasSuffix(": forged") })
    #expect(lines.count { $0.hasPrefix(Self.field) } == 1)
  }
}
