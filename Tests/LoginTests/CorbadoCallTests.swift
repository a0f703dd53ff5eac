import Foundation
import HTTPClient
import JOSE
import Synchronization
import TestPeers
import Testing
import Transport

@testable import Login

/// How Corbado is called: as whom, how often, and what happens while it is away.
@Suite struct CorbadoCallTests {
  private static let pair = Data("\(CorbadoFake.projectID):\(CorbadoFake.apiSecret)".utf8).base64EncodedString()

  @Test(arguments: [
    (BackendCredential.Form.apiSecret, CorbadoFake.apiSecret, "Basic \(pair)"), (.basic, pair, "Basic \(pair)"),
    (.bearer, "key_123", "Bearer key_123"),
  ])
  func `each form of credential is sent as Corbado takes it`(
    form: BackendCredential.Form, secret: String, sent: String
  ) async throws {
    let fixture = try LoginFixture(try .sample(credential: BackendCredential(form, Array(secret.utf8))))
    _ = await fixture.connectToken(for: try .conventional())
    #expect(fixture.corbado.calls.first?.fields.first { $0.name == "authorization" }?.value == sent)
  }

  @Test(arguments: [
    (BackendCredential.Form.basic, CorbadoFake.apiSecret, BackendCredential.Problem.isNoPair),
    (.basic, "\(CorbadoFake.projectID):\(CorbadoFake.apiSecret)", .isNoPair),
    (.basic, Data("pro-9:corbado1_x".utf8).base64EncodedString(), .ofOtherProject),
    (.apiSecret, pair, .isPair), (.apiSecret, "\(CorbadoFake.projectID):x", .isPair), (.bearer, pair, .isPair),
    (.bearer, "", .malformed), (.basic, "a b", .malformed),
  ])
  func `a secret in the place of another form is refused`(
    form: BackendCredential.Form, secret: String, problem: BackendCredential.Problem
  ) {
    #expect(throws: ConfigurationError.credential(problem)) {
      try Configuration.sample(credential: BackendCredential(form, Array(secret.utf8)))
    }
  }

  @Test func `a secret that changes is used from the next call on, and a bad one not at all`() async throws {
    let secret = Mutex<[UInt8]?>(Array("corbado1_old".utf8))
    let credential = BackendCredential(.apiSecret, Array("corbado1_old".utf8)) { secret.withLock { $0 } }
    let fixture = try LoginFixture(try .sample(credential: credential))
    #expect(await fixture.connectToken(for: try .conventional()).reason == .corbadoMisconfigured)
    secret.withLock { $0 = Array(CorbadoFake.apiSecret.utf8) }
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    for bad in [nil, [], Array(Self.pair.utf8)] as [[UInt8]?] {
      secret.withLock { $0 = bad }
      #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    }
    #expect(try fixture.closedLog().contains { $0.contains("corbado_credential_refused") && !$0.contains(Self.pair) })
  }

  @Test func `a lifetime of connect tokens is asked for where one is configured`() async throws {
    let fixture = try LoginFixture(try .sample(connectTokenLifetime: .seconds(90)))
    _ = await fixture.connectToken(for: try .conventional())
    #expect(fixture.corbado.calls.first?.json["maxLifetimeInSeconds"] as? Int == 90)
    let plain = try LoginFixture()
    _ = await plain.connectToken(for: try .conventional())
    #expect(plain.corbado.calls.first?.json["maxLifetimeInSeconds"] == nil)
  }

  // MARK: Frontends

  @Test(arguments: [
    (#"{"type":"passkey-list"}"#, 200), (#"{"connectTokenType":"passkey-list"}"#, 200),
    (#"{"type":"passkey-list","connectTokenType":"passkey-list","idToken":"x"}"#, 200),
    (#"{"type":"passkey-list","connectTokenType":"passkey-append"}"#, 400), (#"{"type":1}"#, 400), ("{}", 400),
  ])
  func `older frontends are answered in their own members`(content: String, status: UInt16) async throws {
    let fixture = try LoginFixture(try .sample(frontendMembers: .token))
    let answer = await fixture.login.createConnectToken(for: try .conventional(), content: Array(content.utf8))
    #expect(answer.status == status)
    #expect(answer.json.keys.sorted() == [status == 200 ? "token" : "error"])
  }

  @Test func `the older member is none for the others`() async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.login.createConnectToken(
      for: try .conventional(), content: Array(#"{"type":"passkey-list"}"#.utf8))
    #expect(answer.reason == .connectTokenTypeRefused)
  }

  // MARK: How often

  @Test func `attempts are counted by client, and the next one is told when`() async throws {
    let fixture = try LoginFixture(try .sample(loginAttempts: 3))
    for _ in 0..<3 { #expect(await fixture.completeLogin("junk", client: "a").status == 401) }
    let answer = await fixture.completeLogin("junk", client: "a")
    #expect(answer.reason == .rateLimited && answer.status == 429)
    #expect(answer.retryAfter == .seconds(20))
    #expect(answer.json.keys.sorted() == ["error", "success"])
    #expect(await fixture.completeLogin("junk", client: "b").status == 401)
    fixture.clock.advance(20)
    #expect(await fixture.completeLogin("junk", client: "a").status == 401)
    #expect(await fixture.completeLogin("junk", client: "a").status == 429)
  }

  @Test func `addresses beyond counting push others out and do not grow the count`() {
    var attempts = LoginAttempts(perMinute: 1)
    let now = MonotonicTime(nanoseconds: 0)
    for number in 0..<LoginAttempts.addressCount + 100 { #expect(attempts.take("\(number)", at: now) == nil) }
  }

  @Test func `calls beyond so many a second are told to come back`() async throws {
    let fixture = try LoginFixture(try .sample(perSecondCount: 2))
    for _ in 0..<2 { #expect(await fixture.connectToken("passkey-list", for: try .conventional()).status == 200) }
    #expect(await fixture.connectToken("passkey-list", for: try .conventional()).reason == .rateLimited)
    #expect(fixture.corbado.calls.count == 2)
    fixture.clock.advance(1)
    #expect(await fixture.connectToken("passkey-list", for: try .conventional()).status == 200)
  }

  // MARK: While it is away

  @Test(arguments: [nil, 429, 502, 503, 504] as [Int?])
  func `after failures in a row nobody is sent there for a while, then one tries`(status: Int?) async throws {
    let fixture = try LoginFixture()
    let failing: CorbadoFake.Script =
      status.map { .answer(status: $0, content: "") } ?? .failure(OutboundFailure(.timedOut, requestMayHaveLeft: true))
    fixture.corbado.script(failing)
    for _ in 0..<CircuitBreaker.failureCount { _ = await fixture.connectToken(for: try .conventional()) }
    let before = fixture.corbado.calls.count
    #expect(await fixture.connectToken(for: try .conventional()).reason == .corbadoUnreachable)
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .corbadoUnreachable)
    #expect(fixture.corbado.calls.count == before)
    fixture.clock.advance(1)
    _ = await fixture.connectToken(for: try .conventional())
    #expect(fixture.corbado.calls.count == before + 1)
    fixture.clock.advance(1)
    #expect(await fixture.connectToken(for: try .conventional()).reason == .corbadoUnreachable)
    #expect(fixture.corbado.calls.count == before + 1)
    fixture.corbado.script(nil)
    fixture.clock.advance(1)
    for _ in 0..<3 { #expect(await fixture.connectToken(for: try .conventional()).status == 200) }
  }

  @Test(arguments: [400, 401, 404, 500])
  func `answers that are about one request stop nobody else`(status: Int) async throws {
    let fixture = try LoginFixture()
    fixture.corbado.script(.answer(status: status, content: ""))
    for _ in 0..<20 { _ = await fixture.connectToken(for: try .conventional()) }
    #expect(fixture.corbado.calls.count == 20)
  }

  // MARK: Signatures

  private func checked(_ keys: [VerificationKey]?) throws -> LoginFixture {
    try LoginFixture(passkeyDataKeys: PasskeyDataKeys { _ in keys })
  }

  private func keys(_ factory: TokenFactory) throws -> [VerificationKey] {
    try JWKSet(Array(factory.jwkSet.utf8).span).keys
  }

  @Test func `forged data do not reach Corbado where signatures are checked here`() async throws {
    let signer = try TokenFactory(issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256)
    let fixture = try checked(try keys(signer))
    _ = await fixture.connectToken(for: try .conventional())
    let forger = try TokenFactory(
      issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256, privateKey: .generate(.rsa2048))
    #expect(await fixture.completeLogin(try fixture.signedData(signer: forger)).reason == .passkeyDataRefused)
    #expect(fixture.corbado.calls(to: "verifySignedData").isEmpty)
    #expect(await fixture.completeLogin(try fixture.signedData()).status == 200)
  }

  @Test func `a good signature is no verdict`() async throws {
    let signer = try TokenFactory(issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256)
    let fixture = try checked(try keys(signer))
    _ = await fixture.connectToken(for: try .conventional())
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"invalid_challenge"}"#))
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .passkeyDataRefused)
  }

  @Test func `without keys to check with nobody signs in`() async throws {
    let fixture = try checked(nil)
    #expect(await fixture.completeLogin(try fixture.signedData()).reason == .corbadoUnreachable)
    #expect(fixture.corbado.calls.isEmpty)
  }
}
