/// The parser behind ``JSONDocument``: one pass, strings decoded in place, work linear in the text whatever it holds.
struct JSONParser {
  private let limits: JSONLimits
  /// The nodes so far; handed in and out for their memory.
  private(set) var nodes: [JSONDocument.Entry]
  private var position = 0
  /// Buckets for the duplicate check of objects with many members, used anew for each.
  private var buckets: [UInt32] = []

  init(limits: JSONLimits, reusing nodes: consuming [JSONDocument.Entry]) {
    self.limits = limits
    self.nodes = nodes
    self.nodes.removeAll(keepingCapacity: true)
  }

  mutating func parse(_ text: inout MutableSpan<UInt8>) throws(JSONError) {
    guard text.count <= limits.textBytes else { throw .tooLarge }
    try parseValue(&text, depth: 0)
    skipWhiteSpace(text)
    guard position == text.count else { throw .syntax }
  }

  private mutating func parseValue(_ text: inout MutableSpan<UInt8>, depth: Int) throws(JSONError) {
    skipWhiteSpace(text)
    guard position < text.count else { throw .syntax }
    switch text[position] {
    case UInt8(ascii: "{"): try parseObject(&text, depth: depth + 1)
    case UInt8(ascii: "["): try parseArray(&text, depth: depth + 1)
    case UInt8(ascii: "\""): try parseString(&text)
    case UInt8(ascii: "t"): try parseLiteral("true", .boolean, text)
    case UInt8(ascii: "f"): try parseLiteral("false", .boolean, text)
    case UInt8(ascii: "n"): try parseLiteral("null", .null, text)
    default: try parseNumber(text)
    }
  }

  private mutating func parseObject(_ text: inout MutableSpan<UInt8>, depth: Int) throws(JSONError) {
    guard depth <= limits.depthCount else { throw .tooDeep }
    let object = nodes.count
    nodes.append(.init(kind: .object, end: 0))
    position += 1
    var count = 0
    if !consume(UInt8(ascii: "}"), text) {
      repeat {
        skipWhiteSpace(text)
        guard position < text.count, text[position] == UInt8(ascii: "\"") else { throw .syntax }
        try parseString(&text)
        guard consume(UInt8(ascii: ":"), text) else { throw .syntax }
        try parseValue(&text, depth: depth)
        count += 1
      } while consume(UInt8(ascii: ","), text)
      guard consume(UInt8(ascii: "}"), text) else { throw .syntax }
    }
    nodes[object].count = UInt32(count)
    nodes[object].end = UInt32(nodes.count)
    guard !hasDuplicate(text.span, object: object, count: count) else { throw .duplicateMember }
  }

  private mutating func parseArray(_ text: inout MutableSpan<UInt8>, depth: Int) throws(JSONError) {
    guard depth <= limits.depthCount else { throw .tooDeep }
    let array = nodes.count
    nodes.append(.init(kind: .array, end: 0))
    position += 1
    var count = 0
    if !consume(UInt8(ascii: "]"), text) {
      repeat {
        try parseValue(&text, depth: depth)
        count += 1
      } while consume(UInt8(ascii: ","), text)
      guard consume(UInt8(ascii: "]"), text) else { throw .syntax }
    }
    nodes[array].count = UInt32(count)
    nodes[array].end = UInt32(nodes.count)
  }

  private mutating func parseLiteral(
    _ literal: String, _ kind: JSONDocument.Kind, _ text: borrowing MutableSpan<UInt8>
  ) throws(JSONError) {
    let literal = literal.utf8.span
    guard literal.count <= text.count - position,
      text.span.extracting(position..<position + literal.count).hasSameBytes(as: literal)
    else { throw .syntax }
    position += literal.count
    nodes.append(.init(kind: kind, isTrue: kind == .boolean && literal.count == 4, end: UInt32(nodes.count + 1)))
  }

  private mutating func parseNumber(_ text: borrowing MutableSpan<UInt8>) throws(JSONError) {
    let start = position
    if text[position] == UInt8(ascii: "-") { position += 1 }
    let firstDigit = position
    while position < text.count, text[position] &- UInt8(ascii: "0") < 10 { position += 1 }
    let isShortInteger =
      (1...18).contains(position - firstDigit) && (position - firstDigit == 1 || text[firstDigit] != UInt8(ascii: "0"))
    if !isShortInteger || position < text.count && Self.isNumberByte(text[position]) {
      try judgeNumber(text, from: start)
    }
    nodes.append(
      .init(kind: .number, start: UInt32(start), count: UInt32(position - start), end: UInt32(nodes.count + 1)))
  }

  /// The rule for numbers with fraction or exponent, and for integers that may not fit.
  private mutating func judgeNumber(_ text: borrowing MutableSpan<UInt8>, from start: Int) throws(JSONError) {
    while position < text.count, Self.isNumberByte(text[position]) { position += 1 }
    guard position > start else { throw .syntax }
    guard position - start <= JSONDecimal.maximumBytes else { throw .numberOutOfRange }
    guard let decimal = JSONDecimal(text.span.extracting(start..<position)) else { throw .syntax }
    guard decimal.isInteger ? decimal.integerValue != nil : decimal.isInRange else { throw .numberOutOfRange }
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
      || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
  }

