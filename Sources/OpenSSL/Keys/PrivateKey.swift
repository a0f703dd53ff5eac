internal import COpenSSL

/// A private key that signs; the key policy of ``PublicKey`` holds.
///
/// `@unchecked Sendable`: as for ``PublicKey``.
@safe public final class PrivateKey: @unchecked Sendable {
  private let material: KeyMaterial
  private let contexts: OperationContexts
  /// The public half.
  public let publicKey: PublicKey

  public var kind: KeyKind { material.kind }

  private init(_ material: consuming KeyMaterial) throws(KeyFailure) {
    contexts = try OperationContexts(material, for: .sign)
    publicKey = try PublicKey(Self.publicHalf(of: material))
    self.material = material
  }

  /// Kinds that can be generated.
  public enum Generated: CaseIterable, Sendable { case p256, rsa2048, ed25519 }

  /// A new key.
  public static func generate(_ kind: Generated) throws(KeyFailure) -> PrivateKey {
    try PrivateKey(generating: kind)
  }

  private convenience init(generating kind: Generated) throws(KeyFailure) {
    let material = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      let name =
        switch kind {
        case .p256: "EC"
        case .rsa2048: "RSA"
        case .ed25519: "ED25519"
        }
      guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, name, nil) else { throw .libraryFailed }
      defer { unsafe EVP_PKEY_CTX_free(context) }
      guard unsafe EVP_PKEY_keygen_init(context) == 1 else { throw .libraryFailed }
      let configured =
        switch kind {
        case .p256: unsafe EVP_PKEY_CTX_set_group_name(context, lasting(Curve.p256.groupName))
        case .rsa2048: unsafe EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048)
        case .ed25519: Int32(1)
        }
      var key: OpaquePointer?
      guard configured == 1, unsafe EVP_PKEY_generate(context, &key) == 1, let key = unsafe key else {
        throw .libraryFailed
      }
      return try unsafe KeyMaterial(adopting: key)
    }
    try self.init(material)
  }

  /// The first private key of a PEM text: `PRIVATE KEY` (RFC 7468 §10), `RSA PRIVATE KEY` or `EC PRIVATE KEY`.
  public convenience init(pem: Span<UInt8>) throws(KeyFailure) {
    try self.init(KeyMaterial(privatePEM: pem))
  }

  /// The signature over `content`, in the form that a JWS carries.
  ///
  /// - Throws: `algorithmRefused` if the algorithm does not fit the key, `libraryFailed`.
  public func signature(over content: Span<UInt8>, algorithm: SignatureAlgorithm) throws(KeyFailure) -> [UInt8] {
    guard let template = unsafe contexts.template(for: algorithm) else { throw .algorithmRefused }
    let signature = try withEmptyErrorQueue { () throws(KeyFailure) -> [UInt8] in
      guard let hash = algorithm.hash else { return try unsafe Self.ed25519Signature(template, content) }
      var digest = HashFunction.DigestStorage(repeating: 0)
      hash.digest(of: content, into: &digest)
      return try unsafe Self.signature(template, digest.span.extracting(first: hash.digestBytes))
    }
    guard case .ellipticCurve(let curve) = kind else { return signature }
    guard let fixed = ECDSASignature.fixedLength(der: signature.span, coordinateBytes: curve.coordinateBytes) else {
      throw .libraryFailed
    }
    return fixed
  }

  private static func signature(_ template: OpaquePointer, _ digest: Span<UInt8>) throws(KeyFailure) -> [UInt8] {
    guard let context = unsafe EVP_PKEY_CTX_dup(template) else { throw .libraryFailed }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    // The longest: RSA of 8,192 bits.
    var signature = [UInt8](repeating: 0, count: 1024)
    var count = signature.count
    let signed = unsafe signature.withUnsafeMutableBufferPointer { signature in
      unsafe digest.withUnsafeBufferPointer { digest in
        unsafe EVP_PKEY_sign(context, signature.baseAddress, &count, digest.baseAddress, digest.count)
      }
    }
    guard signed == 1, count <= signature.count else { throw .libraryFailed }
    signature.removeLast(signature.count - count)
    return signature
  }

  private static func ed25519Signature(_ template: OpaquePointer, _ content: Span<UInt8>) throws(KeyFailure) -> [UInt8]
  {
    guard let context = unsafe EVP_MD_CTX_new() else { throw .libraryFailed }
    defer { unsafe EVP_MD_CTX_free(context) }
    var signature = [UInt8](repeating: 0, count: 64)
    var count = signature.count
    let signed = unsafe signature.withUnsafeMutableBufferPointer { signature in
      unsafe content.withUnsafeBufferPointer { content in
        unsafe EVP_MD_CTX_copy_ex(context, template) == 1
          && EVP_DigestSign(context, signature.baseAddress, &count, content.baseAddress, content.count) == 1
      }
    }
    guard signed, count == 64 else { throw .libraryFailed }
    return signature
  }

  /// The key as an unencrypted `PRIVATE KEY` block (PKCS #8, RFC 7468 §10). Keep it where only the owner can read it.
  public func pem() throws(KeyFailure) -> [UInt8] {
    try withEmptyErrorQueue { () throws(KeyFailure) -> [UInt8] in
      let output = try MemoryOutput()
      guard unsafe PEM_write_bio_PKCS8PrivateKey(output.pointer, material.pointer, nil, nil, 0, nil, nil) == 1 else {
        throw .libraryFailed
      }
      return output.bytes()
    }
  }

  private static func publicHalf(of material: borrowing KeyMaterial) throws(KeyFailure) -> KeyMaterial {
    let output = try MemoryOutput()
    guard unsafe PEM_write_bio_PUBKEY(output.pointer, material.pointer) == 1,
      let key = unsafe PEM_read_bio_PUBKEY(output.pointer, nil, refusePassphrase, nil)
    else { throw .libraryFailed }
    return try unsafe KeyMaterial(adopting: key)
  }
}
