/// The parser behind ``JSONDocument``: one pass, strings decoded in place, work linear in the text whatever it holds.
struct JSONParser {
  private let limits: JSONLimits
  private var position = 0
  /// Buckets for the duplicate check of objects with many members, used anew for each.
  private var buckets: [UInt32] = []

  init(limits: JSONLimits) { self.limits = limits }

  mutating func parse(_ document: inout JSONDocument) throws(JSONError) {
    guard document.bytes.count <= limits.textBytes else { throw .tooLarge }
    try parseValue(&document, depth: 0)
    skipWhiteSpace(document.bytes)
    guard position == document.bytes.count else { throw .syntax }
  }

  private mutating func parseValue(_ document: inout JSONDocument, depth: Int) throws(JSONError) {
    skipWhiteSpace(document.bytes)
    guard position < document.bytes.count else { throw .syntax }
    switch document.bytes[position] {
    case UInt8(ascii: "{"): try parseObject(&document, depth: depth + 1)
    case UInt8(ascii: "["): try parseArray(&document, depth: depth + 1)
    case UInt8(ascii: "\""): try parseString(&document)
    case UInt8(ascii: "t"): try parseLiteral("true", .boolean, &document)
    case UInt8(ascii: "f"): try parseLiteral("false", .boolean, &document)
    case UInt8(ascii: "n"): try parseLiteral("null", .null, &document)
    default: try parseNumber(&document)
    }
  }

  private mutating func parseObject(_ document: inout JSONDocument, depth: Int) throws(JSONError) {
    guard depth <= limits.depthCount else { throw .tooDeep }
    let object = document.nodes.count
    document.nodes.append(.init(kind: .object, end: 0))
    position += 1
    var count = 0
    if !consume(UInt8(ascii: "}"), document.bytes) {
      repeat {
        skipWhiteSpace(document.bytes)
        guard position < document.bytes.count, document.bytes[position] == UInt8(ascii: "\"") else { throw .syntax }
        try parseString(&document)
        guard consume(UInt8(ascii: ":"), document.bytes) else { throw .syntax }
        try parseValue(&document, depth: depth)
        count += 1
      } while consume(UInt8(ascii: ","), document.bytes)
      guard consume(UInt8(ascii: "}"), document.bytes) else { throw .syntax }
    }
    document.nodes[object].count = UInt32(count)
    document.nodes[object].end = UInt32(document.nodes.count)
    guard !hasDuplicate(document, object: object, count: count) else { throw .duplicateMember }
  }

  private mutating func parseArray(_ document: inout JSONDocument, depth: Int) throws(JSONError) {
    guard depth <= limits.depthCount else { throw .tooDeep }
    let array = document.nodes.count
    document.nodes.append(.init(kind: .array, end: 0))
    position += 1
    var count = 0
    if !consume(UInt8(ascii: "]"), document.bytes) {
      repeat {
        try parseValue(&document, depth: depth)
        count += 1
      } while consume(UInt8(ascii: ","), document.bytes)
      guard consume(UInt8(ascii: "]"), document.bytes) else { throw .syntax }
    }
    document.nodes[array].count = UInt32(count)
    document.nodes[array].end = UInt32(document.nodes.count)
  }

  private mutating func parseLiteral(
    _ literal: String, _ kind: JSONDocument.Kind, _ document: inout JSONDocument
  ) throws(JSONError) {
    let literal = literal.utf8.span
    guard literal.count <= document.bytes.count - position,
      document.bytes.span.extracting(position..<position + literal.count).hasSameBytes(as: literal)
    else { throw .syntax }
    position += literal.count
    document.nodes.append(
      .init(kind: kind, isTrue: kind == .boolean && literal.count == 4, end: UInt32(document.nodes.count + 1)))
  }

  private mutating func parseNumber(_ document: inout JSONDocument) throws(JSONError) {
    let start = position
    while position < document.bytes.count, Self.isNumberByte(document.bytes[position]) { position += 1 }
    guard position > start else { throw .syntax }
    guard position - start <= JSONDecimal.maximumBytes else { throw .numberOutOfRange }
    guard let decimal = JSONDecimal(document.bytes.span.extracting(start..<position)) else { throw .syntax }
    guard decimal.isInteger ? decimal.integerValue != nil : decimal.isInRange else { throw .numberOutOfRange }
    document.nodes.append(
      .init(
        kind: .number, start: UInt32(start), count: UInt32(position - start), end: UInt32(document.nodes.count + 1)))
  }

