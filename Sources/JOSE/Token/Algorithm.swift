public import OpenSSL

/// The `alg` values that can be accepted (RFC 7518 §3.1, RFC 8037 §3.1); `none` is not among them.
public enum Algorithm: UInt8, CaseIterable, Sendable {
  case hs256, hs384, hs512, rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512, edDSA

  public var name: String {
    switch self {
    case .hs256: "HS256"
    case .hs384: "HS384"
    case .hs512: "HS512"
    case .rs256: "RS256"
    case .rs384: "RS384"
    case .rs512: "RS512"
    case .ps256: "PS256"
    case .ps384: "PS384"
    case .ps512: "PS512"
    case .es256: "ES256"
    case .es384: "ES384"
    case .es512: "ES512"
    case .edDSA: "EdDSA"
    }
  }

  /// Names are case-sensitive (RFC 7515 §4.1.1).
  public init?(name: Span<UInt8>) {
    for algorithm in Self.allCases where name.hasSameBytes(as: algorithm.name.utf8.span) {
      self = algorithm
      return
    }
    return nil
  }

  public init?(name: String) { self.init(name: name.utf8.span) }

  /// The signature algorithm; nil for the HMAC ones.
  public var signature: SignatureAlgorithm? {
    switch self {
    case .hs256, .hs384, .hs512: nil
    case .rs256: .rs256
    case .rs384: .rs384
    case .rs512: .rs512
    case .ps256: .ps256
    case .ps384: .ps384
    case .ps512: .ps512
    case .es256: .es256
    case .es384: .es384
    case .es512: .es512
    case .edDSA: .edDSA
    }
  }

  /// The hash of an HMAC algorithm; nil for the others.
  public var messageAuthentication: HashFunction? {
    switch self {
    case .hs256: .sha256
    case .hs384: .sha384
    case .hs512: .sha512
    default: nil
    }
  }
}

/// A set of algorithms.
public struct AlgorithmSet: Hashable, Sendable, ExpressibleByArrayLiteral {
  /// One bit an algorithm.
  @usableFromInline let bits: UInt16

  public init(_ algorithms: some Sequence<Algorithm>) {
    bits = algorithms.reduce(0) { $0 | 1 << $1.rawValue }
  }

  public init(arrayLiteral algorithms: Algorithm...) { self.init(algorithms) }

  @inlinable public func contains(_ algorithm: Algorithm) -> Bool { bits & 1 << UInt16(algorithm.rawValue) != 0 }

  @inlinable public var isEmpty: Bool { bits == 0 }
}
