/// The asymmetric signature algorithms of RFC 7518 §3.1 and RFC 8037 §3.1.
public enum SignatureAlgorithm: UInt8, CaseIterable, Sendable {
  case rs256, rs384, rs512
  /// The salt is as long as the hash, and MGF1 uses the same hash (RFC 7518 §3.5).
  case ps256, ps384, ps512
  /// Signatures are r and s at full length, one after the other (RFC 7518 §3.4).
  case es256, es384, es512
  /// Ed25519 only.
  case edDSA

  /// The hash over the content; nil for EdDSA, which hashes by itself.
  public var hash: HashFunction? {
    switch self {
    case .rs256, .ps256, .es256: .sha256
    case .rs384, .ps384, .es384: .sha384
    case .rs512, .ps512, .es512: .sha512
    case .edDSA: nil
    }
  }
}

/// The curves of RFC 7518 §6.2.1.1.
public enum Curve: UInt8, CaseIterable, Sendable {
  case p256, p384, p521

  /// Bytes of one coordinate: 32, 48 or 66.
  public var coordinateBytes: Int {
    switch self {
    case .p256: 32
    case .p384: 48
    case .p521: 66
    }
  }

  /// The only algorithm that RFC 7518 §3.4 allows with the curve.
  var algorithm: SignatureAlgorithm {
    switch self {
    case .p256: .es256
    case .p384: .es384
    case .p521: .es512
    }
  }

  var groupName: StaticString {
    switch self {
    case .p256: "prime256v1"
    case .p384: "secp384r1"
    case .p521: "secp521r1"
    }
  }
}

/// What a key is, and with that the algorithms it fits.
public enum KeyKind: Hashable, Sendable {
  case rsa(modulusBits: Int)
  case ellipticCurve(Curve)
  case ed25519

  /// The algorithms as a contiguous range of raw values, so that a context is found by subtraction.
  var algorithms: ClosedRange<UInt8> {
    switch self {
    case .rsa: SignatureAlgorithm.rs256.rawValue...SignatureAlgorithm.ps512.rawValue
    case .ellipticCurve(let curve): curve.algorithm.rawValue...curve.algorithm.rawValue
    case .ed25519: SignatureAlgorithm.edDSA.rawValue...SignatureAlgorithm.edDSA.rawValue
    }
  }

  public func fits(_ algorithm: SignatureAlgorithm) -> Bool { algorithms.contains(algorithm.rawValue) }
}

/// Why a key was refused or an operation with it failed.
public enum KeyFailure: Error, Equatable, Sendable {
  /// Not the encoding it claims to be; also an encrypted PEM, for which there is no passphrase here.
  case malformed
  /// A key of another type or curve.
  case unsupported
  /// An RSA modulus outside of 2,048 to 8,192 bits, an even one, or one of a generator known to be weak.
  case modulusRefused
  /// An RSA exponent that is even, 1, or longer than 32 bits.
  case exponentRefused
  /// Coordinates that are no point of the curve, or not at full length (RFC 7518 §6.2.1.2).
  case pointRefused
  /// The algorithm does not fit the key.
  case algorithmRefused
  /// The library failed for a reason that is not in the key: memory or entropy.
  case libraryFailed
}