  private mutating func parseString(_ text: inout MutableSpan<UInt8>) throws(JSONError) {
    position += 1
    let start = position
    // Until the first escape nothing moves.
    while position < text.count, Self.isPlain(text[position]) { position += 1 }
    var written = position
    while true {
      guard position < text.count else { throw .syntax }
      let byte = text[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        nodes.append(
          .init(kind: .string, start: UInt32(start), count: UInt32(written - start), end: UInt32(nodes.count + 1)))
        return
      case UInt8(ascii: "\\"):
        let scalar = try parseEscape(text)
        for unit in scalar.utf8 {
          text[written] = unit
          written += 1
        }
      case 0x20..<0x80:
        text[written] = byte
        written += 1
        position += 1
      case 0x80...:
        guard let count = text.span.wellFormedSequenceCount(at: position) else { throw .invalidUTF8 }
        for _ in 0..<count {
          text[written] = text[position]
          written += 1
          position += 1
        }
      default:
        throw .syntax
      }
    }
  }

  @inline(__always) private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x80 && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  /// The scalar of the escape at `position`, which moves behind it. An escape is never shorter than its UTF-8.
  private mutating func parseEscape(_ text: borrowing MutableSpan<UInt8>) throws(JSONError) -> Unicode.Scalar {
    guard position + 1 < text.count else { throw .syntax }
    let letter = text[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try parseHexadecimal(text)
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // A high surrogate is followed by the escape of a low one, or is alone.
      guard unit < 0xDC00, position + 1 < text.count, text[position] == UInt8(ascii: "\\"),
        text[position + 1] == UInt8(ascii: "u")
      else { throw .loneSurrogate }
      position += 2
      let low = try parseHexadecimal(text)
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
      else { throw .loneSurrogate }
      return scalar
    default: throw .syntax
    }
  }

  private mutating func parseHexadecimal(_ text: borrowing MutableSpan<UInt8>) throws(JSONError) -> UInt16 {
    guard position + 4 <= text.count else { throw .syntax }
    var value: UInt16 = 0
    for _ in 0..<4 {
      let byte = text[position]
      let digit: UInt8
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
      default: throw .syntax
      }
      value = value << 4 | UInt16(digit)
      position += 1
    }
    return value
  }

  private mutating func skipWhiteSpace(_ text: borrowing MutableSpan<UInt8>) {
    while position < text.count {
      switch text[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func consume(_ byte: UInt8, _ text: borrowing MutableSpan<UInt8>) -> Bool {
    skipWhiteSpace(text)
    guard position < text.count, text[position] == byte else { return false }
    position += 1
    return true
  }

  /// Whether two members of the object have the same name. Small objects are compared pair by pair, others by a hash
  /// that is seeded for the process, so that nobody can make names collide.
  private mutating func hasDuplicate(_ text: Span<UInt8>, object: Int, count: Int) -> Bool {
    guard count > 1 else { return false }
    return count <= 8 ? hasDuplicatePair(text, object: object) : hasDuplicateHash(text, object: object, count: count)
  }

  private func hasDuplicatePair(_ text: Span<UInt8>, object: Int) -> Bool {
    let end = Int(nodes[object].end)
    var index = object + 1
    while index < end {
      let range = nodes[index].range
      var earlier = object + 1
      while earlier < index {
        let other = nodes[earlier].range
        if other.count == range.count, text.extracting(other).hasSameBytes(as: text.extracting(range)) { return true }
        earlier = Int(nodes[earlier + 1].end)
      }
      index = Int(nodes[index + 1].end)
    }
    return false
  }

  private mutating func hasDuplicateHash(_ text: Span<UInt8>, object: Int, count: Int) -> Bool {
    var size = 32
    while size < 2 * count { size *= 2 }
    buckets.removeAll(keepingCapacity: true)
    buckets.append(contentsOf: repeatElement(0, count: size))
    let end = Int(nodes[object].end)
    var index = object + 1
    while index < end {
      let name = text.extracting(nodes[index].range)
      var bucket = Self.hash(name) & (size - 1)
      // Node 0 is the outermost value and never a name: 0 marks a free bucket.
      while buckets[bucket] != 0 {
        if text.extracting(nodes[Int(buckets[bucket])].range).hasSameBytes(as: name) { return true }
        bucket = (bucket + 1) & (size - 1)
      }
      buckets[bucket] = UInt32(index)
      index = Int(nodes[index + 1].end)
    }
    return false
  }

  private static func hash(_ bytes: Span<UInt8>) -> Int {
    var hasher = Hasher()
    var word: UInt64 = 0
    for index in bytes.indices {
      word = word << 8 | UInt64(bytes[index])
      if index % 8 == 7 { hasher.combine(word) }
    }
    hasher.combine(word)
    hasher.combine(bytes.count)
    return hasher.finalize()
  }
}
