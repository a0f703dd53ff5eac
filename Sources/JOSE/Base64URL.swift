/// Why a text is no base64url.
public enum Base64URLError: Error, Equatable, Sendable {
  /// A byte outside the alphabet of RFC 4648 §5; padding and white space are such bytes (RFC 7515 §2).
  case invalidByte
  /// A count that no number of bytes encodes to.
  case invalidCount
  /// Bits of the last character that stand for nothing are not zero: a second spelling of the same bytes.
  case spareBits
}

/// Base64url without padding (RFC 7515 §2). Each byte string has exactly one accepted spelling.
public enum Base64URL {
  /// Appends the bytes that `text` stands for. `output` is unchanged when it throws.
  public static func decode(_ text: Span<UInt8>, appendingTo output: inout [UInt8]) throws(Base64URLError) {
    let rest = text.count % 4
    guard rest != 1 else { throw .invalidCount }
    let start = output.count
    output.append(contentsOf: repeatElement(0, count: text.count / 4 * 3 + (rest == 0 ? 0 : rest - 1)))
    do throws(Base64URLError) {
      var target = output.mutableSpan
      try decode(text, rest: rest, into: &target, from: start)
    } catch {
      output.removeLast(output.count - start)
      throw error
    }
  }

  /// The bytes that `text` stands for.
  public static func decode(_ text: Span<UInt8>) throws(Base64URLError) -> [UInt8] {
    var output: [UInt8] = []
    try decode(text, appendingTo: &output)
    return output
  }

  private static func decode(
    _ text: Span<UInt8>, rest: Int, into output: inout MutableSpan<UInt8>, from start: Int
  ) throws(Base64URLError) {
    let values = Self.values
    var position = 0
    var written = start
    // Invalid bytes have the value 0xFF: seen once a group, in the bits that no valid value has.
    while position + 4 <= text.count {
      let a = values[Int(text[position])]
      let b = values[Int(text[position + 1])]
      let c = values[Int(text[position + 2])]
      let d = values[Int(text[position + 3])]
      guard (a | b | c | d) & 0xC0 == 0 else { throw .invalidByte }
      output[written] = a << 2 | b >> 4
      output[written + 1] = b << 4 | c >> 2
      output[written + 2] = c << 6 | d
      position += 4
      written += 3
    }
    guard rest != 0 else { return }
    let a = values[Int(text[position])]
    let b = values[Int(text[position + 1])]
    let c = rest == 3 ? values[Int(text[position + 2])] : 0
    guard (a | b | c) & 0xC0 == 0 else { throw .invalidByte }
    guard (rest == 3 ? c & 0x03 : b & 0x0F) == 0 else { throw .spareBits }
    output[written] = a << 2 | b >> 4
    if rest == 3 { output[written + 1] = b << 4 | c >> 2 }
  }

  /// Appends the text that stands for `bytes`.
  public static func encode(_ bytes: Span<UInt8>, appendingTo output: inout [UInt8]) {
    var position = 0
    while position < bytes.count {
      let a = bytes[position]
      let b = position + 1 < bytes.count ? bytes[position + 1] : 0
      let c = position + 2 < bytes.count ? bytes[position + 2] : 0
      output.append(character(a >> 2))
      output.append(character((a << 4 | b >> 4) & 0x3F))
      if position + 1 < bytes.count { output.append(character((b << 2 | c >> 6) & 0x3F)) }
      if position + 2 < bytes.count { output.append(character(c & 0x3F)) }
      position += 3
    }
  }

  /// The text that stands for `bytes`.
  public static func encode(_ bytes: Span<UInt8>) -> String {
    var output: [UInt8] = []
    encode(bytes, appendingTo: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static func character(_ value: UInt8) -> UInt8 {
    switch value {
    case 0..<26: value + UInt8(ascii: "A")
    case 26..<52: value - 26 + UInt8(ascii: "a")
    case 52..<62: value - 52 + UInt8(ascii: "0")
    case 62: UInt8(ascii: "-")
    default: UInt8(ascii: "_")
    }
  }

  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xFF, count: 256)
    for value in UInt8(0)..<64 { values[Int(character(value))] = value }
    return values
  }()
}

/// base64 (RFC 4648 §4) with padding, for credentials (RFC 7617 §2).
public enum Base64 {
  public static func encode(_ bytes: [UInt8]) -> String {
    var text = Array(Base64URL.encode(bytes.span).utf8)
    for index in text.indices {
      if text[index] == UInt8(ascii: "-") { text[index] = UInt8(ascii: "+") }
      if text[index] == UInt8(ascii: "_") { text[index] = UInt8(ascii: "/") }
    }
    while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
    return String(decoding: text, as: UTF8.self)
  }
}
