public import JOSE

/// The Gate's no: every reason it has, closed. The raw value is what clients, logs and metrics see.
public enum Denial: String, Error, CaseIterable, Sendable {
  case pathNotCanonical = "path_not_canonical"
  case pathAmbiguous = "path_ambiguous"
  case credentialRepeated = "credential_repeated"

  case tokenMissing = "token_missing"
  case tokenMalformed = "token_malformed"
  case tokenTooLarge = "token_too_large"
  case algorithmRefused = "algorithm_refused"
  case typeRefused = "type_refused"
  case criticalRefused = "critical_refused"
  case issuerUnknown = "issuer_unknown"
  case keyUnknown = "key_unknown"
  case signatureInvalid = "signature_invalid"
  case tokenExpired = "token_expired"
  case tokenNotYetValid = "token_not_yet_valid"
  case audienceMismatch = "audience_mismatch"
  case subjectMissing = "subject_missing"
  case claimInvalid = "claim_invalid"
  case tokenRevoked = "token_revoked"
  case passkeyRequired = "passkey_required"

  case claimsInsufficient = "claims_insufficient"
  case issuerNotAcceptedHere = "issuer_not_accepted_here"
  case originRefused = "origin_refused"

  case endpointUnknown = "endpoint_unknown"
  case methodNotAllowed = "method_not_allowed"
  case mediaTypeRefused = "media_type_refused"
  case keysUnavailable = "keys_unavailable"
  /// What is revoked is not known yet.
  case stateUnavailable = "state_unavailable"

  public init(_ error: TokenError) {
    self =
      switch error {
      case .malformed: .tokenMalformed
      case .tooLarge: .tokenTooLarge
      case .algorithmRefused: .algorithmRefused
      case .typeRefused: .typeRefused
      case .criticalRefused: .criticalRefused
      case .issuerUnknown: .issuerUnknown
      case .keyUnknown: .keyUnknown
      case .signatureInvalid: .signatureInvalid
      case .expired: .tokenExpired
      case .notYetValid: .tokenNotYetValid
      case .audienceMismatch: .audienceMismatch
      case .subjectMissing: .subjectMissing
      case .claimInvalid: .claimInvalid
      }
  }

  /// The HTTP status (RFC 9110 §15).
  public var status: UInt16 {
    switch self {
    case .pathNotCanonical, .pathAmbiguous, .credentialRepeated: 400
    case .tokenMissing, .tokenMalformed, .tokenTooLarge, .algorithmRefused, .typeRefused, .criticalRefused,
      .issuerUnknown, .keyUnknown, .signatureInvalid, .tokenExpired, .tokenNotYetValid, .audienceMismatch,
      .subjectMissing, .claimInvalid, .tokenRevoked, .passkeyRequired:
      401
    case .claimsInsufficient, .issuerNotAcceptedHere, .originRefused: 403
    case .endpointUnknown: 404
    case .methodNotAllowed: 405
    case .mediaTypeRefused: 415
    case .keysUnavailable, .stateUnavailable: 503
    }
  }

  /// The `grpc-status` that goes with the status.
  public var grpcStatus: UInt8 {
    switch status {
    case 401: 16
    case 403: 7
    case 404: 5
    case 405: 12
    case 415: 3
    case 503: 14
    default: 13
    }
  }

  /// What `WWW-Authenticate` says.
  public var challenge: Challenge {
    switch self {
    case .tokenMissing: .bearer
    case .credentialRepeated: .invalidRequest
    case .tokenMalformed, .tokenTooLarge, .algorithmRefused, .typeRefused, .criticalRefused, .issuerUnknown,
      .keyUnknown, .signatureInvalid, .tokenExpired, .tokenNotYetValid, .audienceMismatch, .subjectMissing,
      .claimInvalid, .tokenRevoked:
      .invalidToken
    case .passkeyRequired: .insufficientUserAuthentication
    case .claimsInsufficient, .issuerNotAcceptedHere: .insufficientScope
    case .pathNotCanonical, .pathAmbiguous, .originRefused, .endpointUnknown, .methodNotAllowed, .mediaTypeRefused,
      .keysUnavailable, .stateUnavailable:
      .none
    }
  }

  /// Whether a route that says `badToken: anonymous` may go on without an identity: the token itself is at fault, not
  /// the way it was sent and not our keys.
  var isBadToken: Bool { status == 401 && self != .tokenMissing && self != .passkeyRequired }
}

/// The challenge of a denial: RFC 6750 §3, RFC 9470 §3.
public enum Challenge: Sendable {
  case none
  /// No credential: the scheme alone.
  case bearer
  case invalidRequest
  case invalidToken
  case insufficientScope
  case insufficientUserAuthentication
}

/// A denial with what its answer needs.
public struct Denied: Error, Sendable {
  public let denial: Denial
  /// Position of the deciding route rule; nil if there is none or none was reached.
  public internal(set) var rule: Int?
  /// The endpoint of ours that was asked; its answers have bodies of their own.
  public internal(set) var endpoint: Endpoint?
  /// `Allow` of a 405 at an endpoint.
  public internal(set) var allowedMethods: StaticString?
  /// `max_age` of a step-up challenge.
  public internal(set) var passkeyWithin: Duration?
  /// A browser's navigation is to be redirected to the login page of the rule.
  public internal(set) var redirectsToLoginPage = false

  init(_ denial: Denial, rule: Int? = nil, endpoint: Endpoint? = nil) {
    self.denial = denial
    self.rule = rule
    self.endpoint = endpoint
  }

  /// The value of `WWW-Authenticate`; nil for none.
  public var challengeValue: String? {
    switch denial.challenge {
    case .none: return nil
    case .bearer: return "Bearer"
    case .invalidRequest: return #"Bearer error="invalid_request""#
    case .invalidToken: return #"Bearer error="invalid_token""#
    case .insufficientScope: return #"Bearer error="insufficient_scope""#
    case .insufficientUserAuthentication:
      let maximumAge = passkeyWithin.map { #", max_age="\#($0.components.seconds)""# } ?? ""
      return #"Bearer error="insufficient_user_authentication", acr_values="phr"\#(maximumAge)"#
    }
  }
}
