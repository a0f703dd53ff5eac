import OpenSSL

extension COSEKey {
  /// Whether `signature`, in WebAuthn's form (section 6.5.6: ECDSA as a DER sequence), is this key's over `content`.
  func isValid(signature: [UInt8], over content: [UInt8]) -> Bool {
    switch self {
    case .es256(let x, let y):
      guard let key = try? PublicKey(curve: .p256, x: x.span, y: y.span),
        let fixed = DERSignature.fixedLength(signature, coordinateByteCount: 32)
      else { return false }
      return key.isValid(signature: fixed.span, over: content.span, algorithm: .es256)
    case .rs256(let modulus, let exponent):
      guard let key = try? PublicKey(rsaModulus: modulus.span, exponent: exponent.span) else { return false }
      return key.isValid(signature: signature.span, over: content.span, algorithm: .rs256)
    }
  }
}

/// ECDSA signatures as WebAuthn carries them: SEQUENCE { INTEGER r, INTEGER s } in DER; the library speaks r ‖ s.
enum DERSignature {
  /// r and s at full length; nil unless the sequence is in DER and both fit.
  static func fixedLength(_ der: [UInt8], coordinateByteCount: Int) -> [UInt8]? {
    // Below 128 bytes for P-256: short lengths only.
    guard der.count >= 2, der[0] == 0x30, der[1] < 0x80, Int(der[1]) == der.count - 2 else { return nil }
    var rest = der[2...]
    var fixed: [UInt8] = []
    for _ in 0..<2 {
      guard rest.count >= 2, rest.first == 0x02, let count = rest.dropFirst().first, count > 0,
        Int(count) <= rest.count - 2
      else {
        return nil
      }
      var magnitude = rest.dropFirst(2).prefix(Int(count))
      rest = rest.dropFirst(2 + Int(count))
      // Negative, or with a zero that nothing asks for: not DER.
      guard let first = magnitude.first, first < 0x80 else { return nil }
      if first == 0, magnitude.count > 1 {
        magnitude = magnitude.dropFirst()
        guard let second = magnitude.first, second >= 0x80 else { return nil }
      }
      guard magnitude.count <= coordinateByteCount else { return nil }
      fixed += [UInt8](repeating: 0, count: coordinateByteCount - magnitude.count) + magnitude
    }
    return rest.isEmpty ? fixed : nil
  }

  static func der(fixedLength signature: [UInt8]) -> [UInt8] {
    let half = signature.count / 2
    let content = integer(signature[..<half]) + integer(signature[half...])
    return [0x30, UInt8(content.count)] + content
  }

  private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var magnitude = Array(bytes.drop { $0 == 0 })
    if magnitude.first.map({ $0 >= 0x80 }) ?? true { magnitude.insert(0, at: 0) }
    return [0x02, UInt8(magnitude.count)] + magnitude
  }
}
