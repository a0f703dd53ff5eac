import Foundation
import HTTPClient
import JOSE
import OpenSSL
import StateStore
import Synchronization
import TestPeers
import Testing

@testable import Login

@Suite struct RefreshTests {
  let fixture: LoginFixture

  init() throws { fixture = try LoginFixture(try .sample(refreshLifetime: .seconds(30 * 86_400))) }

  private func login(_ fixture: LoginFixture) async throws -> (access: EndpointAnswer, refresh: String) {
    _ = await fixture.connectToken(for: try .conventional())
    let answer = await fixture.completeLogin(try fixture.signedData())
    return (answer, try #require(answer.json["refreshToken"] as? String, "\(answer.text)"))
  }

  private func refresh(_ token: String) async -> EndpointAnswer {
    await fixture.login.refresh(content: Array("{\"refreshToken\":\"\(token)\"}".utf8))
  }

  @Test func `a refresh token gives the same session another access token, and the passkey's time stays`() async throws {
    let (first, token) = try await login(fixture)
    fixture.clock.advance(7200)
    let answer = await refresh(token)
    #expect(answer.status == 200)
    #expect(Set(answer.json.keys) == ["accessToken", "refreshToken"])
    for name in ["sub", "sid", "idp", "email"] {
      #expect(answer.tokenClaims[name] as? String == first.tokenClaims[name] as? String, "\(name)")
    }
    #expect(answer.tokenClaims["auth_time"] as? Int == first.tokenClaims["auth_time"] as? Int)
    #expect(answer.tokenClaims["iat"] as? Int == (first.tokenClaims["iat"] as? Int).map { $0 + 7200 })
    #expect(answer.tokenClaims["jti"] as? String != first.tokenClaims["jti"] as? String)
  }

  @Test func `each is good once, and one that comes again ends the session`() async throws {
    let (_, first) = try await login(fixture)
    let second = try #require(await refresh(first).json["refreshToken"] as? String)
    let third = try #require(await refresh(second).json["refreshToken"] as? String)
    #expect(await refresh(first).reason == .refreshTokenReused)
    #expect(await refresh(third).reason == .refreshTokenRefused)
    let revocations = try await fixture.store.revocations(at: StoredTime(fixture.clock.now)).map(\.revocation)
    #expect(revocations.count == 1)
    guard case .session? = revocations.first else {
      Issue.record("\(revocations)")
      return
    }
  }

  @Test func `of many at once with the same token at most one gets another`() async throws {
    let (_, token) = try await login(fixture)
    let count = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<20 { group.addTask { await refresh(token).status == 200 } }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(count == 1)
    #expect(try await fixture.store.revocations(at: StoredTime(fixture.clock.now)).count == 1)
  }

  @Test(arguments: ["", "x", "a.b", "a..c", "a.b.c.d", String(repeating: "a", count: 300)])
  func `what is no refresh token is refused`(text: String) async throws {
    #expect(await refresh(text).reason == .refreshTokenRefused)
  }

  @Test func `whoever knows the session but no token of it cannot end it`() async throws {
    let (_, token) = try await login(fixture)
    let session = token.split(separator: ".")[0]
    #expect(await refresh("\(session).guess.guess").reason == .refreshTokenRefused)
    #expect(await refresh(token).status == 200)
  }

  @Test func `an ended session, a removed link and an identity that is revoked give nothing more`() async throws {
    let (answer, token) = try await login(fixture)
    let session = try #require(answer.tokenClaims["sid"] as? String)
    let until = StoredTime(seconds: fixture.clock.now.seconds + 9000)
    try await fixture.login.revocations.revoke([RevocationInForce(.session(id: session), until: until)])
    #expect(await refresh(token).reason == .refreshTokenRefused)

    let (_, second) = try await login(fixture)
    _ = try await fixture.store.removeLink(
      for: "alice@example.com", at: StoredTime(fixture.clock.now), revokingUntil: until)
    #expect(await refresh(second).reason == .refreshTokenRefused)

    fixture.clock.advance(2)
    let (_, third) = try await login(fixture)
    let identity = Revocation.identity(
      issuer: VerifiedIdentity.issuer, subject: "alice", issuedUntil: StoredTime(fixture.clock.now))
    try await fixture.login.revocations.revoke([RevocationInForce(identity, until: until)])
    #expect(await refresh(third).reason == .refreshTokenRefused)
  }

  @Test func `it ends with its lifetime, counted from the login`() async throws {
    let (_, token) = try await login(fixture)
    fixture.clock.advance(29 * 86_400)
    let second = try #require(await refresh(token).json["refreshToken"] as? String)
    fixture.clock.advance(86_400 + 1)
    #expect(await refresh(second).reason == .refreshTokenRefused)
  }

  @Test func `while the store is away nothing is exchanged, and the token is good thereafter`() async throws {
    let fixture = try LoginFixture(
      try .sample(refreshLifetime: .seconds(86_400)), store: { StateStoreDouble($0, failing: ["rotateRefresh"]) })
    let (_, token) = try await login(fixture)
    let answer = await fixture.login.refresh(content: Array("{\"refreshToken\":\"\(token)\"}".utf8))
    #expect(answer.status == 503)
    #expect(answer.json["accessToken"] == nil)
  }

  @Test func `whoever guesses is sent away by address, and neither stops logins nor those who have tokens`() async throws {
    let fixture = try LoginFixture(
      try .sample(perSecondCount: 20, loginAttempts: 5, refreshLifetime: .seconds(86_400)))
    let (_, token) = try await login(fixture)
    func guess() async -> EndpointAnswer {
      await fixture.login.refresh(content: Array(#"{"refreshToken":"a.b.c"}"#.utf8), client: "mallory")
    }
    for _ in 0..<5 { #expect(await guess().reason == .refreshTokenRefused) }
    let answer = await guess()
    #expect(answer.status == 429 && answer.retryAfter == .seconds(12))
    for _ in 0..<100 { #expect(await guess().status == 429) }
    #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
    let second = await fixture.login.refresh(content: Array("{\"refreshToken\":\"\(token)\"}".utf8), client: "home")
    var next = try #require(second.json["refreshToken"] as? String)
    // Good ones are not counted by address.
    for _ in 0..<10 {
      let answer = await fixture.login.refresh(content: Array("{\"refreshToken\":\"\(next)\"}".utf8), client: "home")
      next = try #require(answer.json["refreshToken"] as? String, "\(answer.text)")
    }
  }

  @Test func `refreshes do not use up the calls to Corbado`() async throws {
    let fixture = try LoginFixture(
      try .sample(perSecondCount: 3, loginAttempts: 1000, refreshLifetime: .seconds(86_400)))
    let data = try fixture.signedData()
    _ = await fixture.connectToken(for: try .conventional())
    for _ in 0..<20 { _ = await fixture.login.refresh(content: Array(#"{"refreshToken":"a.b.c"}"#.utf8)) }
    #expect(await fixture.login.refresh(content: Array(#"{"refreshToken":"a.b.c"}"#.utf8)).reason == .rateLimited)
    #expect(await fixture.completeLogin(data).status == 200)
  }

  // MARK: With a directory

  private static let directory = Configuration.Identity.Source.directory(
    .init(.init(OutboundURL(isSecure: true, host: "directory.test", port: 443, target: "/who")), cache: .zero))

  /// What the directory says next.
  private final class Directory: Sendable {
    private let script = Mutex(CorbadoFake.Script.answer(status: 200, content: #"{"subject":"a","claims":{"tier":"gold"}}"#))
    var answer: CorbadoFake.Script { script.withLock { $0 } }
    func says(_ status: Int, _ content: String = "") { script.withLock { $0 = .answer(status: status, content: content) } }
    func isAway() { script.withLock { $0 = .failure(OutboundFailure(.timedOut, requestMayHaveLeft: true)) } }
  }

  private func withDirectory() async throws -> (Directory, LoginFixture, String) {
    let directory = Directory()
    let fixture = try LoginFixture(
      try .sample(source: Self.directory, refreshLifetime: .seconds(86_400)), services: { _ in directory.answer })
    let answer = await fixture.completeLogin(try fixture.signedData())
    return (directory, fixture, try #require(answer.json["refreshToken"] as? String, "\(answer.text)"))
  }

  private func refresh(_ token: String, _ fixture: LoginFixture) async -> EndpointAnswer {
    await fixture.login.refresh(content: Array("{\"refreshToken\":\"\(token)\"}".utf8))
  }

  @Test func `a directory is asked again, by the identifier, and what it says now is in the token`() async throws {
    let (directory, fixture, token) = try await withDirectory()
    directory.says(200, #"{"subject":"a","claims":{"tier":"basic"}}"#)
    let answer = await refresh(token, fixture)
    #expect(answer.status == 200 && answer.tokenClaims["tier"] as? String == "basic")
    #expect(fixture.serviceCalls.last?.json as? [String: String] == ["identifier": "alice@example.com"])
  }

  @Test func `a directory that does not answer gives no token and burns none`() async throws {
    let (directory, fixture, token) = try await withDirectory()
    directory.isAway()
    for _ in 0..<2 {
      let answer = await refresh(token, fixture)
      #expect(answer.status == 500 && answer.reason == .identityUnavailable && answer.json["accessToken"] == nil)
    }
    directory.says(500)
    #expect(await refresh(token, fixture).reason == .identityUnavailable)
    directory.says(200, #"{"subject":"a"}"#)
    #expect(await refresh(token, fixture).status == 200)
  }

  @Test func `whom a directory no longer knows, or takes for somebody else, gets nothing more`() async throws {
    let (directory, fixture, token) = try await withDirectory()
    directory.says(404)
    #expect(await refresh(token, fixture).reason == .identityUnlinked)
    directory.says(200, #"{"subject":"b"}"#)
    #expect(await refresh(token, fixture).reason == .identityUnlinked)
  }

  @Test func `where a link was removed a directory is not asked`() async throws {
    let (_, fixture, token) = try await withDirectory()
    _ = await fixture.connectToken(for: try .conventional())
    let moment = StoredTime(fixture.clock.now)
    _ = try await fixture.store.removeLink(for: "alice@example.com", at: moment, revokingUntil: moment)
    let count = fixture.serviceCalls.count
    #expect(await refresh(token, fixture).reason == .identityUnlinked)
    #expect(fixture.serviceCalls.count == count)
  }

  @Test func `a session in an issuer's form whose identifier is the subject goes on`() async throws {
    let key = try SigningKey(PrivateKey.generate(.p256), algorithm: .es256)
    let form = try Configuration.Token.Form(issuer: VerifiedIdentity.issuer, subjectIssuer: VerifiedIdentity.issuer, key: key)
    let fixture = try LoginFixture(
      try .sample(unlinked: .identifier, identifierIsSubject: true, form: form, refreshLifetime: .seconds(86_400)))
    let answer = await fixture.completeLogin(try fixture.signedData())
    let token = try #require(answer.json["refreshToken"] as? String, "\(answer.text)")
    #expect(await refresh(token, fixture).status == 200)
  }

  @Test func `it is refused where nobody could be asked again`() throws {
    let lifetime = Duration.seconds(86_400)
    #expect(throws: ConfigurationError.refreshClaim) {
      try Configuration.sample(source: Self.directory, claim: .subject, refreshLifetime: lifetime)
    }
    let service = Configuration.Identity.Service(OutboundURL(isSecure: true, host: "idp.test", port: 443, target: "/"), secret: [1])
    let exchange = try Configuration.Identity.Exchange(service, audience: "a", clientID: "c")
    #expect(throws: ConfigurationError.refreshSource) {
      try Configuration.sample(source: .exchange(exchange), refreshLifetime: lifetime)
    }
  }

  @Test func `without the setting a login brings no refresh token`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(Set(answer.json.keys) == ["success", "accessToken"])
  }
}
