/// A data item of CBOR (RFC 8949), as far as WebAuthn needs it: definite lengths, no tags, no floating point.
indirect enum CBOR: Hashable, Sendable {
  /// Unsigned and negative integers that fit; others are refused.
  case integer(Int)
  case bytes([UInt8])
  case text(String)
  case array([CBOR])
  case map([CBOR: CBOR])
  case boolean(Bool)
  case null

  subscript(_ key: CBOR) -> CBOR? {
    guard case .map(let pairs) = self else { return nil }
    return pairs[key]
  }

  var integer: Int? {
    guard case .integer(let integer) = self else { return nil }
    return integer
  }

  var bytes: [UInt8]? {
    guard case .bytes(let bytes) = self else { return nil }
    return bytes
  }
}

enum CBORError: Error, Equatable {
  case truncated
  case trailingBytes
  /// Indefinite length, tag, floating point or a simple value that WebAuthn does not use.
  case unsupported(initialByte: UInt8)
  case integerOutOfRange
  case notUTF8
  case duplicateKey
  case tooDeep
}

extension CBOR {
  /// Reads exactly one item.
  init(reading bytes: some Collection<UInt8>) throws(CBORError) {
    let (item, count) = try Self.prefix(of: bytes)
    guard count == bytes.count else { throw .trailingBytes }
    self = item
  }

  /// Reads one item and says how many bytes it took: authenticator data carries a key with something behind it.
  static func prefix(of bytes: some Collection<UInt8>) throws(CBORError) -> (item: CBOR, byteCount: Int) {
    var reader = CBORReader(bytes: Array(bytes))
    let item = try reader.item(depth: 0)
    return (item, reader.index)
  }
}

private struct CBORReader {
  let bytes: [UInt8]
  var index = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func item(depth: Int) throws(CBORError) -> CBOR {
    // CTAP2 allows four levels, attestation statements of other formats a few more.
    guard depth <= 8 else { throw .tooDeep }
    let initial = try byte()
    let information = initial & 0x1F
    switch initial >> 5 {
    case 0: return .integer(try length(information, initial))
    case 1: return .integer(-1 - (try length(information, initial)))
    case 2: return .bytes(try take(try length(information, initial)))
    case 3:
      guard let text = String(validating: try take(try length(information, initial)), as: UTF8.self) else {
        throw .notUTF8
      }
      return .text(text)
    case 4:
      var elements: [CBOR] = []
      for _ in 0..<(try count(information, initial)) { elements.append(try item(depth: depth + 1)) }
      return .array(elements)
    case 5:
      var pairs: [CBOR: CBOR] = [:]
      for _ in 0..<(try count(information, initial)) {
        let key = try item(depth: depth + 1)
        guard pairs.updateValue(try item(depth: depth + 1), forKey: key) == nil else { throw .duplicateKey }
      }
      return .map(pairs)
    default:
      switch initial {
      case 0xF4: return .boolean(false)
      case 0xF5: return .boolean(true)
      case 0xF6: return .null
      default: throw .unsupported(initialByte: initial)
      }
    }
  }

  /// The argument of an initial byte (RFC 8949 section 3).
  private mutating func length(_ information: UInt8, _ initial: UInt8) throws(CBORError) -> Int {
    guard information >= 24 else { return Int(information) }
    guard information <= 27 else { throw .unsupported(initialByte: initial) }
    var value: UInt64 = 0
    for _ in 0..<(1 << (information - 24)) { value = value << 8 | UInt64(try byte()) }
    guard let length = Int(exactly: value) else { throw .integerOutOfRange }
    return length
  }

  /// A number of elements, each of which takes a byte at least: no loop longer than the input.
  private mutating func count(_ information: UInt8, _ initial: UInt8) throws(CBORError) -> Int {
    let count = try length(information, initial)
    guard count <= bytes.count - index else { throw .truncated }
    return count
  }

  private mutating func byte() throws(CBORError) -> UInt8 {
    guard index < bytes.count else { throw .truncated }
    defer { index += 1 }
    return bytes[index]
  }

  private mutating func take(_ count: Int) throws(CBORError) -> [UInt8] {
    guard count <= bytes.count - index else { throw .truncated }
    defer { index += count }
    return Array(bytes[index..<(index + count)])
  }
}

// MARK: - Writing

extension CBOR {
  /// The item in the canonical form of CTAP2: shortest lengths, keys by length and then by bytes.
  var encoded: [UInt8] {
    switch self {
    case .integer(let integer):
      return integer >= 0 ? Self.head(0, UInt64(integer)) : Self.head(1, UInt64(-1 - integer))
    case .bytes(let bytes): return Self.head(2, UInt64(bytes.count)) + bytes
    case .text(let text): return Self.head(3, UInt64(text.utf8.count)) + Array(text.utf8)
    case .array(let elements): return Self.head(4, UInt64(elements.count)) + elements.flatMap(\.encoded)
    case .map(let pairs):
      let sorted = pairs.map { (key: $0.key.encoded, value: $0.value.encoded) }.sorted {
        $0.key.count != $1.key.count ? $0.key.count < $1.key.count : $0.key.lexicographicallyPrecedes($1.key)
      }
      return Self.head(5, UInt64(pairs.count)) + sorted.flatMap { $0.key + $0.value }
    case .boolean(let boolean): return [boolean ? 0xF5 : 0xF4]
    case .null: return [0xF6]
    }
  }

  private static func head(_ major: UInt8, _ argument: UInt64) -> [UInt8] {
    let widths: [(limit: UInt64, information: UInt8, byteCount: Int)] = [
      (0xFF, 24, 1), (0xFFFF, 25, 2), (0xFFFF_FFFF, 26, 4), (.max, 27, 8),
    ]
    if argument < 24 { return [major << 5 | UInt8(argument)] }
    for width in widths where argument <= width.limit {
      return [major << 5 | width.information]
        + (0..<width.byteCount).reversed().map { UInt8(truncatingIfNeeded: argument >> UInt64(8 * $0)) }
    }
    return []
  }
}

extension CBOR: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  init(integerLiteral integer: Int) { self = .integer(integer) }
  init(stringLiteral text: String) { self = .text(text) }
}
