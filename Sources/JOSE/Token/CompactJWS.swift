/// A JWS in compact serialization (RFC 7515 §7.1), taken apart. Reading another one reuses the memory.
///
/// The signing input is kept, so that what is verified is what was read, whatever becomes of the caller's buffer.
public struct CompactJWS: Sendable {
  public private(set) var header = JOSEHeader()
  /// The decoded payload: **not verified** until ``verify(with:)`` has returned.
  public internal(set) var unverifiedPayload: [UInt8] = []
  private var signingInput: [UInt8] = []
  private var signature: [UInt8] = []

  public init() {}

  public init(_ token: Span<UInt8>, maximumBytes: Int) throws(TokenError) {
    try read(token, maximumBytes: maximumBytes)
  }

  /// Takes `token` apart and judges its header; the signature is looked at in ``verify(with:)``.
  ///
  /// - Throws: ``TokenError/tooLarge``, ``TokenError/malformed``, ``TokenError/algorithmRefused``,
  ///   ``TokenError/criticalRefused``
  public mutating func read(_ token: Span<UInt8>, maximumBytes: Int) throws(TokenError) {
    unverifiedPayload.removeAll(keepingCapacity: true)
    signingInput.removeAll(keepingCapacity: true)
    signature.removeAll(keepingCapacity: true)
    guard token.count <= maximumBytes else { throw .tooLarge }
    guard let firstDot = Self.dot(in: token, from: 0), let secondDot = Self.dot(in: token, from: firstDot + 1),
      Self.dot(in: token, from: secondDot + 1) == nil
    else { throw .malformed }
    try header.parse(encoded: token.extracting(..<firstDot))
    do {
      try Base64URL.decode(token.extracting(firstDot + 1..<secondDot), appendingTo: &unverifiedPayload)
      try Base64URL.decode(token.extracting((secondDot + 1)...), appendingTo: &signature)
    } catch { throw .malformed }
    signingInput.append(copying: token.extracting(..<secondDot))
  }

  /// Whether the signature is that of `key`, with the header's algorithm.
  ///
  /// - Throws: ``TokenError/algorithmRefused`` if the algorithm does not fit the key, ``TokenError/signatureInvalid``
  public func verify(with key: VerificationKey) throws(TokenError) {
    guard key.algorithms.contains(header.algorithm) else { throw .algorithmRefused }
    guard key.isValid(signature: signature.span, over: signingInput.span, algorithm: header.algorithm) else {
      throw .signatureInvalid
    }
  }

  private static func dot(in token: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    while index < token.count {
      if token[index] == UInt8(ascii: ".") { return index }
      index += 1
    }
    return nil
  }
}
