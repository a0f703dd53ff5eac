import Foundation
import JOSE
import OpenSSL
import StateStore
import TestPeers
import Testing

@testable import Login

/// Tokens in the form of an issuer whose tokens the app verifies itself, and the keys of our own.
@Suite struct TokenFormTests {
  private static let secret = [UInt8](repeating: 0x61, count: 32)

  private func form(
    prefix: String = "", claims: [(String, String)] = [("user_id", "sub"), ("mail", "email"), ("session", "sid")]
  ) throws -> Configuration.Token.Form {
    try .init(
      issuer: "https://idp.test/", subjectIssuer: VerifiedIdentity.issuer, subjectPrefix: prefix,
      key: SigningKey(secret: Self.secret.span, algorithm: .hs256),
      claims: claims.map { ($0.0, try #require(ClaimPath($0.1))) })
  }

  private func login(_ configuration: Configuration, subject: String = "alice") async throws -> (LoginFixture, EndpointAnswer) {
    let fixture = try LoginFixture(configuration)
    _ = await fixture.connectToken(for: try .conventional(subject: subject))
    return (fixture, await fixture.completeLogin(try fixture.signedData()))
  }

  @Test func `the token is that issuer's in every respect, with the claims of the template`() async throws {
    let (_, answer) = try await login(try .sample(form: form()))
    #expect(answer.tokenHeader as? [String: String] == ["alg": "HS256", "typ": "JWT"])
    let claims = answer.tokenClaims
    #expect(claims["iss"] as? String == "https://idp.test/" && claims["aud"] as? String == "my-app")
    #expect(claims["sub"] as? String == "alice" && claims["user_id"] as? String == "alice")
    #expect(claims["mail"] as? String == "alice@example.com" && claims["session"] as? String == claims["sid"] as? String)
    #expect(claims["idp"] == nil && claims["client_id"] == nil)
    let token = try #require(answer.json["accessToken"] as? String)
    let parts = token.split(separator: ".")
    let tag = try #require(CorbadoFake.decoded(String(parts[2])))
    let input = Array("\(parts[0]).\(parts[1])".utf8)
    let key = try MessageAuthenticationKey(secret: Self.secret.span, hash: .sha256)
    let isValid = key.isValid(tag: tag.span, over: input.span)
    #expect(isValid)
  }

  @Test func `the issuer's prefix is taken off again`() async throws {
    let (_, answer) = try await login(try .sample(form: form(prefix: "idp:")), subject: "idp:alice")
    #expect(answer.tokenClaims["sub"] as? String == "alice")
  }

  @Test func `somebody of another issuer gets no token in its form`() async throws {
    let fixture = try LoginFixture(try .sample(form: form()))
    _ = await fixture.connectToken(for: try .conventional(issuer: "https://other.test/"))
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .identityUnlinked)
  }

  /// The attack that `sid` stops: the token looks like the issuer's own, and would make a link.
  @Test func `such a token is known for what it is and makes no link`() async throws {
    let (fixture, answer) = try await login(try .sample(form: form()))
    let session = try #require(answer.tokenClaims["sid"] as? String)
    let minted = try VerifiedIdentity.claims(
      #"{"sub":"alice","email":"victim@example.com","email_verified":true,"sid":"\#(session)"}"#)
    #expect(await fixture.connectToken(for: minted).status == 200)
    #expect(try await fixture.store.link(for: "victim@example.com") == .absent)
    #expect((fixture.corbado.calls.last?.json["data"] as? [String: Any])?["identifier"] as? String == "alice@example.com")
    // A session of somebody else's is no way in either.
    let stolen = try VerifiedIdentity.claims(
      #"{"sub":"mallory","email":"victim@example.com","email_verified":true,"sid":"\#(session)"}"#, subject: "mallory")
    #expect(await fixture.connectToken(for: stolen).reason == .identifierMissing)
    // The issuer's own sessions are its own business.
    let own = try VerifiedIdentity.claims(
      #"{"sub":"bob","email":"bob@example.com","email_verified":true,"sid":"of-the-issuer"}"#, subject: "bob")
    #expect(await fixture.connectToken(for: own).status == 200)
    #expect(try await fixture.store.link(for: "bob@example.com") != .absent)
  }

  @Test(arguments: ["sub", "iss", "sid", "exp", ""])
  func `a template cannot write what every token has`(name: String) {
    #expect(throws: ConfigurationError.templateClaim(name)) { try form(claims: [(name, "email")]) }
  }

  // MARK: Our own keys

  @Test(arguments: [Algorithm.es256, .edDSA, .rs256])
  func `tokens are signed with the algorithm that is configured`(algorithm: Algorithm) async throws {
    let (fixture, answer) = try await login(try .sample(algorithm: algorithm))
    #expect(answer.tokenHeader["alg"] as? String == algorithm.name)
    #expect(try await fixture.identity(of: answer).subject == "alice")
  }

  @Test func `a key is followed by another: published first, signing later, gone at last`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    func keyID() async throws -> String? { await fixture.completeLogin(try fixture.signedData()).tokenHeader["kid"] as? String }
    func published() async throws -> [String] { try await fixture.login.renewedVerificationKeys().compactMap(\.keyID) }
    let first = try #require(try await keyID())
    fixture.clock.advance(30 * 86_400)
    let both = try await published()
    #expect(both.count == 2 && both.first == first)
    #expect(try await keyID() == first)
    fixture.clock.advance(601)
    #expect(try await published() == both)
    #expect(try await keyID() == both.last)
    // As long as its last token may be good.
    fixture.clock.advance(3600 + AccessToken.maximumLeeway.components.seconds)
    #expect(try await published().count == 1)
    #expect(try await fixture.store.signingKeys().map(\.keyID) == [both.last])
  }

  @Test func `processes that find a key due at once agree on its successor`() async throws {
    let fixture = try LoginFixture()
    _ = try await fixture.login.verificationKeys()
    fixture.clock.advance(30 * 86_400)
    let others = try (0..<4).map { _ in try fixture.restarted() }
    let found = try await withThrowingTaskGroup(of: [String].self) { group in
      for login in others { group.addTask { try await login.renewedVerificationKeys().compactMap(\.keyID) } }
      return try await group.reduce(into: Set<[String]>()) { $0.insert($1) }
    }
    #expect(found.count == 1 && found.first?.count == 2)
  }

  @Test func `a key can be followed by another before its time`() async throws {
    let fixture = try LoginFixture()
    let first = try await fixture.login.verificationKeys().compactMap(\.keyID)
    fixture.clock.advance(3600)
    let change = try await KeyCommands.rotate(.es256, in: fixture.store, now: fixture.clock.now)
    #expect([change.old].compactMap { $0 } == first)
    #expect(try await fixture.login.renewedVerificationKeys().compactMap(\.keyID) == first + [change.new])
  }
}
