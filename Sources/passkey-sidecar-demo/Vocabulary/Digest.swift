import OpenSSL

enum Digest {
  static func sha256(_ bytes: [UInt8]) -> [UInt8] { HashFunction.sha256.digest(of: bytes.span) }
}

/// Identifiers and secrets out of the library's generator. Without entropy a demo has nothing to show: it ends.
enum RandomText {
  static func bytes(count: Int) -> [UInt8] {
    guard let bytes = try? randomBytes(count) else { fatalError("the random generator cannot be seeded") }
    return bytes
  }

  /// Letters and digits.
  static func alphanumeric(count: Int) -> String {
    let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    var text: [UInt8] = []
    while text.count < count {
      // 248 is the largest multiple of 62 in a byte: above it, some characters would be likelier than others.
      text += bytes(count: count).filter { $0 < 248 }.map { alphabet[Int($0) % 62] }.prefix(count - text.count)
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// A decimal number of up to 19 digits, as in Corbado's IDs.
  static func number() -> String {
    String(bytes(count: 8).reduce(0) { $0 << 8 | UInt64($1) } & UInt64(Int64.max))
  }
}
