import JOSE
import Testing

@testable import Gate

@Suite struct `Denials` {
  /// The table of the behaviour page, for what the Gate can say.
  static let table: [(status: UInt16, grpc: UInt8, reasons: [String])] = [
    (400, 13, ["path_not_canonical", "path_ambiguous", "credential_repeated"]),
    (
      401, 16,
      [
        "token_missing", "token_malformed", "token_too_large", "algorithm_refused", "type_refused", "critical_refused",
        "issuer_unknown", "key_unknown", "signature_invalid", "token_expired", "token_not_yet_valid",
        "audience_mismatch",
        "subject_missing", "claim_invalid", "token_revoked", "passkey_required",
      ]
    ),
    (403, 7, ["claims_insufficient", "issuer_not_accepted_here", "origin_refused"]),
    (404, 5, ["endpoint_unknown"]), (405, 12, ["method_not_allowed"]), (415, 3, ["media_type_refused"]),
    (503, 14, ["keys_unavailable", "state_unavailable"]),
  ]

  @Test func `every reason has the status of the table`() {
    var seen = 0
    for row in Self.table {
      for reason in row.reasons {
        let denial = Denial(rawValue: reason)
        #expect(denial?.status == row.status, "\(reason)")
        #expect(denial?.grpcStatus == row.grpc, "\(reason)")
        seen += 1
      }
    }
    #expect(seen == Denial.allCases.count)
  }

  @Test func `a token's error keeps its name`() {
    for error in TokenError.allCases { #expect(Denial(error).rawValue == error.rawValue) }
  }

  @Test func `every 401 has a challenge, and only what concerns a credential has one`() {
    for denial in Denial.allCases {
      let value = Denied(denial).challengeValue
      let concernsCredential =
        denial.status == 401 || [.credentialRepeated, .claimsInsufficient, .issuerNotAcceptedHere].contains(denial)
      #expect((value != nil) == concernsCredential, "\(denial)")
      if let value { #expect(value == "Bearer" || value.hasPrefix(#"Bearer error=""#)) }
    }
    #expect(Denied(.tokenMissing).challengeValue == "Bearer")
    #expect(Denied(.tokenExpired).challengeValue == #"Bearer error="invalid_token""#)
  }

  @Test func `a step-up challenge says what is missing`() {
    var denied = Denied(.passkeyRequired)
    denied.passkeyWithin = .seconds(300)
    #expect(
      denied.challengeValue
        == #"Bearer error="insufficient_user_authentication", acr_values="phr", max_age="300""#)
  }
}
