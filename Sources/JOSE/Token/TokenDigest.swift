internal import OpenSSL

/// SHA-256 of a token's signing input (RFC 7515 §5.1): names a token without holding it.
///
/// Not of the signature: of one that ECDSA made, whoever holds the token can make a second that is as good.
public struct TokenDigest: Hashable, Sendable {
  private let words: (UInt64, UInt64, UInt64, UInt64)

  public init(of token: Span<UInt8>) {
    var end = token.count
    while end > 0, token[end - 1] != UInt8(ascii: ".") { end -= 1 }
    self.init(digest: HashFunction.sha256.digest(of: token.extracting(..<(end > 0 ? end - 1 : token.count))))
  }

  /// Nil unless there are 32 bytes.
  public init?(bytes: [UInt8]) {
    guard bytes.count == HashFunction.sha256.digestBytes else { return nil }
    self.init(digest: bytes)
  }

  private init(digest: [UInt8]) {
    func word(_ index: Int) -> UInt64 { digest[index * 8..<index * 8 + 8].reduce(0) { $0 << 8 | UInt64($1) } }
    words = (word(0), word(1), word(2), word(3))
  }

  public var bytes: [UInt8] {
    [words.0, words.1, words.2, words.3].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
    }
  }

  public static func == (left: TokenDigest, right: TokenDigest) -> Bool { left.words == right.words }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
  }
}
