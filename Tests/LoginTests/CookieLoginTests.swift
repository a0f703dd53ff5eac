import StateStore
import Testing

@testable import Login

/// The token as a cookie, beside the body or in its place.
@Suite struct CookieLoginTests {
  private func answer(isInBody: Bool, _ cookie: Configuration.Cookie?) async throws -> EndpointAnswer {
    let sample = try Configuration.sample(identifier: "email")
    let token = try Configuration.Token(
      issuer: sample.token.issuer, audience: sample.token.audience, lifetime: .seconds(600), cookie: cookie,
      isInBody: isInBody)
    let fixture = try LoginFixture(
      try Configuration(corbado: sample.corbado, connect: sample.connect, identity: sample.identity, token: token))
    _ = try await fixture.store.claimLink(
      IdentityLink(
        identifier: "alice@example.com", issuer: VerifiedIdentity.issuer, subject: "alice", claims: Array("{}".utf8),
        confirmedAt: StoredTime(fixture.clock.now)))
    return await fixture.completeLogin(try fixture.signedData())
  }

  @Test func `without a cookie none is set`() async throws {
    let answer = try await answer(isInBody: true, nil)
    #expect(answer.status == 200 && answer.setCookie.isEmpty)
  }

  @Test func `the cookie holds the very token of the body and ends with it`() async throws {
    let answer = try await answer(isInBody: true, .init(name: "__Host-session"))
    let token = try #require(answer.json["accessToken"] as? String)
    #expect(
      String(decoding: answer.setCookie, as: UTF8.self)
        == "__Host-session=\(token); Max-Age=600; Path=/; Secure; HttpOnly; SameSite=Lax")
  }

  @Test func `the token may be in the cookie alone`() async throws {
    let answer = try await answer(isInBody: false, .init(name: "s", sameSite: .strict))
    #expect(answer.text == #"{"success":true}"#)
    #expect(String(decoding: answer.setCookie, as: UTF8.self).hasSuffix("; SameSite=Strict"))
  }

  @Test func `a login that fails sets no cookie`() async throws {
    let sample = try Configuration.sample()
    let token = try Configuration.Token(
      issuer: sample.token.issuer, audience: sample.token.audience, cookie: .init(name: "s"))
    let fixture = try LoginFixture(
      try Configuration(corbado: sample.corbado, connect: sample.connect, identity: sample.identity, token: token))
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(answer.status == 401 && answer.setCookie.isEmpty)
  }

  @Test(arguments: ["", "a b", "a=b", "a;b", "ä"])
  func `a cookie has a name that is one`(name: String) {
    #expect(throws: ConfigurationError.cookieName) {
      try Configuration.Token(issuer: "i", audience: "a", cookie: .init(name: name))
    }
  }

  @Test func `a token that is nowhere is refused`() {
    #expect(throws: ConfigurationError.tokenNowhere) {
      try Configuration.Token(issuer: "i", audience: "a", isInBody: false)
    }
  }
}
