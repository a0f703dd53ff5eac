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