  private static func isNumberByte(_ byte: UInt8) -> Bool {
    byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
      || byte == UInt8(ascii: ".") || byte | 0x20 == UInt8(ascii: "e")
  }

  private mutating func parseString(_ document: inout JSONDocument) throws(JSONError) {
    position += 1
    let start = position
    var written = start
    while true {
      guard position < document.bytes.count else { throw .syntax }
      let byte = document.bytes[position]
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        document.nodes.append(
          .init(
            kind: .string, start: UInt32(start), count: UInt32(written - start), end: UInt32(document.nodes.count + 1)))
        return
      case UInt8(ascii: "\\"):
        let scalar = try parseEscape(document.bytes)
        for unit in scalar.utf8 {
          document.bytes[written] = unit
          written += 1
        }
      case 0x20..<0x80:
        if written != position { document.bytes[written] = byte }
        written += 1
        position += 1
      case 0x80...:
        guard let count = document.bytes.span.wellFormedSequenceCount(at: position) else { throw .invalidUTF8 }
        for _ in 0..<count {
          if written != position { document.bytes[written] = document.bytes[position] }
          written += 1
          position += 1
        }
      default:
        throw .syntax
      }
    }
  }

  /// The scalar of the escape at `position`, which moves behind it. An escape is never shorter than its UTF-8.
  private mutating func parseEscape(_ bytes: [UInt8]) throws(JSONError) -> Unicode.Scalar {
    guard position + 1 < bytes.count else { throw .syntax }
    let letter = bytes[position + 1]
    position += 2
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      let unit = try parseHexadecimal(bytes)
      if let scalar = Unicode.Scalar(unit) { return scalar }
      // A high surrogate is followed by the escape of a low one, or is alone.
      guard unit < 0xDC00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw .loneSurrogate }
      position += 2
      let low = try parseHexadecimal(bytes)
      guard (0xDC00...0xDFFF).contains(low),
        let scalar = Unicode.Scalar(0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
      else { throw .loneSurrogate }
      return scalar
    default: throw .syntax
    }
  }

  private mutating func parseHexadecimal(_ bytes: [UInt8]) throws(JSONError) -> UInt16 {
    guard position + 4 <= bytes.count else { throw .syntax }
    var value: UInt16 = 0
    for _ in 0..<4 {
      let byte = bytes[position]
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

  private mutating func skipWhiteSpace(_ bytes: [UInt8]) {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      default: return
      }
    }
  }

  private mutating func consume(_ byte: UInt8, _ bytes: [UInt8]) -> Bool {
    skipWhiteSpace(bytes)
    guard position < bytes.count, bytes[position] == byte else { return false }
    position += 1
    return true
  }

  /// Whether two members of the object have the same name. Small objects are compared pair by pair, others by a hash
  /// that is seeded for the process, so that nobody can make names collide.
  private mutating func hasDuplicate(_ document: JSONDocument, object: Int, count: Int) -> Bool {
    guard count > 1 else { return false }
    let isSmall = count <= 8
    var mask = 0
    if !isSmall {
      var size = 16
      while size < 2 * count { size *= 2 }
      mask = size - 1
      buckets.removeAll(keepingCapacity: true)
      buckets.append(contentsOf: repeatElement(0, count: size))
    }
    let bytes = document.bytes.span
    func name(_ index: Int) -> Range<Int> {
      let entry = document.nodes[index]
      return Int(entry.start)..<Int(entry.start) + Int(entry.count)
    }
    let end = Int(document.nodes[object].end)
    var index = object + 1
    while index < end {
      let current = bytes.extracting(name(index))
      if isSmall {
        var earlier = object + 1
        while earlier < index {
          if bytes.extracting(name(earlier)).hasSameBytes(as: current) { return true }
          earlier = Int(document.nodes[earlier + 1].end)
        }
      } else {
        var bucket = Self.hash(current) & mask
        // Node 0 is the outermost value and never a name: 0 marks a free bucket.
        while buckets[bucket] != 0 {
          if bytes.extracting(name(Int(buckets[bucket]))).hasSameBytes(as: current) { return true }
          bucket = (bucket + 1) & mask
        }
        buckets[bucket] = UInt32(index)
      }
      index = Int(document.nodes[index + 1].end)
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
