/// Reads JWTs (RFC 7519 §7.2) one after the other in the same memory: `read`, choose issuer and key, `verify`.
///
/// ``Claims`` come out of a verified token only; before that nothing but the issuer can be peeked at.
public struct TokenReader: Sendable {
  private var jws = CompactJWS()
  private var document = JSONDocument()

  /// Depth of the claims. Above: ``TokenError/malformed``.
  public static let maximumDepthCount = 32

  public init() {}

  /// Takes a token apart.
  ///
  /// - Parameter maximumBytes: of the whole token. Above: ``TokenError/tooLarge``.
  /// - Throws: as ``CompactJWS/read(_:maximumBytes:)``; ``TokenError/malformed`` also if the payload is no strict JSON
  ///   object.
  public mutating func read(_ token: Span<UInt8>, maximumBytes: Int) throws(TokenError) {
    document.removeAll()
    try jws.read(token, maximumBytes: maximumBytes)
    swap(&document.bytes, &jws.unverifiedPayload)
    do {
      try document.parseBytes(limits: JSONLimits(textBytes: maximumBytes, depthCount: Self.maximumDepthCount))
    } catch { throw .malformed }
    guard document.kind(of: document.root) == .object else { throw .malformed }
  }

  public var header: JOSEHeader { jws.header }

  /// Whether `iss` is `issuer`, byte for byte. **Not verified**: it may choose the keys to verify with, nothing else.
  public func unverifiedIssuerIs(_ issuer: String) -> Bool {
    document.member("iss").map { document.isString($0, equalTo: issuer) } ?? false
  }

  /// `iss`, for logs; **not verified**.
  public var unverifiedIssuer: String? { document.member("iss").flatMap { document.string($0) } }

  /// The claims, once the signature is found to be that of `key` and the registered claims have their types.
  /// Afterwards the reader is empty.
  ///
  /// - Throws: ``TokenError/algorithmRefused``, ``TokenError/signatureInvalid``, ``TokenError/claimInvalid``
  public mutating func verify(with key: VerificationKey) throws(TokenError) -> Claims {
    try jws.verify(with: key)
    var verified = JSONDocument()
    swap(&verified, &document)
    return try Claims(verified)
  }
}
