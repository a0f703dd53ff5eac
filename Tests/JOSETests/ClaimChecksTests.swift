import JOSE
import OpenSSL
import TestPeers
import Testing

@Suite struct ClaimChecksTests {
  static let factory = Result { try TokenFactory() }
  static let now = UnixTime(seconds: 1_700_000_000)

  private func claims(_ text: String) throws -> Claims {
    let factory = try Self.factory.get()
    return try TokenReader.claims(of: factory.token(text), key: VerificationKey(factory.privateKey.publicKey))
  }

  private func refusal(_ text: String, _ check: (Claims) throws(TokenError) -> Void) throws -> TokenError? {
    let claims = try claims(text)
    do throws(TokenError) {
      try check(claims)
      return nil
    } catch { return error }
  }

  @Test(
    arguments: [
      (#"{"exp":1700000001}"#, 0, nil), (#"{"exp":1700000000}"#, 0, .expired), (#"{"exp":1700000000.5}"#, 0, nil),
      (#"{"exp":1699999971}"#, 30, nil), (#"{"exp":1699999970}"#, 30, .expired),
      (#"{"exp":1699999970.000001}"#, 30, nil),
      (#"{"exp":0}"#, 30, .expired), (#"{"exp":-1}"#, 30, .expired), (#"{"exp":9000000000000}"#, 30, nil),
      (#"{}"#, 30, .claimInvalid),
      (#"{"exp":1800000000,"nbf":1700000000}"#, 0, nil), (#"{"exp":1800000000,"nbf":1700000000.1}"#, 0, .notYetValid),
      (#"{"exp":1800000000,"nbf":1700000030}"#, 30, nil), (#"{"exp":1800000000,"nbf":1700000031}"#, 30, .notYetValid),
      (#"{"exp":1800000000,"iat":1700000030}"#, 30, nil), (#"{"exp":1800000000,"iat":1700000031}"#, 30, .notYetValid),
      (#"{"exp":1600000000,"nbf":1800000000}"#, 30, .expired),
    ] as [(String, Int, TokenError?)])
  func `times are judged to the microsecond`(text: String, leeway: Int, reason: TokenError?) throws {
    #expect(
      try refusal(text) { claims throws(TokenError) in
        try claims.checkTimes(now: Self.now, leeway: .seconds(leeway))
      } == reason)
  }

  @Test(
    arguments: [
      (#"{"aud":"a"}"#, ["a"], nil), (#"{"aud":["x","a"]}"#, ["a"], nil), (#"{"aud":"b"}"#, ["a", "b"], nil),
      (#"{"aud":"A"}"#, ["a"], .audienceMismatch), (#"{"aud":"ab"}"#, ["a"], .audienceMismatch),
      (#"{"aud":[]}"#, ["a"], .audienceMismatch), (#"{}"#, ["a"], .audienceMismatch),
      (#"{"aud":"a"}"#, [], .audienceMismatch),
      (#"{"aud":"e\u0301"}"#, ["\u{E9}"], .audienceMismatch),
    ] as [(String, [String], TokenError?)])
  func `one audience must be in common`(text: String, accepted: [String], reason: TokenError?) throws {
    #expect(try refusal(text) { claims throws(TokenError) in try claims.checkAudience(accepted) } == reason)
  }

  @Test(
    arguments: [
      (#"{"iss":"https://i/"}"#, nil), (#"{"iss":"https://i"}"#, .issuerUnknown),
      (#"{"iss":"HTTPS://i/"}"#, .issuerUnknown),
      (#"{}"#, .issuerUnknown),
    ] as [(String, TokenError?)])
  func `the issuer is compared exactly`(text: String, reason: TokenError?) throws {
    #expect(try refusal(text) { claims throws(TokenError) in try claims.checkIssuer("https://i/") } == reason)
  }

  @Test(
    arguments: [(#"{"sub":"u"}"#, nil), (#"{"sub":""}"#, .subjectMissing), (#"{}"#, .subjectMissing)]
      as [(String, TokenError?)])
  func `the subject is a string that is not empty`(text: String, reason: TokenError?) throws {
    #expect(try refusal(text) { claims throws(TokenError) in try claims.checkSubject() } == reason)
  }

  @Test func `each reason has its name`() {
    #expect(
      TokenError.allCases.map(\.rawValue) == [
        "token_malformed", "token_too_large", "algorithm_refused", "type_refused", "critical_refused", "issuer_unknown",
        "key_unknown", "signature_invalid", "token_expired", "token_not_yet_valid", "audience_mismatch",
        "subject_missing",
        "claim_invalid",
      ])
  }
}
