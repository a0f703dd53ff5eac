import Foundation
import JOSE
import OpenSSL
import StateStore
import Testing

@testable import Login

/// What is minted, and that it is accepted where it must be.
@Suite struct AccessTokenTests {
  private func login(_ fixture: LoginFixture) async throws -> EndpointAnswer {
    #expect(await fixture.connectToken(for: try .conventional()).status == 200)
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(answer.status == 200)
    return answer
  }

  @Test func `header and claims are those of the access token profile`() async throws {
    let fixture = try LoginFixture()
    let answer = try await login(fixture)
    let claims = answer.tokenClaims
    #expect(answer.tokenHeader["alg"] as? String == "ES256")
    #expect(answer.tokenHeader["typ"] as? String == "at+jwt")
    #expect(
      Set(claims.keys) == [
        "iss", "aud", "sub", "client_id", "idp", "exp", "iat", "jti", "sid", "auth_time", "acr", "amr", "email", "name",
      ])
    let texts = ["iss": "https://app.test", "aud": "my-app", "sub": "alice", "client_id": "pro-4711",
      "idp": VerifiedIdentity.issuer, "acr": "phr", "email": "alice@example.com", "name": "Alice"]
    for (name, value) in texts { #expect(claims[name] as? String == value, "\(name)") }
    #expect(claims["amr"] as? [String] == ["pop", "user"])
    let moment = fixture.clock.now.seconds
    #expect(claims["iat"] as? Int64 == moment)
    #expect(claims["auth_time"] as? Int64 == moment)
    #expect(claims["exp"] as? Int64 == moment + 3600)
  }

  @Test func `session and token IDs are long and never the same`() async throws {
    let fixture = try LoginFixture()
    var seen: Set<String> = []
    for _ in 0..<20 {
      let claims = try await login(fixture).tokenClaims
      for name in ["sid", "jti"] {
        let id = try #require(claims[name] as? String)
        #expect(id.count == 27)
        #expect(seen.insert(id).inserted)
      }
    }
  }

  @Test func `the published keys verify the token, with JOSE's checks and with OpenSSL's alone`() async throws {
    let fixture = try LoginFixture()
    let answer = try await login(fixture)
    #expect(try await fixture.identity(of: answer).subject == "alice")

    let published = await fixture.login.jwks()
    #expect(published.status == 200)
    #expect("\(published.mediaType)" == "application/jwk-set+json")
    let keys = try #require(published.json["keys"] as? [[String: String]])
    let key = try #require(keys.first)
    #expect(keys.count == 1)
    #expect(Set(key.keys) == ["kty", "crv", "x", "y", "use", "alg", "kid"])
    #expect(answer.tokenHeader["kid"] as? String == key["kid"])
    let x = try #require(key["x"].flatMap { CorbadoFake.decoded($0) })
    let y = try #require(key["y"].flatMap { CorbadoFake.decoded($0) })
    let publicKey = try PublicKey(curve: .p256, x: x.span, y: y.span)
    let parts = try #require(answer.json["accessToken"] as? String).split(separator: ".").map(String.init)
    let signature = try #require(CorbadoFake.decoded(parts[2]))
    let input = Array("\(parts[0]).\(parts[1])".utf8)
    let isValid = publicKey.isValid(signature: signature.span, over: input.span, algorithm: .es256)
    #expect(isValid)
  }

  @Test func `the generated key outlives the process, and processes share it`() async throws {
    let fixture = try LoginFixture()
    let before = await fixture.login.jwks().text
    #expect(await (try fixture.restarted()).jwks().text == before)
    #expect(try await fixture.store.signingKeys().count == 1)
  }

  @Test func `processes that start together publish one key`() async throws {
    let fixture = try LoginFixture()
    let processes = try (0..<8).map { _ in try fixture.restarted() }
    let published = await withTaskGroup(of: String.self) { group in
      for login in processes { group.addTask { await login.jwks().text } }
      return await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(published.count == 1)
  }

  @Test func `a provided key signs and none is generated`() async throws {
    let privateKey = try PrivateKey.generate(.p256)
    let fixture = try LoginFixture(try .sample(key: .provided(privateKey)))
    let answer = try await login(fixture)
    #expect(answer.tokenHeader["kid"] as? String == (try SigningKey(privateKey, algorithm: .es256)).keyID)
    #expect(try await fixture.store.signingKeys().isEmpty)
  }

  @Test(arguments: ["signingKeys", "storeSigningKey"])
  func `without the store there are no keys, and the next call tries again`(operation: String) async throws {
    let fixture = try LoginFixture(store: { StateStoreDouble($0, failing: [operation]) })
    for _ in 0..<2 { #expect(await fixture.login.jwks().status == 503) }
    await #expect(throws: LoginReason.stateUnavailable) { _ = try await fixture.login.verificationKeys() }
    #expect((fixture.store as? StateStoreDouble)?.asked.count { $0 == "signingKeys" } == 3)
  }

  @Test func `what was remembered under another configuration cannot become a claim of ours`() async throws {
    let fixture = try LoginFixture()
    let claims = #"{"sub":"root","iss":"x","exp":9999999999,"sid":"s","amr":["x"],"email":"a@b.test"}"#
    _ = try await fixture.store.claimLink(
      IdentityLink(
        identifier: "alice@example.com", issuer: VerifiedIdentity.issuer, subject: "alice", claims: Array(claims.utf8),
        confirmedAt: StoredTime(fixture.clock.now)))
    let answer = await fixture.completeLogin(try fixture.signedData())
    #expect(answer.tokenClaims["email"] as? String == "a@b.test")
    #expect(try await fixture.identity(of: answer).subject == "alice")
  }
}
