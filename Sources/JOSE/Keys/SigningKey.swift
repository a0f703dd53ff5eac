public import OpenSSL

/// Why nothing was signed, for those who mint and know no OpenSSL.
public typealias SigningFailure = KeyFailure

/// A key that mints tokens with one algorithm.
public struct SigningKey: Sendable {
  /// `kid` of what it mints; nil leaves it out.
  public let keyID: String?
  public let algorithm: Algorithm
  private let material: Material

  private enum Material: Sendable {
    case privateKey(PrivateKey, SignatureAlgorithm)
    case secret(MessageAuthenticationKey)
  }

  /// A private key; its ID is the JWK thumbprint (RFC 7638) unless one is given, or none is wanted.
  ///
  /// - Throws: ``OpenSSL/KeyFailure/algorithmRefused`` if the algorithm does not fit the key.
  public init(
    _ privateKey: PrivateKey, algorithm: Algorithm, keyID: String? = nil, isAnonymous: Bool = false
  ) throws(KeyFailure) {
    guard let signatureAlgorithm = algorithm.signature, privateKey.kind.fits(signatureAlgorithm) else {
      throw .algorithmRefused
    }
    self.algorithm = algorithm
    if keyID != nil || isAnonymous {
      self.keyID = keyID
    } else {
      self.keyID = try privateKey.publicKey.thumbprint()
    }
    material = .privateKey(privateKey, signatureAlgorithm)
  }

  /// A secret of at least the hash's size, unless `allowsShort`.
  public init(
    secret: Span<UInt8>, algorithm: Algorithm, keyID: String? = nil, allowsShort: Bool = false
  ) throws(KeyFailure) {
    guard let hash = algorithm.messageAuthentication, allowsShort || secret.count >= hash.digestBytes else {
      throw .algorithmRefused
    }
    self.algorithm = algorithm
    self.keyID = keyID
    material = .secret(try MessageAuthenticationKey(secret: secret, hash: hash))
  }

  /// The public half; nil for a secret.
  public var publicKey: PublicKey? {
    if case .privateKey(let key, _) = material { key.publicKey } else { nil }
  }

  /// The key that verifies what this one mints, for this algorithm only; nil for a secret.
  public var verificationKey: VerificationKey? {
    publicKey.map { VerificationKey($0, keyID: keyID, restrictedTo: algorithm) }
  }

  /// A compact JWS (RFC 7515 §7.1) over `payload`.
  ///
  /// - Parameter type: `typ` of the header; nil leaves it out.
  public func mint(_ payload: Span<UInt8>, type: String?) throws(KeyFailure) -> [UInt8] {
    var header = JSONWriter()
    header.beginObject()
    header.member("alg", algorithm.name)
    if let type { header.member("typ", type) }
    if let keyID { header.member("kid", keyID) }
    header.endObject()
    return try sign(header: header.bytes.span, payload: payload)
  }

  /// A compact JWS over `claims`.
  public func mint(_ claims: JSONWriter, type: String?) throws(KeyFailure) -> [UInt8] {
    try mint(claims.bytes.span, type: type)
  }

  /// Signs any header: the caller answers for its `alg`.
  func sign(header: Span<UInt8>, payload: Span<UInt8>) throws(KeyFailure) -> [UInt8] {
    var token: [UInt8] = []
    Base64URL.encode(header, appendingTo: &token)
    token.append(UInt8(ascii: "."))
    Base64URL.encode(payload, appendingTo: &token)
    let signature =
      switch material {
      case .privateKey(let key, let algorithm): try key.signature(over: token.span, algorithm: algorithm)
      case .secret(let key): key.tag(over: token.span)
      }
    token.append(UInt8(ascii: "."))
    Base64URL.encode(signature.span, appendingTo: &token)
    return token
  }
}

extension PublicKey {
  /// The JWK thumbprint with SHA-256 (RFC 7638 §3), in base64url.
  public func thumbprint() throws(KeyFailure) -> String {
    var writer = JSONWriter()
    writer.beginObject()
    // The required members alone, in lexicographic order.
    switch try members() {
    case .rsa(let modulus, let exponent):
      writer.member("e", Base64URL.encode(exponent.span))
      writer.member("kty", "RSA")
      writer.member("n", Base64URL.encode(modulus.span))
    case .ellipticCurve(let curve, let x, let y):
      writer.member("crv", curve.jwkName)
      writer.member("kty", "EC")
      writer.member("x", Base64URL.encode(x.span))
      writer.member("y", Base64URL.encode(y.span))
    case .ed25519(let x):
      writer.member("crv", "Ed25519")
      writer.member("kty", "OKP")
      writer.member("x", Base64URL.encode(x.span))
    }
    writer.endObject()
    return Base64URL.encode(HashFunction.sha256.digest(of: writer.bytes.span).span)
  }
}

extension Curve {
  /// `crv` (RFC 7518 §6.2.1.1).
  var jwkName: String {
    switch self {
    case .p256: "P-256"
    case .p384: "P-384"
    case .p521: "P-521"
    }
  }
}

extension JSONWriter {
  /// A public key as a JWK (RFC 7517 §4) for verifying signatures.
  public mutating func jwk(_ key: PublicKey, keyID: String?, algorithm: Algorithm?) throws(KeyFailure) {
    let members = try key.members()
    beginObject()
    switch members {
    case .rsa(let modulus, let exponent):
      member("kty", "RSA")
      member("n", Base64URL.encode(modulus.span))
      member("e", Base64URL.encode(exponent.span))
    case .ellipticCurve(let curve, let x, let y):
      member("kty", "EC")
      member("crv", curve.jwkName)
      member("x", Base64URL.encode(x.span))
      member("y", Base64URL.encode(y.span))
    case .ed25519(let x):
      member("kty", "OKP")
      member("crv", "Ed25519")
      member("x", Base64URL.encode(x.span))
    }
    member("use", "sig")
    if let algorithm { member("alg", algorithm.name) }
    if let keyID { member("kid", keyID) }
    endObject()
  }

  /// The public halves of `keys` as a JWK Set (RFC 7517 §5); secrets are left out.
  public mutating func jwkSet(_ keys: [SigningKey]) throws(KeyFailure) {
    beginObject()
    name("keys")
    beginArray()
    for key in keys {
      guard let publicKey = key.publicKey else { continue }
      try jwk(publicKey, keyID: key.keyID, algorithm: key.algorithm)
    }
    endArray()
    endObject()
  }
}
