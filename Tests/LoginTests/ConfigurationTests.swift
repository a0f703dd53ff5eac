import HTTPClient
import JOSE
import OpenSSL
import Testing

@testable import Login

/// No configuration that would fail later can be made.
@Suite struct ConfigurationTests {
  @Test(arguments: ["", "pro 1", "pro-1:x", "pro-\u{7F}", "pro-é"])
  func `a project ID that cannot be a user name is refused`(projectID: String) {
    #expect(throws: ConfigurationError.projectID) {
      try Configuration.Corbado(projectID: projectID, credential: .init(.apiSecret, Array("corbado1_x".utf8)))
    }
  }

  @Test(arguments: ["", "corbado1_x\n", "a b", "é"])
  func `a secret that cannot be a password is refused`(secret: String) {
    #expect(throws: ConfigurationError.credential(.malformed)) {
      try Configuration.Corbado(projectID: "pro-1", credential: .init(.apiSecret, Array(secret.utf8)))
    }
  }

  @Test(arguments: ["", "v2/verify", "/v2/ver ify"])
  func `a path that is none is refused`(path: String) {
    #expect(throws: ConfigurationError.verifyPath) {
      try Configuration.Corbado(projectID: "pro-1", credential: .init(.apiSecret, [0x61]), verifyPath: path)
    }
  }

  @Test func `a call without time is refused`() {
    #expect(throws: ConfigurationError.timeout) {
      try Configuration.Corbado(projectID: "pro-1", credential: .init(.apiSecret, [0x61]), timeout: .zero)
    }
  }

  /// RFC 7617 §2, and lengths that need each kind of padding.
  @Test(arguments: [
    ("Aladdin", "open sesame".replacing(" ", with: "_"), "Basic QWxhZGRpbjpvcGVuX3Nlc2FtZQ=="),
    ("pro-1", "~~~?", "Basic cHJvLTE6fn5+Pw=="), ("pro-1", "???", "Basic cHJvLTE6Pz8/"), ("pro-1", "ab", "Basic cHJvLTE6YWI="),
  ])
  func `the credential is Basic with padding`(projectID: String, secret: String, credential: String) throws {
    let form = BackendCredential(.apiSecret, Array(secret.utf8))
    #expect(try form.authorization(of: form.content, projectID: projectID) == credential)
  }

  @Test(arguments: AccessToken.ownClaims.sorted())
  func `a claim of ours cannot be a remembered one`(claim: String) {
    #expect(throws: ConfigurationError.rememberedClaim(claim)) {
      try Configuration.Identity(remember: [#require(ClaimPath(claim))])
    }
  }

  @Test func `a claim is remembered once`() {
    #expect(throws: ConfigurationError.rememberedTwice) {
      try Configuration.Identity(remember: [#require(ClaimPath("name")), #require(ClaimPath("name"))])
    }
  }

  @Test func `an identifier becomes a subject only where it is said to be one`() throws {
    #expect(throws: ConfigurationError.identifierIsNoSubject) { try Configuration.sample(unlinked: .identifier) }
    _ = try Configuration.sample(unlinked: .identifier, identifierIsSubject: true)
    _ = try Configuration.sample(identifier: "sub", unlinked: .identifier)
  }

  @Test func `a token needs an issuer, an audience, a lifetime and its algorithm`() throws {
    #expect(throws: ConfigurationError.tokenIssuer) { try Configuration.Token(issuer: "", audience: "a") }
    #expect(throws: ConfigurationError.tokenAudience) { try Configuration.Token(issuer: "i", audience: "") }
    for lifetime in [Duration.zero, .milliseconds(999), .seconds(30 * 86_400 + 1)] {
      #expect(throws: ConfigurationError.tokenLifetime) {
        try Configuration.Token(issuer: "i", audience: "a", lifetime: lifetime)
      }
    }
    #expect(throws: ConfigurationError.tokenAlgorithm) {
      try Configuration.Token(issuer: "i", audience: "a", algorithm: .hs256)
    }
  }

  @Test(arguments: [PrivateKey.Generated.rsa2048, .ed25519])
  func `a provided key must fit the algorithm`(kind: PrivateKey.Generated) throws {
    let key = try PrivateKey.generate(kind)
    #expect(throws: ConfigurationError.signingKey(.algorithmRefused)) {
      try Configuration.Token(issuer: "i", audience: "a", key: .provided(key))
    }
  }

  /// The statuses of the behaviour's tables.
  @Test func `each reason has its status`() {
    let statuses: [LoginReason: UInt16] = [
      .bodyMalformed: 400, .connectTokenTypeRefused: 400, .identifierMissing: 403, .identifierUnverified: 403,
      .identifierTaken: 403, .stateUnavailable: 503, .corbadoRefused: 500, .corbadoAnswerInvalid: 500,
      .corbadoMisconfigured: 500, .corbadoUnreachable: 500, .passkeyDataMalformed: 401, .passkeyDataRefused: 401,
      .passkeyDataReplayed: 401, .identityUnlinked: 401, .identityUnavailable: 500, .rateLimited: 429, .internalError: 500,
      .refreshTokenRefused: 401, .refreshTokenReused: 401,
    ]
    #expect(statuses.count == LoginReason.allCases.count)
    for (reason, status) in statuses { #expect(reason.status == status) }
  }
}
