internal import COpenSSL

/// Owns one `EVP_PKEY` that has passed the key policy, and is not changed afterwards.
@safe struct KeyMaterial: ~Copyable {
  let pointer: OpaquePointer
  let kind: KeyKind

  /// Takes ownership of `pointer`, also when it throws.
  init(adopting pointer: OpaquePointer) throws(KeyFailure) {
    do throws(KeyFailure) {
      kind = try unsafe Self.judge(pointer)
    } catch {
      unsafe EVP_PKEY_free(pointer)
      throw error
    }
    unsafe self.pointer = pointer
  }

  deinit { unsafe EVP_PKEY_free(pointer) }

  /// The first private key of a PEM text.
  init(privatePEM pem: Span<UInt8>) throws(KeyFailure) {
    self = try withEmptyErrorQueue { () throws(KeyFailure) -> KeyMaterial in
      let input = try MemoryInput(pem)
      guard let key = unsafe PEM_read_bio_PrivateKey(input.pointer, nil, refusePassphrase, nil) else {
        throw .malformed
      }
      return try unsafe KeyMaterial(adopting: key)
    }
  }

  /// The key policy, for keys of every origin.
  private static func judge(_ pointer: OpaquePointer) throws(KeyFailure) -> KeyKind {
    switch unsafe EVP_PKEY_get_base_id(pointer) {
    case EVP_PKEY_RSA:
      let modulus = try unsafe integer("n", of: pointer)
      let exponent = try unsafe integer("e", of: pointer)
      guard RSAModulus.isAccepted(modulus), let bits = bitCount(modulus) else { throw .modulusRefused }
      guard let exponentBits = bitCount(exponent), (2...32).contains(exponentBits),
        exponent.last.map({ $0 & 1 == 1 }) == true
      else { throw .exponentRefused }
      return .rsa(modulusBits: bits)
    case EVP_PKEY_EC:
      var name = [CChar](repeating: 0, count: 64)
      var count = 0
      let found = unsafe name.withUnsafeMutableBufferPointer { name in
        unsafe EVP_PKEY_get_group_name(pointer, name.baseAddress, name.count, &count)
      }
      guard found == 1, count < name.count else { throw .unsupported }
      let group = String(decoding: name[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard let curve = Curve.allCases.first(where: { "\($0.groupName)" == group }) else { throw .unsupported }
      return .ellipticCurve(curve)
    case EVP_PKEY_ED25519:
      return .ed25519
    default:
      throw .unsupported
    }
  }

  private static func bitCount(_ magnitude: [UInt8]) -> Int? {
    guard let first = magnitude.first else { return nil }
    return magnitude.count * 8 - first.leadingZeroBitCount
  }

  /// A big integer of the key, big-endian and without leading zeros.
  static func integer(_ name: String, of pointer: OpaquePointer) throws(KeyFailure) -> [UInt8] {
    var number: OpaquePointer?
    guard unsafe EVP_PKEY_get_bn_param(pointer, name, &number) == 1, let number = unsafe number else {
      throw .malformed
    }
    defer { unsafe BN_free(number) }
    let count = Int(unsafe (BN_num_bits(number) + 7) / 8)
    return unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      initialised = Int(unsafe BN_bn2bin(number, buffer.baseAddress))
    }
  }

  /// A byte string of the key.
  static func bytes(_ name: String, of pointer: OpaquePointer) throws(KeyFailure) -> [UInt8] {
    var count = 0
    guard unsafe EVP_PKEY_get_octet_string_param(pointer, name, nil, 0, &count) == 1, count > 0 else {
      throw .malformed
    }
    var bytes = [UInt8](repeating: 0, count: count)
    let copied = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
      unsafe EVP_PKEY_get_octet_string_param(pointer, name, buffer.baseAddress, buffer.count, &count)
    }
    guard copied == 1, count == bytes.count else { throw .malformed }
    return bytes
  }

  /// A new public key from its named parts, owned by the caller. The builder only remembers where names and values are:
  /// what `parts` pushes must last until this function returns.
  static func makePublicKey(
    type: String, parts: (_ builder: OpaquePointer) -> Bool
  ) throws(KeyFailure) -> OpaquePointer {
    guard let builder = unsafe OSSL_PARAM_BLD_new() else { throw .libraryFailed }
    defer { unsafe OSSL_PARAM_BLD_free(builder) }
    guard unsafe parts(builder), let parameters = unsafe OSSL_PARAM_BLD_to_param(builder) else { throw .libraryFailed }
    defer { unsafe OSSL_PARAM_free(parameters) }
    guard let context = unsafe EVP_PKEY_CTX_new_from_name(nil, type, nil) else { throw .libraryFailed }
    defer { unsafe EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_fromdata_init(context) == 1,
      unsafe EVP_PKEY_fromdata(context, &key, COPENSSL_PKEY_PUBLIC_KEY, parameters) == 1, let key = unsafe key
    else { throw type == "EC" ? .pointRefused : .malformed }
    return unsafe key
  }
}
