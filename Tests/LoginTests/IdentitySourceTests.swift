import Foundation
import HTTPClient
import JOSE
import StateStore
import TestPeers
import Testing

@testable import Login

/// Who says whom an identifier stands for: the sources other than the link alone.
@Suite struct IdentitySourceTests {
  private static let url = OutboundURL(isSecure: true, host: "directory.test", port: 443, target: "/who")
  private static let service = Configuration.Identity.Service(url, secret: Array("s3cret".utf8))
  private static let directory = Configuration.Identity.Source.directory(.init(service))

  private func fixture(
    _ configuration: Configuration, _ answer: @escaping @Sendable (CorbadoFake.Call) -> CorbadoFake.Script
  ) throws -> LoginFixture {
    try LoginFixture(configuration, services: answer)
  }

  private func login(_ fixture: LoginFixture, _ email: String = "alice@example.com") async throws -> EndpointAnswer {
    await fixture.completeLogin(try fixture.signedData(for: email))
  }

  // MARK: The identifier is the subject

  @Test func `the identifier is the subject, and no link is made`() async throws {
    let fixture = try LoginFixture(try .sample(source: .identifier, identifierIsSubject: true))
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
    let answer = try await login(fixture)
    #expect(answer.tokenClaims["sub"] as? String == "alice@example.com")
    #expect(answer.tokenClaims["idp"] as? String == "https://app.test")
    let again = await fixture.connectToken("passkey-list", for: try await fixture.identity(of: answer))
    #expect(again.status == 200)
    #expect((fixture.corbado.calls.last?.json["data"] as? [String: Any])?["identifier"] as? String == "alice@example.com")
  }

  @Test func `Corbado's own user ID is the subject where that is said`() async throws {
    let fixture = try LoginFixture(try .sample(source: .identifier, claim: .subject, identifierIsSubject: true))
    let answer = try await login(fixture)
    #expect(answer.tokenClaims["sub"] as? String == "usr-1")
    // The identifier at Corbado is what it was.
    _ = await fixture.connectToken("passkey-list", for: try await fixture.identity(of: answer))
    #expect((fixture.corbado.calls.last?.json["data"] as? [String: Any])?["identifier"] as? String == "alice@example.com")
  }

