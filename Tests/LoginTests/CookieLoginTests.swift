import JOSE
import StateStore
import TestPeers
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

  private func fixture(isInBody: Bool) throws -> LoginFixture {
    let sample = try Configuration.sample()
    let token = try Configuration.Token(
      issuer: sample.token.issuer, audience: sample.token.audience, lifetime: .seconds(600),
      refreshLifetime: .seconds(86_400), cookie: .init(name: "s"), isInBody: isInBody)
    return try LoginFixture(
      try Configuration(corbado: sample.corbado, connect: sample.connect, identity: sample.identity, token: token))
  }

  @Test func `a refreshed token takes the old one's place in the cookie, and stays out of the body as that did`()
    async throws
  {
    let fixture = try fixture(isInBody: false)
    _ = await fixture.connectToken(for: try .conventional())
    let first = await fixture.completeLogin(try fixture.signedData())
    let refreshToken = try #require(first.json["refreshToken"] as? String)
    let answer = await fixture.login.refresh(content: Array(#"{"refreshToken":"\#(refreshToken)"}"#.utf8))
    #expect(Set(answer.json.keys) == ["refreshToken"])
    #expect(answer.setCookie.starts(with: Array("s=ey".utf8)) && answer.setCookie != first.setCookie)
  }

  @Test func `logout deletes the cookie`() async throws {
    let fixture = try fixture(isInBody: true)
    let token = PresentedToken(
      issuer: "https://idp.test/", isOwn: true, subjectIssuer: "https://idp.test/", subject: "alice", sessionID: "s1",
      tokenID: "t1", digest: TokenDigest(of: "a.b.c".utf8.span), validUntil: fixture.clock.now + .seconds(300))
    let answer = await fixture.login.logout(token, content: [])
    #expect(answer.status == 204)
    #expect(String(decoding: answer.setCookie, as: UTF8.self) == "s=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax")
  }
}
