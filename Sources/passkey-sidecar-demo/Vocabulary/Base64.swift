/// Base64 (RFC 4648 sections 4 and 5), the demo's own. Decoding is strict: only the alphabet, no spare bits.
enum Base64 {
  /// The URL-safe alphabet without padding, as in JOSE and WebAuthn.
  static func urlEncoded(_ bytes: some Collection<UInt8>) -> String { encoded(bytes, alphabet: urlAlphabet) }

  static func urlDecoded(_ text: some StringProtocol) -> [UInt8]? { decoded(text, alphabet: urlAlphabet) }

  /// The classic alphabet with padding, as in the Basic scheme.
  static func encoded(_ bytes: some Collection<UInt8>) -> String {
    let text = encoded(bytes, alphabet: alphabet)
    return text + String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
  }

  static func decoded(_ text: some StringProtocol) -> [UInt8]? {
    guard text.utf8.count % 4 == 0 else { return nil }
    var digits = text[...]
    for _ in 0..<2 where digits.hasSuffix("=") { digits = digits.dropLast() }
    return decoded(digits, alphabet: alphabet)
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  private static func encoded(_ bytes: some Collection<UInt8>, alphabet: [UInt8]) -> String {
    var text: [UInt8] = []
    var pending: UInt32 = 0
    var pendingBits = 0
    for byte in bytes {
      pending = (pending << 8 | UInt32(byte)) & 0xFFFF
      pendingBits += 8
      while pendingBits >= 6 {
        pendingBits -= 6
        text.append(alphabet[Int(pending >> UInt32(pendingBits) & 0x3F)])
      }
    }
    if pendingBits > 0 { text.append(alphabet[Int(pending << UInt32(6 - pendingBits) & 0x3F)]) }
    return String(decoding: text, as: UTF8.self)
  }

  private static func decoded(_ text: some StringProtocol, alphabet: [UInt8]) -> [UInt8]? {
    guard text.utf8.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    var pending: UInt32 = 0
    var pendingBits = 0
    for character in text.utf8 {
      guard let digit = alphabet.firstIndex(of: character) else { return nil }
      pending = (pending << 6 | UInt32(digit)) & 0xFFFF
      pendingBits += 6
      if pendingBits >= 8 {
        pendingBits -= 8
        bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(pendingBits)))
      }
    }
    guard pending & (1 << UInt32(pendingBits) - 1) == 0 else { return nil }
    return bytes
  }
}
