internal import COpenSSL

/// Why a TLS session cannot go on. The alert for the peer, if one is due, is in the session's output.
public enum TLSFailure: Error, Equatable, Sendable {
  /// No chain to a trusted authority.
  case certificateUnknownAuthority
  case certificateExpired
  case certificateNotYetValid
  /// The certificate is for other names.
  case hostNameMismatch
  /// Another fault of the certificate; the code is an `X509_V_ERR_…` number.
  case certificateRefused(code: Int)
  /// The peer gave up; the description is a number of RFC 8446 §6.
  case peerAlert(description: UInt8)
  /// What came is no TLS, or not of an accepted version.
  case notTLS
  /// Another violation of the protocol; the code is a reason number of the library.
  case protocolViolation(code: Int)
  /// The session was closed by us, or had failed before.
  case closed
  /// Memory or entropy.
  case libraryFailed
}

extension TLSFailure: CustomStringConvertible {
  /// A short text for logs, free of anything that the peer chose.
  public var description: String {
    switch self {
    case .certificateUnknownAuthority: "certificate of an unknown authority"
    case .certificateExpired: "certificate expired"
    case .certificateNotYetValid: "certificate not yet valid"
    case .hostNameMismatch: "certificate for another host name"
    case .certificateRefused(let code): unsafe Self.text(X509_verify_cert_error_string(code)) ?? "certificate refused"
    case .peerAlert(let description):
      "peer sent alert: \(unsafe Self.text(SSL_alert_desc_string_long(Int32(description))) ?? "unknown")"
    case .notTLS: "peer does not speak TLS 1.2 or later"
    case .protocolViolation(let code):
      unsafe Self.text(ERR_reason_error_string(UInt(ERR_LIB_SSL) << 23 | UInt(truncatingIfNeeded: code)))
        ?? "protocol violation \(code)"
    case .closed: "session closed"
    case .libraryFailed: "TLS library failed"
    }
  }

  private static func text(_ pointer: UnsafePointer<CChar>?) -> String? {
    unsafe pointer.map { unsafe String(cString: $0) }
  }
}

extension TLSFailure {
  /// The failure that the last call on `session` left behind; reads this thread's error queue.
  init(of session: OpaquePointer) {
    let code = ERR_peek_error()
    let reason = Int(ERR_GET_REASON(code))
    if ERR_GET_LIB(code) == ERR_LIB_SSL, (SSL_AD_REASON_OFFSET + 1..<SSL_AD_REASON_OFFSET + 256).contains(Int32(reason))
    {
      self = .peerAlert(description: UInt8(reason - Int(SSL_AD_REASON_OFFSET)))
      return
    }
    if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
      self = .init(verification: Int(unsafe SSL_get_verify_result(session)))
      return
    }
    switch Int32(reason) {
    case SSL_R_WRONG_VERSION_NUMBER, SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST,
      SSL_R_VERSION_TOO_LOW:
      self = .notTLS
    default:
      self = code == 0 ? .closed : .protocolViolation(code: reason)
    }
  }

  private init(verification result: Int) {
    switch Int32(result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
      X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
      X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
      self = .certificateUnknownAuthority
    case X509_V_ERR_CERT_HAS_EXPIRED: self = .certificateExpired
    case X509_V_ERR_CERT_NOT_YET_VALID: self = .certificateNotYetValid
    case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: self = .hostNameMismatch
    default: self = .certificateRefused(code: result)
    }
  }
}

/// Why a TLS context cannot be made of what was configured.
public enum TLSConfigurationError: Error, Equatable, Sendable {
  /// No certificate in the PEM text, or one that cannot be read.
  case certificateMalformed
  /// The same of a list of authorities.
  case authoritiesMalformed
  /// A certificate that the library's policy does not allow, such as one with a key that is too short.
  case certificateRefused
  case privateKeyRefused(KeyFailure)
  /// The private key is not the one of the certificate.
  case privateKeyMismatch
  /// An application protocol name that is empty or longer than 255 bytes.
  case protocolNameInvalid
  case libraryFailed
}
