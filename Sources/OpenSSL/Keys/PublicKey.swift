internal import COpenSSL

/// A public key that has passed the key policy: RSA of 2,048 to 8,192 bits with an odd exponent of at most 32 bits,
/// a point of P-256, P-384 or P-521, or an Ed25519 key.
///
/// `@unchecked Sendable`: key and contexts are complete when `init` returns and are only read afterwards (see
/// ``OperationContexts``); every verification runs in a duplicate of its own.
@safe public final class PublicKey: @unchecked Sendable {
  private let material: KeyMaterial
  private let contexts: OperationContexts

  public var kind: KeyKind { material.kind }

  init(_ material: consuming KeyMaterial) throws(KeyFailure) {
    contexts = try OperationContexts(material, for: .verify)
    self.material = material
  }

  /// RFC 7518 §6.3.1: modulus and exponent, big-endian. Leading zeros, which some issuers write, are ignored.
  public convenience init(rsaModulus modulus: Span<UInt8>, exponent: Span<UInt8>) throws(KeyFailure) {
    // Bounds the work before the numbers are looked at.
    guard modulus.count <= 1025 else { throw .modulusRefused }
    guard exponent.count <= 8 else { throw .exponentRefused }
    let material = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      guard let n = unsafe Self.number(modulus) else { throw .libraryFailed }
      defer { unsafe BN_free(n) }
      guard let e = unsafe Self.number(exponent) else { throw .libraryFailed }
      defer { unsafe BN_free(e) }
      let key = try unsafe KeyMaterial.makePublicKey(type: "RSA") { builder in
        unsafe OSSL_PARAM_BLD_push_BN(builder, lasting("n"), n) == 1
          && OSSL_PARAM_BLD_push_BN(builder, lasting("e"), e) == 1
      }
      return try unsafe KeyMaterial(adopting: key)
    }
    try self.init(material)
  }

  /// RFC 7518 §6.2.1: both coordinates at full length.
  public convenience init(curve: Curve, x: Span<UInt8>, y: Span<UInt8>) throws(KeyFailure) {
    guard x.count == curve.coordinateBytes, y.count == curve.coordinateBytes else { throw .pointRefused }
    var point: [UInt8] = [0x04]
    point.reserveCapacity(1 + 2 * curve.coordinateBytes)
    for index in x.indices { point.append(x[index]) }
    for index in y.indices { point.append(y[index]) }
    let material = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      let key = try unsafe point.withUnsafeBufferPointer { point throws(KeyFailure) in
        try unsafe KeyMaterial.makePublicKey(type: "EC") { builder in
          unsafe OSSL_PARAM_BLD_push_utf8_string(builder, lasting("group"), lasting(curve.groupName), 0) == 1
            && OSSL_PARAM_BLD_push_octet_string(builder, lasting("pub"), point.baseAddress, point.count) == 1
        }
      }
      return try unsafe KeyMaterial(adopting: key)
    }
    try self.init(material)
  }

  /// RFC 8037 §2: the 32 bytes of `x`.
  public convenience init(ed25519 x: Span<UInt8>) throws(KeyFailure) {
    guard x.count == 32 else { throw .pointRefused }
    let material = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      let key = unsafe x.withUnsafeBufferPointer { x in
        unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, x.baseAddress, x.count)
      }
      guard let key = unsafe key else { throw .malformed }
      return try unsafe KeyMaterial(adopting: key)
    }
    try self.init(material)
  }

  /// The first `PUBLIC KEY` block (RFC 7468 §13, SubjectPublicKeyInfo) of a PEM text.
  public convenience init(pem: Span<UInt8>) throws(KeyFailure) {
    let material = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      let input = try MemoryInput(pem)
      guard let key = unsafe PEM_read_bio_PUBKEY(input.pointer, nil, refusePassphrase, nil) else { throw .malformed }
      return try unsafe KeyMaterial(adopting: key)
    }
    try self.init(material)
  }

  /// True if `signature` is this key's over `content`; false for whatever else, an algorithm that does not fit
  /// included.
  public func isValid(
    signature: Span<UInt8>, over content: Span<UInt8>, algorithm: SignatureAlgorithm
  ) -> Bool {
    guard let template = unsafe contexts.template(for: algorithm) else { return false }
    return withEmptyErrorQueue {
      guard let hash = algorithm.hash else {
        return unsafe Self.ed25519IsValid(template, signature, content)
      }
      var digest = HashFunction.DigestStorage(repeating: 0)
      hash.digest(of: content, into: &digest)
      let digestSpan = digest.span.extracting(first: hash.digestBytes)
      guard case .ellipticCurve(let curve) = kind else { return unsafe Self.isValid(template, signature, digestSpan) }
      guard let form = ECDSASignature(fixedLength: signature, coordinateBytes: curve.coordinateBytes) else {
        return false
      }
      return unsafe Self.isValid(template, form.der.span.extracting(first: form.derCount), digestSpan)
    }
  }

  private static func isValid(_ template: OpaquePointer, _ signature: Span<UInt8>, _ digest: Span<UInt8>) -> Bool {
    guard let context = unsafe EVP_PKEY_CTX_dup(template) else { return false }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    return unsafe signature.withUnsafeBufferPointer { signature in
      unsafe digest.withUnsafeBufferPointer { digest in
        unsafe EVP_PKEY_verify(context, signature.baseAddress, signature.count, digest.baseAddress, digest.count) == 1
      }
    }
  }

  private static func ed25519IsValid(
    _ template: OpaquePointer, _ signature: Span<UInt8>, _ content: Span<UInt8>
  ) -> Bool {
    guard signature.count == 64, let context = unsafe EVP_MD_CTX_new() else { return false }
    defer { unsafe EVP_MD_CTX_free(context) }
    guard unsafe EVP_MD_CTX_copy_ex(context, template) == 1 else { return false }
    return unsafe signature.withUnsafeBufferPointer { signature in
      unsafe content.withUnsafeBufferPointer { content in
        unsafe EVP_DigestVerify(context, signature.baseAddress, signature.count, content.baseAddress, content.count)
          == 1
      }
    }
  }

  /// The members that a JWK names (RFC 7518 §6), as bytes.
  public enum Members: Equatable, Sendable {
    case rsa(modulus: [UInt8], exponent: [UInt8])
    case ellipticCurve(Curve, x: [UInt8], y: [UInt8])
    case ed25519(x: [UInt8])
  }

  public func members() throws(KeyFailure) -> Members {
    try withEmptyErrorQueue { () throws(KeyFailure) -> Members in
      switch kind {
      case .rsa:
        return try unsafe .rsa(
          modulus: KeyMaterial.integer("n", of: material.pointer),
          exponent: KeyMaterial.integer("e", of: material.pointer))
      case .ellipticCurve(let curve):
        let x = try unsafe KeyMaterial.integer("qx", of: material.pointer)
        let y = try unsafe KeyMaterial.integer("qy", of: material.pointer)
        return .ellipticCurve(curve, x: Self.padded(x, to: curve), y: Self.padded(y, to: curve))
      case .ed25519:
        return try unsafe .ed25519(x: KeyMaterial.bytes("pub", of: material.pointer))
      }
    }
  }

  private static func padded(_ magnitude: [UInt8], to curve: Curve) -> [UInt8] {
    [UInt8](repeating: 0, count: max(0, curve.coordinateBytes - magnitude.count)) + magnitude
  }

  private static func number(_ magnitude: Span<UInt8>) -> OpaquePointer? {
    unsafe magnitude.withUnsafeBufferPointer { buffer in
      unsafe BN_bin2bn(buffer.baseAddress, Int32(buffer.count), nil)
    }
  }
}
