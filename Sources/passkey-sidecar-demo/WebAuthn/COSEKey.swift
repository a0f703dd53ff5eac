/// A credential's public key in COSE form (RFC 9053 section 7, RFC 8230 section 4): the two algorithms that
/// authenticators use.
enum COSEKey: Equatable, Sendable {
  /// ES256 (-7): a point on P-256, each coordinate 32 bytes.
  case es256(x: [UInt8], y: [UInt8])
  /// RS256 (-257), as platform authenticators of Windows make it.
  case rs256(modulus: [UInt8], exponent: [UInt8])

  static let es256Algorithm = -7
  static let rs256Algorithm = -257

  var algorithm: Int {
    switch self {
    case .es256: Self.es256Algorithm
    case .rs256: Self.rs256Algorithm
    }
  }

  /// Nil unless the map is a complete key of one of the two kinds.
  init?(_ item: CBOR) {
    switch (item[1]?.integer, item[3]?.integer) {
    case (2, Self.es256Algorithm):
      guard item[-1]?.integer == 1, let x = item[-2]?.bytes, let y = item[-3]?.bytes, x.count == 32, y.count == 32
      else { return nil }
      self = .es256(x: x, y: y)
    case (3, Self.rs256Algorithm):
      guard let modulus = item[-1]?.bytes, let exponent = item[-2]?.bytes, modulus.count >= 256, !exponent.isEmpty
      else { return nil }
      self = .rs256(modulus: modulus, exponent: exponent)
    default: return nil
    }
  }

  var item: CBOR {
    switch self {
    case .es256(let x, let y):
      .map([1: 2, 3: .integer(Self.es256Algorithm), -1: 1, -2: .bytes(x), -3: .bytes(y)])
    case .rs256(let modulus, let exponent):
      .map([1: 3, 3: .integer(Self.rs256Algorithm), -1: .bytes(modulus), -2: .bytes(exponent)])
    }
  }
}
