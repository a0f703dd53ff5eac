/// Why one of our endpoints did not do what it was asked for. The raw value is what logs and metrics say; together with
/// the Gate's these are the closed set of reasons.
public enum LoginReason: String, Error, CaseIterable, Sendable {
  /// The content is no JSON object, has a member twice, or a member is missing or of another kind.
  case bodyMalformed = "body_malformed"
  case connectTokenTypeRefused = "connect_token_type_refused"
  /// The identity has no claim that could serve as identifier, or its identifier is no longer its own.
  case identifierMissing = "identifier_missing"
  case identifierUnverified = "identifier_unverified"
  /// The identifier is linked to another (issuer, subject).
  case identifierTaken = "identifier_taken"
  case stateUnavailable = "state_unavailable"
  /// Corbado answered, and not with what was asked for.
  case corbadoRefused = "corbado_refused"
  /// Corbado's answer cannot be understood.
  case corbadoAnswerInvalid = "corbado_answer_invalid"
  /// Corbado does not accept our credential: 401 or 403.
  case corbadoMisconfigured = "corbado_misconfigured"
  case corbadoUnreachable = "corbado_unreachable"
  /// Not the shape of signed passkey data, another project's, or outside of its time. Corbado was not asked.
  case passkeyDataMalformed = "passkey_data_malformed"
  case passkeyDataRefused = "passkey_data_refused"
  case passkeyDataReplayed = "passkey_data_replayed"
  case identityUnlinked = "identity_unlinked"
  /// Who knows whom the identifier stands for did not say: the directory, the confirmation or the identity provider.
  case identityUnavailable = "identity_unavailable"
  /// No refresh token of a session that goes on.
  case refreshTokenRefused = "refresh_token_refused"
  /// One that was exchanged before; the session ends with it.
  case refreshTokenReused = "refresh_token_reused"
  case rateLimited = "rate_limited"
  /// A bug, or no entropy or memory left.
  case internalError = "internal_error"

  public var status: UInt16 {
    switch self {
    case .bodyMalformed, .connectTokenTypeRefused: 400
    case .passkeyDataMalformed, .passkeyDataRefused, .passkeyDataReplayed, .identityUnlinked, .refreshTokenRefused,
      .refreshTokenReused:
      401
    case .identifierMissing, .identifierUnverified, .identifierTaken: 403
    case .rateLimited: 429
    case .corbadoRefused, .corbadoAnswerInvalid, .corbadoMisconfigured, .corbadoUnreachable, .identityUnavailable,
      .internalError:
      500
    case .stateUnavailable: 503
    }
  }
}
