public import HTTPClient

/// Why a fetch of keys failed.
public enum KeyFetchFailure: Error, Equatable, Sendable {
  case outbound(OutboundFailure)
  /// An answer other than 200, or 304 to a conditional request.
  case status(Int)
  /// Redirects are not followed: the final URL is to be configured.
  case redirected
  /// No JWK Set (RFC 7517 §5), or no public key in PEM.
  case malformed
  /// More keys in one set than are accepted.
  case tooManyKeys
  /// No key that could verify a token; a secret that is too short.
  case noUsableKey
  /// No JSON object, or without a usable `jwks_uri` (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
  case metadataMalformed
  /// The metadata is that of another issuer (RFC 8414 §3.3).
  case metadataIssuerMismatch
  /// `jwks_uri` is an `http` URL that is not allowed.
  case metadataCleartext
  case fileUnreadable
  /// The fetch did not end within its time.
  case unfinished

  /// For logs, readiness and the metric's label: one of ``labels``.
  public var label: String {
    switch self {
    case .outbound(let failure): failure.kind.rawValue
    case .status: "status"
    case .redirected: "redirected"
    case .malformed: "malformed"
    case .tooManyKeys: "too_many_keys"
    case .noUsableKey: "no_usable_key"
    case .metadataMalformed: "metadata_malformed"
    case .metadataIssuerMismatch: "metadata_issuer_mismatch"
    case .metadataCleartext: "metadata_cleartext"
    case .fileUnreadable: "file_unreadable"
    case .unfinished: "unfinished"
    }
  }

  /// Every label there is.
  public static let labels =
    OutboundFailure.Kind.allCases.map(\.rawValue) + [
      "status", "redirected", "malformed", "too_many_keys", "no_usable_key", "metadata_malformed",
      "metadata_issuer_mismatch", "metadata_cleartext", "file_unreadable", "unfinished",
    ]

  /// What the operator needs besides the label; nothing that was sent or received.
  public var detail: String {
    switch self {
    case .outbound(let failure): failure.detail
    case .status(let status): String(status)
    case .redirected: "redirects are not followed: configure the final URL"
    default: ""
    }
  }
}
