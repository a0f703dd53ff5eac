/// Why a token is refused; the raw value is the reason that clients and logs see (one to one).
public enum TokenError: String, Error, CaseIterable, Sendable {
  /// Not a compact JWS (RFC 7515 §7.1), base64url or JSON not strict, or a header parameter that brings a key along.
  case malformed = "token_malformed"
  case tooLarge = "token_too_large"
  /// `none`, an unknown algorithm, or one that the issuer or the key does not allow.
  case algorithmRefused = "algorithm_refused"
  case typeRefused = "type_refused"
  /// `crit` (RFC 7515 §4.1.11) or `b64` (RFC 7797): no extension is understood.
  case criticalRefused = "critical_refused"
  case issuerUnknown = "issuer_unknown"
  case keyUnknown = "key_unknown"
  case signatureInvalid = "signature_invalid"
  case expired = "token_expired"
  /// `nbf` or `iat` lie in the future.
  case notYetValid = "token_not_yet_valid"
  case audienceMismatch = "audience_mismatch"
  case subjectMissing = "subject_missing"
  /// A registered claim of another type or out of range, or `exp` missing.
  case claimInvalid = "claim_invalid"
}
