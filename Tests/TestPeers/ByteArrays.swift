public import JOSE
public import OpenSSL

// The same calls over arrays: `#expect` cannot take a `Span` apart, and Swift 6.3 crashes on the span of a temporary
// next to `try`.

extension PublicKey {
  public convenience init(rsaModulus modulus: [UInt8], exponent: [UInt8]) throws(KeyFailure) {
    try self.init(rsaModulus: modulus.span, exponent: exponent.span)
  }

  public convenience init(curve: Curve, x: [UInt8], y: [UInt8]) throws(KeyFailure) {
    try self.init(curve: curve, x: x.span, y: y.span)
  }

  public convenience init(ed25519 x: [UInt8]) throws(KeyFailure) { try self.init(ed25519: x.span) }

  public convenience init(pem: [UInt8]) throws(KeyFailure) { try self.init(pem: pem.span) }

  public func accepts(_ signature: [UInt8], over content: [UInt8], _ algorithm: SignatureAlgorithm) -> Bool {
    isValid(signature: signature.span, over: content.span, algorithm: algorithm)
  }
}

extension PrivateKey {
  public convenience init(pem: [UInt8]) throws(KeyFailure) { try self.init(pem: pem.span) }

  public func sign(_ content: [UInt8], _ algorithm: SignatureAlgorithm) throws(KeyFailure) -> [UInt8] {
    try signature(over: content.span, algorithm: algorithm)
  }
}

extension MessageAuthenticationKey {
  public convenience init(secret: [UInt8], hash: HashFunction) throws(KeyFailure) {
    try self.init(secret: secret.span, hash: hash)
  }

  public func tag(over content: [UInt8]) -> [UInt8] { tag(over: content.span) }

  public func accepts(_ tag: [UInt8], over content: [UInt8]) -> Bool { isValid(tag: tag.span, over: content.span) }
}

extension HashFunction {
  public func digest(of content: [UInt8]) -> [UInt8] { digest(of: content.span) }
}

/// The UTF-8 of a text.
public func bytes(_ text: String) -> [UInt8] { [UInt8](text.utf8) }

extension VerificationKey {
  public init(jwk text: String, allowsSecrets: Bool = false) throws(JWKRefusal) {
    let text = bytes(text)
    try self.init(jwk: text.span, allowsSecrets: allowsSecrets)
  }

  public init(secret: [UInt8], keyID: String? = nil, allowsShort: Bool = false) throws(KeyFailure) {
    try self.init(secret: secret.span, keyID: keyID, allowsShort: allowsShort)
  }
}

extension JWKSet {
  public init(_ text: String, maximumBytes: Int = 1 << 20, allowsSecrets: Bool = false) throws(JWKSetError) {
    let text = bytes(text)
    try self.init(text.span, maximumBytes: maximumBytes, allowsSecrets: allowsSecrets)
  }
}

extension CompactJWS {
  public init(_ token: String, maximumBytes: Int = 16_384) throws(TokenError) {
    let token = bytes(token)
    try self.init(token.span, maximumBytes: maximumBytes)
  }
}

extension TokenReader {
  public mutating func read(_ token: String, maximumBytes: Int = 16_384) throws(TokenError) {
    let token = bytes(token)
    try read(token.span, maximumBytes: maximumBytes)
  }

  /// The claims of a token, or why it is refused.
  public static func claims(of token: String, key: VerificationKey) throws(TokenError) -> Claims {
    var reader = TokenReader()
    try reader.read(token)
    return try reader.verify(with: key)
  }
}

extension JSONDocument {
  public init(_ text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    let text = TestPeers.bytes(text)
    try self.init(text.span, limits: limits)
  }
}

extension Base64URL {
  public static func decode(_ text: String) throws(Base64URLError) -> [UInt8] {
    let text = bytes(text)
    return try decode(text.span)
  }

  public static func encode(_ content: [UInt8]) -> String { encode(content.span) }
}
