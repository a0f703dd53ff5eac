import Foundation
import HTTPClient
import StateStore
import TestPeers
import Testing

@testable import Login

/// The table of completeLogin, row by row.
@Suite struct CompleteLoginTests {
  private static let refusal = #"{"success":false,"error":"Invalid signedPasskeyData"}"#
  private static let failure = #"{"success":false,"error":"Verification failed"}"#

  /// Alice has added a passkey.
  private func linked(
    _ configuration: Configuration? = nil, store: ((any StateStore) -> any StateStore)? = nil
  ) async throws -> LoginFixture {
    let fixture = try LoginFixture(configuration, store: store)
    let moment = StoredTime(fixture.clock.now)
    _ = try await fixture.store.claimLink(
      IdentityLink(
        identifier: "alice@example.com", issuer: VerifiedIdentity.issuer, subject: "alice",
        claims: Array(#"{"email":"alice@example.com","name":"Alice"}"#.utf8), confirmedAt: moment))
    return fixture
  }

  private func expectRefusal(
    _ answer: EndpointAnswer, _ status: UInt16, _ reason: LoginReason, _ text: String? = nil
  ) {
    #expect(answer.status == status)
    #expect(answer.reason == reason)
    #expect(Set(answer.json.keys) == ["success", "error"])
    #expect(answer.json["success"] as? Bool == false)
    if let text { #expect(answer.text == text) }
  }

  @Test func `success and the access token are the only members of the answer`() async throws {
    let fixture = try await linked()
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(answer.status == 200)
    let token = try #require(answer.json["accessToken"] as? String)
    #expect(answer.text == #"{"success":true,"accessToken":"\#(token)"}"#)
  }

  @Test func `Corbado is sent exactly the data and the name in it`() async throws {
    let fixture = try await linked()
    let data = try fixture.signedData()
    _ = await fixture.completeLogin(data)
    #expect(fixture.corbado.calls.count == 1)
    #expect(fixture.corbado.calls.first?.url.target == "/v2/passkey/verifySignedData")
    #expect(fixture.corbado.calls.first?.content == #"{"signedPasskeyData":"\#(data)","username":"alice@example.com"}"#)
  }

  // MARK: The content

  @Test(arguments: [
    "", "[]", "{}", "{", #"{"signedPasskeyData":7}"#, #"{"signedPasskeyData":null}"#, #"{"signedPasskeyData":["a"]}"#,
    #"{"signedPasskeyData":"a","signedPasskeyData":"b"}"#, #"{"signedPasskeyData":"a","username":7}"#,
    #"{"signedPasskeyData":"a","username":null}"#, "signedPasskeyData=a",
  ])
  func `content without signed passkey data is refused`(content: String) async throws {
    let fixture = try await linked()
    expectRefusal(await fixture.login.completeLogin(content: Array(content.utf8)), 400, .bodyMalformed)
    #expect(fixture.corbado.calls.isEmpty)
  }

  // MARK: The data, without trust

  @Test(arguments: [
    "", ".", "..", "a.b", "a.b.c", "a.b.c.d", "session", #"{\"session\":1}"#, "eyJhbGciOiJSUzI1NiJ9.e30.AA==",
  ])
  func `what is no JWS is refused without asking Corbado`(data: String) async throws {
    let fixture = try await linked()
    expectRefusal(await fixture.completeLogin(data), 401, .passkeyDataMalformed, Self.refusal)
    #expect(fixture.corbado.calls.isEmpty)
  }

  @Test(arguments: [
    #"{"alg":"none"}"#, #"{"alg":"HS256","typ":"JWT"}"#, #"{"alg":"ES256","typ":"JWT"}"#, #"{"alg":"PS256","typ":"JWT"}"#,
    #"{"alg":"rs256","typ":"JWT"}"#, #"{"alg":"RS256","typ":"at+jwt"}"#, #"{"alg":"RS256","crit":["x"],"x":1}"#,
    #"{"alg":"RS256","jwk":{}}"#, #"{"alg":"RS256","alg":"RS256"}"#, #"{"typ":"JWT"}"#,
  ])
  func `another algorithm or type is refused without asking Corbado`(header: String) async throws {
    let fixture = try await linked()
    expectRefusal(
      await fixture.completeLogin(try fixture.signedData(header: header)), 401, .passkeyDataMalformed, Self.refusal)
    #expect(fixture.corbado.calls.isEmpty)
  }

  /// Seconds after now, which is 1 s after the data were signed.
  @Test(arguments: [
    ("iss", "\"pro-4712\""), ("iss", "\"PRO-4711\""), ("iss", "[\"pro-4711\"]"), ("iss", nil),
    ("webauthnId", "\"\""), ("webauthnId", "7"), ("webauthnId", nil), ("webauthnId", "\"a\\u0000\""), ("webauthnId", "null"),
    ("exp", nil), ("exp", "\"1750000300\""), ("exp", "1e400"), ("exp", "-1"), ("exp", "null"),
    ("iat", "\"x\""), ("nbf", "[]"),
  ] as [(String, String?)])
  func `a claim that is missing or of another kind is refused without asking Corbado`(
    claim: String, value: String?
  ) async throws {
    let fixture = try await linked()
    let data = try fixture.signedData(changing: [claim: value])
    expectRefusal(await fixture.completeLogin(data), 401, .passkeyDataMalformed, Self.refusal)
    #expect(fixture.corbado.calls.isEmpty)
  }

  /// Around the leeway of 30 s, and the 10 minutes for which a use is remembered.
  @Test(arguments: [
    ("exp", -30, false), ("exp", -29, true), ("exp", 570, true), ("exp", 571, false),
    ("nbf", 30, true), ("nbf", 31, false), ("iat", 30, true), ("iat", 31, false),
  ])
  func `the times are judged with a small leeway`(claim: String, offset: Int64, isAccepted: Bool) async throws {
    let fixture = try await linked()
    let answer = await fixture.completeLogin(
      try fixture.signedData(changing: [claim: "\(fixture.clock.now.seconds + offset)"]))
    if isAccepted {
      #expect(answer.status == 200)
    } else {
      expectRefusal(answer, 401, .passkeyDataMalformed, Self.refusal)
      #expect(fixture.corbado.calls.isEmpty)
    }
  }

  @Test func `a post-login action's session is hinted at in the log`() async throws {
    let fixture = try await linked()
    _ = await fixture.completeLogin("opaque-session-value")
    let log = try fixture.closedLog()
    #expect(log.contains { $0.contains(#""event":"passkey_data_malformed","problem":"no_jws""#) })
    #expect(!log.contains { $0.contains("opaque-session-value") })
  }

  // MARK: The user's name

  @Test(arguments: Configuration.Corbado.VerifyUsername.allCases)
  func `a name that differs is refused without asking Corbado`(rule: Configuration.Corbado.VerifyUsername) async throws {
    let fixture = try await linked(try .sample(verifyUsername: rule))
    for name in ["bob@example.com", "Alice@example.com", ""] {
      expectRefusal(
        await fixture.completeLogin(try fixture.signedData(), username: name), 401, .passkeyDataMalformed, Self.refusal)
    }
    #expect(fixture.corbado.calls.isEmpty)
  }

  @Test func `names that Unicode holds for equivalent differ`() async throws {
    let fixture = try await linked()
    let answer = await fixture.completeLogin(try fixture.signedData(for: "caf\u{E9}"), username: "cafe\u{301}")
    expectRefusal(answer, 401, .passkeyDataMalformed)
  }

  @Test func `where the request must name the user, it must`() async throws {
    let fixture = try await linked(try .sample(verifyUsername: .request))
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 400, .bodyMalformed)
    #expect(fixture.corbado.calls.isEmpty)
    #expect(await fixture.completeLogin(try fixture.signedData(), username: "alice@example.com").status == 200)
  }

  @Test func `in the seed's form no name is sent`() async throws {
    let fixture = try await linked(try .sample(verifyUsername: .omit))
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"success"}"#))
    let data = try fixture.signedData()
    #expect(await fixture.completeLogin(data, username: "alice@example.com").status == 200)
    #expect(fixture.corbado.calls.first?.content == #"{"signedPasskeyData":"\#(data)"}"#)
  }

  // MARK: The verdict

  @Test(arguments: ["invalid_signature", "invalid_challenge", "user_mismatch", "generic_error", "SUCCESS", "success ", "new"])
  func `every verdict but success refuses`(verdict: String) async throws {
    let fixture = try await linked()
    fixture.corbado.script(.answer(status: 200, content: #"{"verificationResult":"\#(verdict)"}"#))
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 401, .passkeyDataRefused, Self.refusal)
  }

  @Test func `Corbado's 400 means that the data were no good`() async throws {
    let fixture = try await linked()
    fixture.corbado.script(.answer(status: 400, content: CorbadoFake.envelope(400, "validation_error")))
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 401, .passkeyDataRefused, Self.refusal)
  }

  @Test(arguments: [
    (401, LoginReason.corbadoMisconfigured), (403, .corbadoMisconfigured), (404, .corbadoRefused), (429, .corbadoRefused),
    (500, .corbadoRefused), (503, .corbadoRefused), (307, .corbadoRefused), (201, .corbadoAnswerInvalid),
    (204, .corbadoAnswerInvalid),
  ])
  func `success in the content of another status is no success`(status: Int, reason: LoginReason) async throws {
    let fixture = try await linked()
    fixture.corbado.script(.answer(status: status, content: #"{"verificationResult":"success"}"#))
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 500, reason, Self.failure)
  }

  @Test(arguments: [
    "", "success", #""success""#, "{}", "[]", #"{"verificationResult":true}"#, #"{"verificationResult":null}"#,
    #"{"verificationResult":["success"]}"#, #"{"verificationResult":"generic_error","verificationResult":"success"}"#,
    #"{"verificationResult":"success""#, #"{"data":{"verificationResult":"success"}}"#,
  ])
  func `what is no verdict is no success`(content: String) async throws {
    let fixture = try await linked()
    fixture.corbado.script(.answer(status: 200, content: content))
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 500, .corbadoAnswerInvalid, Self.failure)
  }

  @Test(arguments: OutboundFailure.Kind.allCases, [true, false])
  func `what may have left is not sent again`(kind: OutboundFailure.Kind, mayHaveLeft: Bool) async throws {
    let fixture = try await linked()
    fixture.corbado.script(.failure(OutboundFailure(kind, requestMayHaveLeft: mayHaveLeft)))
    let isNoAnswer = kind == .protocolError || kind == .responseTooLarge
    expectRefusal(
      await fixture.completeLogin(try fixture.signedData()), 500, isNoAnswer ? .corbadoAnswerInvalid : .corbadoUnreachable,
      Self.failure)
    // Again only where a connection ended before a byte had left.
    #expect(fixture.corbado.calls.count == (kind == .connectionClosed && !mayHaveLeft ? 2 : 1))
  }

  @Test func `a user whom nobody linked is refused in the same words`() async throws {
    let fixture = try await linked()
    let answer = await fixture.completeLogin(try fixture.signedData(for: "bob@example.com"))
    expectRefusal(answer, 401, .identityUnlinked, Self.refusal)
    #expect(fixture.corbado.calls.count == 1)
  }

  @Test func `whether a user is linked shows only once Corbado has vouched`() async throws {
    let fixture = try await linked(store: { StateStoreDouble($0) })
    let forger = try TokenFactory(issuer: CorbadoFake.projectID, keyID: "pki-1", algorithm: .rs256, privateKey: .generate(.rsa2048))
    let answer = await fixture.completeLogin(try fixture.signedData(signer: forger))
    expectRefusal(answer, 401, .passkeyDataRefused, Self.refusal)
    #expect((fixture.store as? StateStoreDouble)?.asked.contains("link") == false)
  }

  // MARK: The store and the room

  @Test(arguments: ["signingKeys", "storeSigningKey", "isUsed"])
  func `what could not be finished is not begun at Corbado`(operation: String) async throws {
    let fixture = try await linked(store: { StateStoreDouble($0, failing: [operation]) })
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 503, .stateUnavailable, Self.failure)
    #expect(fixture.corbado.calls.isEmpty)
  }

  @Test(arguments: ["link", "markUsed"])
  func `a store that goes away during the call gives no token`(operation: String) async throws {
    let fixture = try await linked(store: { StateStoreDouble($0, failing: [operation]) })
    expectRefusal(await fixture.completeLogin(try fixture.signedData()), 503, .stateUnavailable, Self.failure)
    #expect(fixture.corbado.calls.count == 1)
  }

  @Test func `more logins at once than there is room for are told to come back`() async throws {
    let fixture = try await linked()
    fixture.corbado.hold()
    let running = (0..<64).map { _ in
      Task { await fixture.completeLogin(try fixture.signedData()) }
    }
    await fixture.corbado.arrivals(64)
    let data = try fixture.signedData()
    let answer = await fixture.completeLogin(data)
    expectRefusal(answer, 429, .rateLimited)
    #expect(answer.retryAfter == .seconds(1))
    fixture.corbado.release()
    for task in running { #expect(try await task.value.status == 200) }
    // It was not used up by being turned away.
    #expect(await fixture.completeLogin(data).status == 200)
  }
}
