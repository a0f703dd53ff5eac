/// Why a codec refuses a message. For requests each case is one of the proxy's reasons; the rule behind it is for logs.
public enum MessageError: Error, Equatable, Sendable {
  case requestMalformed(Violation)
  /// `Host`, `:authority` or the authority of the target is missing, repeated or no authority.
  case authorityInvalid(Violation)
  /// More or fewer bytes of content than `Content-Length` says (HTTP/2; in HTTP/1.1 the length cannot be wrong).
  case contentLengthMismatch
  case upgradeMalformed(Violation)
  /// Above a limit on header or trailer sections: bytes or fields.
  case headerSectionTooLarge
  case requestLineTooLarge
  /// `Expect` with anything but `100-continue` (RFC 9110 §10.1.1).
  case expectationFailed
  /// TRACE, and CONNECT without a protocol.
  case methodNotAllowed
  /// The app's answer is no HTTP message, or one that cannot be relayed safely.
  case responseMalformed(Violation)

  /// The error for a request that breaks this rule.
  public init(request violation: Violation) {
    switch violation {
    case .authority, .hostMissing, .hostRepeated: self = .authorityInvalid(violation)
    case .contentLengthUnmet: self = .contentLengthMismatch
    case .protocolSwitch, .webSocketHandshake: self = .upgradeMalformed(violation)
    case .sectionBytes, .fieldCount: self = .headerSectionTooLarge
    case .requestLineBytes: self = .requestLineTooLarge
    case .expectation: self = .expectationFailed
    case .method: self = .methodNotAllowed
    default: self = .requestMalformed(violation)
    }
  }

  /// The error for a response that breaks this rule.
  public init(response violation: Violation) {
    self = .responseMalformed(violation)
  }

  /// The rule that was broken, for logs.
  public var violation: Violation {
    switch self {
    case .requestMalformed(let rule), .authorityInvalid(let rule), .upgradeMalformed(let rule),
      .responseMalformed(let rule):
      rule
    case .contentLengthMismatch: .contentLengthUnmet
    case .headerSectionTooLarge: .sectionBytes
    case .requestLineTooLarge: .requestLineBytes
    case .expectationFailed: .expectation
    case .methodNotAllowed: .method
    }
  }
}

/// The rules of RFC 9110, 9112 and 9113 that a message can break; the raw value is what logs say.
public enum Violation: String, Error, Sendable {
  // Start line.
  case startLine = "start-line"
  case methodToken = "method-token"
  case targetBytes = "target-bytes"
  case targetForm = "target-form"
  case version = "version"
  case status = "status"
  case requestLineBytes = "request-line-bytes"
  case method = "method"

  // Field lines of header and trailer sections.
  case lineEnd = "line-end"
  case lineFolding = "line-folding"
  case fieldName = "field-name"
  case spaceBeforeColon = "space-before-colon"
  case fieldValue = "field-value"
  case sectionBytes = "section-bytes"
  case fieldCount = "field-count"
  case connectionOptions = "connection-options"
  case expectation = "expectation"

  // Authority.
  case authority = "authority"
  case hostMissing = "host-missing"
  case hostRepeated = "host-repeated"
  case hostDiffers = "host-differs-from-target"

  // Framing.
  case contentLength = "content-length"
  case contentLengthRepeated = "content-length-repeated"
  case contentLengthUnmet = "content-length-unmet"
  case contentForbidden = "content-forbidden"
  case transferEncoding = "transfer-encoding"
  case transferEncodingWithLength = "transfer-encoding-with-content-length"
  case chunkSize = "chunk-size"
  case chunkExtension = "chunk-extension"
  case chunkEnd = "chunk-end"
  case truncated = "truncated"

  // Upgrades.
  case protocolSwitch = "protocol-switch"
  case webSocketHandshake = "websocket-handshake"

  // HTTP/2.
  case pseudoField = "pseudo-field"
  case connectionSpecificField = "connection-specific-field"
  case malformedStream = "malformed-stream"
}
