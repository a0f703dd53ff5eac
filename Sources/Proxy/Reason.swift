public import Gate
public import HTTP
public import Login

/// Why an exchange did not get its ordinary answer: the one closed set, whichever layer found it. The raw value stands in
/// bodies, in the access log and as the metric's label.
public enum Reason: String, CaseIterable, Sendable {
  case requestMalformed = "request_malformed"
  case pathNotCanonical = "path_not_canonical"
  case pathAmbiguous = "path_ambiguous"
  case credentialRepeated = "credential_repeated"
  case authorityInvalid = "authority_invalid"
  case contentLengthMismatch = "content_length_mismatch"
  case upgradeMalformed = "upgrade_malformed"

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
  case bodyTooLarge = "body_too_large"
  case requestLineTooLarge = "request_line_too_large"
  case expectationFailed = "expectation_failed"
  case headerSectionTooLarge = "header_section_too_large"
  case requestTimeout = "request_timeout"
  case rateLimited = "rate_limited"

  case upstreamUnreachable = "upstream_unreachable"
  case upstreamProtocolError = "upstream_protocol_error"
  case upstreamReset = "upstream_reset"
  case upstreamTimeout = "upstream_timeout"
  case webSocketUnsupported = "websocket_unsupported"
  case keysUnavailable = "keys_unavailable"
  case overloaded = "overloaded"
  case draining = "draining"
  case stateUnavailable = "state_unavailable"
  case internalError = "internal_error"

  // At our endpoints.
  case bodyMalformed = "body_malformed"
  case connectTokenTypeRefused = "connect_token_type_refused"
  case identifierMissing = "identifier_missing"
  case identifierUnverified = "identifier_unverified"
  case identifierTaken = "identifier_taken"
  case corbadoRefused = "corbado_refused"
  case corbadoAnswerInvalid = "corbado_answer_invalid"
  case corbadoMisconfigured = "corbado_misconfigured"
  case corbadoUnreachable = "corbado_unreachable"
  case passkeyDataMalformed = "passkey_data_malformed"
  case passkeyDataRefused = "passkey_data_refused"
  case passkeyDataReplayed = "passkey_data_replayed"
  case identityUnlinked = "identity_unlinked"
  case refreshTokenRefused = "refresh_token_refused"
  case refreshTokenReused = "refresh_token_reused"
  case identityUnavailable = "identity_unavailable"

  // The client ended it: no answer, but the log says so.
  case clientGone = "client_gone"

  /// Each reason has exactly one status and one gRPC status.
  public var answer: (status: UInt16, grpcStatus: UInt8) {
    switch self {
    case .requestMalformed, .pathNotCanonical, .pathAmbiguous, .credentialRepeated, .authorityInvalid, .contentLengthMismatch,
      .upgradeMalformed, .bodyMalformed, .connectTokenTypeRefused:
      (400, 13)
    case .tokenMissing, .tokenMalformed, .tokenTooLarge, .algorithmRefused, .typeRefused, .criticalRefused, .issuerUnknown,
      .keyUnknown, .signatureInvalid, .tokenExpired, .tokenNotYetValid, .audienceMismatch, .subjectMissing, .claimInvalid,
      .tokenRevoked, .passkeyRequired, .passkeyDataMalformed, .passkeyDataRefused, .passkeyDataReplayed, .identityUnlinked,
      .refreshTokenRefused, .refreshTokenReused:
      (401, 16)
    case .claimsInsufficient, .issuerNotAcceptedHere, .originRefused, .identifierMissing, .identifierUnverified, .identifierTaken:
      (403, 7)
    case .endpointUnknown: (404, 5)
    case .methodNotAllowed: (405, 12)
    case .requestTimeout: (408, 4)
    case .bodyTooLarge: (413, 8)
    case .requestLineTooLarge: (414, 8)
    case .mediaTypeRefused: (415, 3)
    case .expectationFailed: (417, 8)
    case .rateLimited: (429, 8)
    case .headerSectionTooLarge: (431, 8)
    case .clientGone: (499, 1)
    case .internalError, .corbadoRefused, .corbadoAnswerInvalid, .corbadoMisconfigured, .corbadoUnreachable, .identityUnavailable:
      (500, 13)
    case .upstreamUnreachable, .upstreamProtocolError, .upstreamReset, .webSocketUnsupported: (502, 14)
    case .keysUnavailable, .overloaded, .draining, .stateUnavailable: (503, 14)
    case .upstreamTimeout: (504, 4)
    }
  }

  public init(_ error: MessageError) {
    self =
      switch error {
      case .requestMalformed: .requestMalformed
      case .authorityInvalid: .authorityInvalid
      case .contentLengthMismatch: .contentLengthMismatch
      case .upgradeMalformed: .upgradeMalformed
      case .headerSectionTooLarge: .headerSectionTooLarge
      case .requestLineTooLarge: .requestLineTooLarge
      case .expectationFailed: .expectationFailed
      case .methodNotAllowed: .methodNotAllowed
      case .responseMalformed: .upstreamProtocolError
      }
  }

  public init(_ denial: Denial) {
    self =
      switch denial {
      case .pathNotCanonical: .pathNotCanonical
      case .pathAmbiguous: .pathAmbiguous
      case .credentialRepeated: .credentialRepeated
      case .tokenMissing: .tokenMissing
      case .tokenMalformed: .tokenMalformed
      case .tokenTooLarge: .tokenTooLarge
      case .algorithmRefused: .algorithmRefused
      case .typeRefused: .typeRefused
      case .criticalRefused: .criticalRefused
      case .issuerUnknown: .issuerUnknown
      case .keyUnknown: .keyUnknown
      case .signatureInvalid: .signatureInvalid
      case .tokenExpired: .tokenExpired
      case .tokenNotYetValid: .tokenNotYetValid
      case .audienceMismatch: .audienceMismatch
      case .subjectMissing: .subjectMissing
      case .claimInvalid: .claimInvalid
      case .tokenRevoked: .tokenRevoked
      case .passkeyRequired: .passkeyRequired
      case .claimsInsufficient: .claimsInsufficient
      case .issuerNotAcceptedHere: .issuerNotAcceptedHere
      case .originRefused: .originRefused
      case .endpointUnknown: .endpointUnknown
      case .methodNotAllowed: .methodNotAllowed
      case .mediaTypeRefused: .mediaTypeRefused
      case .keysUnavailable: .keysUnavailable
      case .stateUnavailable: .stateUnavailable
      }
  }

  public init(_ reason: LoginReason) {
    self =
      switch reason {
      case .bodyMalformed: .bodyMalformed
      case .connectTokenTypeRefused: .connectTokenTypeRefused
      case .identifierMissing: .identifierMissing
      case .identifierUnverified: .identifierUnverified
      case .identifierTaken: .identifierTaken
      case .stateUnavailable: .stateUnavailable
      case .corbadoRefused: .corbadoRefused
      case .corbadoAnswerInvalid: .corbadoAnswerInvalid
      case .corbadoMisconfigured: .corbadoMisconfigured
      case .corbadoUnreachable: .corbadoUnreachable
      case .passkeyDataMalformed: .passkeyDataMalformed
      case .passkeyDataRefused: .passkeyDataRefused
      case .passkeyDataReplayed: .passkeyDataReplayed
      case .identityUnlinked: .identityUnlinked
      case .refreshTokenRefused: .refreshTokenRefused
      case .refreshTokenReused: .refreshTokenReused
      case .identityUnavailable: .identityUnavailable
      case .rateLimited: .rateLimited
      case .internalError: .internalError
      }
  }

  /// For the counters: dense, from 0.
  public var number: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
