/// Authenticator data (WebAuthn level 2, section 6.1), with the attested credential where there is one.
struct AuthenticatorData: Equatable, Sendable {
  struct Flags: OptionSet, Sendable {
    let rawValue: UInt8
    static let userPresent = Flags(rawValue: 0x01)
    static let userVerified = Flags(rawValue: 0x04)
    static let backupEligible = Flags(rawValue: 0x08)
    static let backedUp = Flags(rawValue: 0x10)
    static let attestedCredential = Flags(rawValue: 0x40)
    static let extensions = Flags(rawValue: 0x80)
  }

  struct AttestedCredential: Equatable, Sendable {
    var authenticatorModel: [UInt8]
    var credentialID: [UInt8]
    var publicKey: CBOR
  }

  var rpIDHash: [UInt8]
  var flags: Flags
  var signatureCount: UInt32
  var attestedCredential: AttestedCredential?

  /// Nil when the bytes do not fill the structure exactly.
  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 37 else { return nil }
    rpIDHash = Array(bytes[..<32])
    flags = Flags(rawValue: bytes[32])
    signatureCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
    var rest = bytes[37...]
    if flags.contains(.attestedCredential) {
      guard rest.count >= 18 else { return nil }
      let model = Array(rest.prefix(16))
      let idByteCount = rest.dropFirst(16).prefix(2).reduce(0) { $0 << 8 | Int($1) }
      rest = rest.dropFirst(18)
      guard (1...1023).contains(idByteCount), rest.count > idByteCount else { return nil }
      let credentialID = Array(rest.prefix(idByteCount))
      rest = rest.dropFirst(idByteCount)
      guard let (key, keyByteCount) = try? CBOR.prefix(of: rest) else { return nil }
      rest = rest.dropFirst(keyByteCount)
      attestedCredential = AttestedCredential(authenticatorModel: model, credentialID: credentialID, publicKey: key)
    }
    if flags.contains(.extensions) {
      guard let (_, byteCount) = try? CBOR.prefix(of: rest) else { return nil }
      rest = rest.dropFirst(byteCount)
    }
    guard rest.isEmpty else { return nil }
  }

  init(rpIDHash: [UInt8], flags: Flags, signatureCount: UInt32, attestedCredential: AttestedCredential? = nil) {
    self.rpIDHash = rpIDHash
    self.flags = flags
    self.signatureCount = signatureCount
    self.attestedCredential = attestedCredential
  }

  var encoded: [UInt8] {
    var bytes = rpIDHash + [flags.rawValue]
    for shift in [24, 16, 8, 0] as [UInt32] { bytes.append(UInt8(truncatingIfNeeded: signatureCount >> shift)) }
    if let credential = attestedCredential {
      let idByteCount = credential.credentialID.count
      bytes += credential.authenticatorModel
      bytes += [UInt8(truncatingIfNeeded: idByteCount >> 8), UInt8(truncatingIfNeeded: idByteCount)]
      bytes += credential.credentialID + credential.publicKey.encoded
    }
    return bytes
  }
}
