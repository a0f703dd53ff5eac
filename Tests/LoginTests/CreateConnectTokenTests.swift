import Foundation
import HTTPClient
import JOSE
import StateStore
import Testing

@testable import Login

/// The table of createConnectToken, row by row.
@Suite struct CreateConnectTokenTests {
  @Test(arguments: ["passkey-append", "passkey-list", "passkey-delete"])
  func `the connect token is the only member of the answer`(type: String) async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.connectToken(type, for: try .conventional())
    #expect(answer.status == 200)
    #expect(answer.reason == nil)
    #expect(answer.text == #"{"connectToken":"\#(CorbadoFake.connectToken)"}"#)
  }

  @Test func `Corbado is told identifier and display name, and nothing else of the user`() async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional())
    let call = try #require(fixture.corbado.calls.first)
    #expect(fixture.corbado.calls.count == 1)
    #expect(call.url.target == "/v2/connectTokens")
    #expect(call.content == #"{"type":"passkey-append","data":{"identifier":"alice@example.com","displayName":"Alice"}}"#)
    #expect(Set(call.fields.map(\.name)) == ["authorization", "content-type", "accept"])
  }

  @Test(arguments: ["passkey-list", "passkey-delete"])
  func `listing and deleting need no display name`(type: String) async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(type, for: try .conventional())
    #expect(fixture.corbado.calls.first?.content == #"{"type":"\#(type)","data":{"identifier":"alice@example.com"}}"#)
  }

  @Test(arguments: ["", #","name":"""#, #","name":7"#, #","name":"a\u0007b""#])
  func `without a usable display name it is the identifier`(name: String) async throws {
    let fixture = try LoginFixture()
    _ = await fixture.connectToken(for: try .conventional(extra: name))
    let data = try #require(fixture.corbado.calls.first?.json["data"] as? [String: String])
    #expect(data["displayName"] == "alice@example.com")
  }

  @Test func `a path in front of the Backend API is kept`() async throws {
    let fixture = try LoginFixture(try .sample(backendAPI: "http://127.0.0.1:9/corbado"))
    _ = await fixture.connectToken(for: try .conventional())
    #expect(fixture.corbado.calls.first?.url.target == "/corbado/v2/connectTokens")
  }

  @Test func `nothing in the content chooses the identity`() async throws {
    let fixture = try LoginFixture()
    let content = #"""
      {"connectTokenType":"passkey-append","identifier":"victim@example.com","email":"victim@example.com",
       "data":{"identifier":"victim@example.com"},"type":"passkey-list"}
      """#
    let answer = await fixture.login.createConnectToken(for: try .conventional(), content: Array(content.utf8))
    #expect(answer.status == 200)
    #expect(fixture.corbado.calls.first?.content.contains("victim") == false)
  }

  // MARK: Refusals

  private func expectRefusal(
    _ answer: EndpointAnswer, _ status: UInt16, _ reason: LoginReason, _ fixture: LoginFixture, callCount: Int = 0
  ) {
    #expect(answer.status == status)
    #expect(answer.reason == reason)
    #expect(Array(answer.json.keys) == ["error"])
    #expect((answer.json["error"] as? String)?.isEmpty == false)
    #expect(fixture.corbado.calls.count == callCount)
  }

  @Test(arguments: [
    "", " ", "null", "[]", "7", #""passkey-append""#, "{", #"{"connectTokenType":"passkey-append"}x"#,
    #"{"connectTokenType":"passkey-list","connectTokenType":"passkey-append"}"#,
    #"{"connectTokenType":"passkey-list","connectTokenTyp\u0065":"passkey-append"}"#,
    #"{"connectTokenType":"passkey-append","x":"\#u{0}"}"#, "connectTokenType=passkey-append",
  ])
  func `content that is no strict JSON object is refused`(content: String) async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.login.createConnectToken(for: try .conventional(), content: Array(content.utf8))
    expectRefusal(answer, 400, .bodyMalformed, fixture)
  }

  @Test(arguments: [
    "{}", #"{"connectTokenType":null}"#, #"{"connectTokenType":["passkey-append"]}"#, #"{"connectTokenType":1}"#,
    #"{"connectTokenType":""}"#, #"{"connectTokenType":"passkey-add"}"#, #"{"connectTokenType":"passkey-login"}"#,
    #"{"connectTokenType":"Passkey-Append"}"#, #"{"connectTokenType":"passkey-append "}"#, #"{"type":"passkey-append"}"#,
  ])
  func `a type that is missing or unknown is refused`(content: String) async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.login.createConnectToken(for: try .conventional(), content: Array(content.utf8))
    expectRefusal(answer, 400, .connectTokenTypeRefused, fixture)
  }

  @Test(arguments: [
    "{}", #"{"email":""}"#, #"{"email":null}"#, #"{"email":["alice@example.com"]}"#, #"{"email":true}"#, #"{"email":1}"#,
    #"{"email":{"value":"alice@example.com"}}"#, #"{"email":" alice@example.com"}"#, #"{"email":"alice@example.com\u00a0"}"#,
    #"{"email":"alice@example.com\u0000"}"#, #"{"email":"a\nb"}"#, #"{"email":"\#(String(repeating: "a", count: 513))"}"#,
  ])
  func `an identity without a usable identifier is refused`(claims: String) async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.connectToken(for: try .claims(claims, emailsAreVerified: true))
    expectRefusal(answer, 403, .identifierMissing, fixture)
  }

  @Test(arguments: ["passkey-append", "passkey-list", "passkey-delete"], [
    "", #","email_verified":false"#, #","email_verified":"true""#, #","email_verified":1"#, #","email_verified":null"#,
  ])
  func `an e-mail address that is not said to be verified is refused`(type: String, claim: String) async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.connectToken(type, for: try .claims("{\"email\":\"alice@example.com\"\(claim)}"))
    expectRefusal(answer, 403, .identifierUnverified, fixture)
    #expect(try await fixture.store.link(for: "alice@example.com") == .absent)
  }

  @Test(arguments: ["user.email", "https://app.test/email"])
  func `an e-mail address elsewhere in the token needs its own verification`(path: String) async throws {
    let fixture = try LoginFixture(try .sample(identifier: path))
    let claims = path == "user.email" ? #""user":{"email":"a@b.test"}"# : "\"\(path)\":\"a@b.test\""
    let answer = await fixture.connectToken(for: try .claims("{\(claims),\"email_verified\":true}"))
    expectRefusal(answer, 403, .identifierUnverified, fixture)
  }

  @Test func `an issuer whose addresses are verified need not say so`() async throws {
    let fixture = try LoginFixture()
    let answer = await fixture.connectToken(for: try .conventional(isVerified: nil, emailsAreVerified: true))
    #expect(answer.status == 200)
  }

  @Test(arguments: StateStoreDouble.allOperations.subtracting(["isUsed", "markUsed", "signingKeys", "storeSigningKey"]))
  func `without the store Corbado is not called`(operation: String) async throws {
    let fixture = try LoginFixture(store: { StateStoreDouble($0, failing: [operation]) })
    let answer =
      switch operation {
      case "claimLink": await fixture.connectToken("passkey-append", for: try .conventional())
      case "confirmLink": await fixture.connectToken("passkey-list", for: try .conventional())
      default: try await afterLogin(fixture, failing: operation)
      }
    #expect(answer.status == 503)
    #expect(answer.reason == .stateUnavailable)
    #expect(fixture.corbado.calls(to: "/connectTokens").isEmpty)
  }

  /// A connect token for an identity that would need `session` and `link` of the store.
  private func afterLogin(_ fixture: LoginFixture, failing: String) async throws -> EndpointAnswer {
    let session = Session(
      id: "s", issuer: VerifiedIdentity.issuer, subject: "alice", identifier: "alice@example.com",
      startedAt: StoredTime(fixture.clock.now), expiresAt: StoredTime(fixture.clock.now + .seconds(60)))
    let digest = try #require(PasskeyDataDigest([UInt8](repeating: 1, count: 32)))
    _ = try await fixture.store.markUsed(digest, until: session.expiresAt, starting: session, at: session.startedAt)
    let identity = VerifiedIdentity(
      subjectIssuer: VerifiedIdentity.issuer, subject: "alice", claims: try .init("{}".utf8.span),
      origin: .passkeyLogin(sessionID: "s"))
    return await fixture.connectToken(for: identity)
  }

  // MARK: Corbado

  @Test(arguments: [
    (400, LoginReason.corbadoRefused), (404, .corbadoRefused), (429, .corbadoRefused), (500, .corbadoRefused),
    (502, .corbadoRefused), (302, .corbadoRefused), (401, .corbadoMisconfigured), (403, .corbadoMisconfigured),
  ])
  func `a refusal of Corbado's is a failure of ours, without its words`(status: Int, reason: LoginReason) async throws {
    let fixture = try LoginFixture()
    fixture.corbado.script(.answer(status: status, content: CorbadoFake.envelope(status, "x")))
    let answer = await fixture.connectToken(for: try .conventional())
    expectRefusal(answer, 500, reason, fixture, callCount: 1)
    #expect(answer.text == #"{"error":"Failed to get connect token"}"#)
  }

  @Test(arguments: [
    "", "<html>", "[]", "{}", #"{"secret":""}"#, #"{"secret":7}"#, #"{"secret":null}"#, #"{"secret":"a\u0000b"}"#,
    #"{"secret":"a b"}"#, #"{"secret":"ü"}"#, #"{"secret":"a","secret":"b"}"#, #"{"secret":"ctk1_"#,
    #"{"secret":"\#(String(repeating: "a", count: 5000))"}"#,
  ])
  func `an answer of Corbado's without a connect token is none`(content: String) async throws {
    let fixture = try LoginFixture()
    fixture.corbado.script(.answer(status: 200, content: content))
    let answer = await fixture.connectToken(for: try .conventional())
    expectRefusal(answer, 500, .corbadoAnswerInvalid, fixture, callCount: 1)
    #expect(answer.text == #"{"error":"Failed to get connect token"}"#)
  }

  @Test(arguments: OutboundFailure.Kind.allCases, [true, false])
  func `a connect token is asked for again only if a connection was closed`(
    kind: OutboundFailure.Kind, mayHaveLeft: Bool
  ) async throws {
    let fixture = try LoginFixture()
    fixture.corbado.script(.failure(OutboundFailure(kind, requestMayHaveLeft: mayHaveLeft)))
    let answer = await fixture.connectToken(for: try .conventional())
    let isNoAnswer = kind == .protocolError || kind == .responseTooLarge
    expectRefusal(answer, 500, isNoAnswer ? .corbadoAnswerInvalid : .corbadoUnreachable, fixture,
      callCount: kind == .connectionClosed ? 2 : 1)
    #expect(answer.text == (isNoAnswer ? #"{"error":"Failed to get connect token"}"# : #"{"error":"Internal server error"}"#))
  }

  @Test func `a secret that Corbado does not accept is our misconfiguration`() async throws {
    let fixture = try LoginFixture(try .sample(apiSecret: "corbado1_old"))
    let answer = await fixture.connectToken(for: try .conventional())
    expectRefusal(answer, 500, .corbadoMisconfigured, fixture, callCount: 1)
  }

  @Test func `more calls at once than there is room for are told to come back`() async throws {
    let fixture = try LoginFixture()
    fixture.corbado.hold()
    let running = (0..<64).map { number in
      Task { await fixture.connectToken(for: try .conventional(subject: "s\(number)", email: "u\(number)@example.com")) }
    }
    await fixture.corbado.arrivals(64)
    let answer = await fixture.connectToken(for: try .conventional())
    #expect(answer.status == 429)
    #expect(answer.reason == .rateLimited)
    #expect(answer.retryAfter == .seconds(1))
    #expect(Array(answer.json.keys) == ["error"])
    #expect(fixture.corbado.calls.count == 64)
    fixture.corbado.release()
    for task in running { #expect(try await task.value.status == 200) }
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
  }
}