  @Test func `an identifier becomes a subject only where it is said to be one`() {
    #expect(throws: ConfigurationError.identifierIsNoSubject) { try Configuration.sample(source: .identifier) }
    #expect(throws: ConfigurationError.identifierIsNoSubject) {
      try Configuration.sample(identifier: "sub", source: .identifier, claim: .subject)
    }
    #expect(throws: ConfigurationError.opaqueIsNoSubject) {
      try Configuration.sample(identifier: "opaque", source: .identifier, identifierIsSubject: true)
    }
    #expect(throws: ConfigurationError.claimIsNoLink) { try Configuration.sample(claim: .subject) }
  }

  // MARK: Directory

  @Test func `the directory is told both names, and its answer is the identity`() async throws {
    let fixture = try fixture(try .sample(source: Self.directory)) { call in
      #expect(call.json as? [String: String] == ["identifier": "alice@example.com", "corbadoUserID": "usr-1"])
      #expect(call.fields.contains { $0.name == "authorization" && $0.value == "Bearer s3cret" })
      return .answer(status: 200, content: #"{"subject":42,"claims":{"email":"a@b.test","sub":"root","iss":"x"}}"#)
    }
    let answer = try await login(fixture)
    #expect(answer.tokenClaims["sub"] as? String == "42")
    #expect(answer.tokenClaims["email"] as? String == "a@b.test")
    #expect(answer.tokenClaims["iss"] as? String == "https://app.test")
  }

  @Test(arguments: [
    (CorbadoFake.Script.answer(status: 404, content: ""), LoginReason.identityUnlinked, 401 as UInt16),
    (.answer(status: 500, content: #"{"subject":"a"}"#), .identityUnavailable, 500),
    (.answer(status: 302, content: #"{"subject":"a"}"#), .identityUnavailable, 500),
    (.answer(status: 200, content: ""), .identityUnavailable, 500), (.answer(status: 200, content: "[]"), .identityUnavailable, 500),
    (.answer(status: 200, content: #"{"subject":""}"#), .identityUnavailable, 500),
    (.answer(status: 200, content: #"{"subject":"a\u0000"}"#), .identityUnavailable, 500),
    (.answer(status: 200, content: #"{"subject":"a","claims":[]}"#), .identityUnavailable, 500),
    (.answer(status: 200, content: #"{"subject":"a","subject":"b"}"#), .identityUnavailable, 500),
    (.failure(OutboundFailure(.timedOut, requestMayHaveLeft: true)), .identityUnavailable, 500),
  ])
  func `without an answer that is understood there is no token`(
    script: CorbadoFake.Script, reason: LoginReason, status: UInt16
  ) async throws {
    let fixture = try fixture(try .sample(source: Self.directory)) { _ in script }
    let answer = try await login(fixture)
    #expect(answer.reason == reason && answer.status == status)
    #expect(answer.json["accessToken"] == nil)
  }

  @Test func `an answer serves for a while, a refusal is asked for again`() async throws {
    let asked = Counter()
    let fixture = try fixture(try .sample(source: Self.directory)) { call in
      asked.add()
      let isAlice = call.json["identifier"] as? String == "alice@example.com"
      return .answer(status: isAlice ? 200 : 404, content: #"{"subject":"a"}"#)
    }
    for _ in 0..<2 { #expect(try await login(fixture).status == 200) }
    #expect(asked.value == 1)
    for _ in 0..<2 { #expect(try await login(fixture, "bob@example.com").status == 401) }
    #expect(asked.value == 3)
    fixture.clock.advance(61)
    #expect(try await login(fixture).status == 200)
    #expect(asked.value == 4)
  }

  @Test func `what is remembered of one identifier serves no other that only looks the same`() async throws {
    let composed = "jos\u{E9}@example.com"
    let fixture = try fixture(try .sample(source: Self.directory)) { call in
      let isComposed = (call.json["identifier"] as? String)?.utf8.elementsEqual(composed.utf8) == true
      return .answer(status: 200, content: #"{"subject":"\#(isComposed ? "victim" : "other")"}"#)
    }
    #expect(try await login(fixture, composed).tokenClaims["sub"] as? String == "victim")
    #expect(try await login(fixture, "jose\u{301}@example.com").tokenClaims["sub"] as? String == "other")
  }

  @Test func `an identifier is taken with a directory too, and a removed link keeps its passkeys out`() async throws {
    let fixture = try fixture(try .sample(source: Self.directory)) { _ in .answer(status: 200, content: #"{"subject":"a"}"#) }
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    #expect(await fixture.connectToken(for: try .conventional(subject: "mallory")).reason == .identifierTaken)
    let answer = try await login(fixture)
    #expect(await fixture.connectToken(for: try await fixture.identity(of: answer)).status == 200)
    let now = StoredTime(fixture.clock.now)
    _ = try await fixture.store.removeLink(for: "alice@example.com", at: now, revokingUntil: now)
    #expect(try await login(fixture).reason == .identityUnlinked)
  }

  // MARK: Confirmation

  @Test(arguments: [(204, 200, nil), (404, 401, .identityUnlinked), (500, 500, .identityUnavailable), (302, 500, .identityUnavailable)]
    as [(Int, UInt16, LoginReason?)])
  func `each login is confirmed where that is configured`(status: Int, expected: UInt16, reason: LoginReason?) async throws {
    let fixture = try fixture(try .sample(confirm: .init(Self.url))) { call in
      #expect(call.json as? [String: String] == ["identifier": "alice@example.com", "issuer": VerifiedIdentity.issuer, "subject": "alice"])
      return .answer(status: status, content: "")
    }
    _ = await fixture.connectToken(for: try .conventional())
    let answer = try await login(fixture)
    #expect(answer.status == expected && answer.reason == reason)
  }

  // MARK: Token exchange

  private static func exchange() throws -> Configuration.Identity.Source {
    .exchange(try .init(Configuration.Identity.Service(url, secret: Array("p:w".utf8)), audience: "my-app", clientID: "side car"))
  }

  private func exchanging(_ script: CorbadoFake.Script) async throws -> (LoginFixture, EndpointAnswer) {
    let fixture = try fixture(try .sample(source: try Self.exchange())) { _ in script }
    _ = await fixture.connectToken(for: try .conventional())
    return (fixture, try await login(fixture))
  }

  @Test func `the client gets the provider's own token, for an assertion that says whose it is`() async throws {
    let token = "provider.issued.token"
    let (fixture, answer) = try await exchanging(
      .answer(status: 200, content: #"{"access_token":"\#(token)","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":60}"#))
    #expect(answer.json["accessToken"] as? String == token)
    let call = try #require(fixture.serviceCalls.first)
    let form = Dictionary(
      uniqueKeysWithValues: call.content.split(separator: "&").map { pair in
        let parts = pair.split(separator: "=").map { $0.removingPercentEncoding ?? "" }
        return (parts[0], parts[1])
      })
    #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange")
    #expect(form["audience"] == "my-app")
    #expect(form["subject_token_type"] == "urn:ietf:params:oauth:token-type:jwt")
    let pair = Data("side%20car:p%3Aw".utf8).base64EncodedString()
    #expect(call.fields.contains { $0.name == "authorization" && $0.value == "Basic \(pair)" })
    // RFC 7523 §3, with JOSE's checks by our published keys.
    var reader = TokenReader()
    try reader.read(try #require(form["subject_token"]).utf8.span, maximumBytes: 16_384)
    let keys = try await fixture.login.verificationKeys()
    guard case .key(let index) = keys.selection(for: reader.header) else { throw TokenError.keyUnknown }
    let claims = try reader.verify(with: keys[index])
    #expect(claims.issuer == "https://app.test" && claims.subject == "alice")
    #expect(claims.audiences == ["https://directory.test/who"])
    #expect(claims.expiration == fixture.clock.now + .seconds(60))
    #expect(throws: TokenError.self) { try reader.header.checkType(.accessToken) }
  }

  @Test(arguments: [
    (400, #"{"error":"invalid_grant"}"#, LoginReason.identityUnlinked), (400, #"{"error":"invalid_request"}"#, .identityUnlinked),
    (403, #"{"error":"access_denied"}"#, .identityUnlinked), (400, #"{"error":"invalid_target"}"#, .identityUnavailable),
    (401, #"{"error":"invalid_client"}"#, .identityUnavailable), (500, "", .identityUnavailable),
    (200, "{}", .identityUnavailable), (200, #"{"access_token":"a b","token_type":"Bearer"}"#, .identityUnavailable),
    (200, #"{"access_token":"a","token_type":"mac"}"#, .identityUnavailable),
    (200, #"{"access_token":"a","token_type":"Bearer","issued_token_type":"urn:ietf:params:oauth:token-type:saml2"}"#, .identityUnavailable),
    (302, #"{"access_token":"a","token_type":"Bearer"}"#, .identityUnavailable),
  ])
  func `what the provider says of the user refuses, what it says of us fails`(
    status: Int, content: String, reason: LoginReason
  ) async throws {
    let (_, answer) = try await exchanging(.answer(status: status, content: content))
    #expect(answer.reason == reason)
    #expect(answer.json["accessToken"] == nil)
  }

  // MARK: Opaque identifiers

  @Test func `an opaque identifier is drawn once for a user and tells nothing of him`() async throws {
    let fixture = try LoginFixture(try .sample(identifier: "opaque"))
    func identifier() -> String? { (fixture.corbado.calls.last?.json["data"] as? [String: Any])?["identifier"] as? String }
    #expect(await fixture.connectToken("passkey-list", for: try .conventional()).reason == .identifierMissing)
    #expect(await fixture.connectToken(for: try .conventional(isVerified: nil)).status == 200)
    let drawn = try #require(identifier())
    #expect(drawn.utf8.count >= 26 && !drawn.contains("alice"))
    for type in ["passkey-append", "passkey-list", "passkey-delete"] {
      #expect(await fixture.connectToken(type, for: try .conventional()).status == 200)
      #expect(identifier() == drawn)
    }
    #expect(await fixture.connectToken(for: try .conventional(subject: "bob")).status == 200)
    #expect(identifier() != drawn)
    let answer = try await login(fixture, drawn)
    #expect(answer.tokenClaims["sub"] as? String == "alice")
  }
}

private final class Counter: @unchecked Sendable {
  private let lock = NSLock()
  private var count = 0
  func add() { lock.withLock { count += 1 } }
  var value: Int { lock.withLock { count } }
}
