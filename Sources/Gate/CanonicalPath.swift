import HTTP

/// A path read in two ways; the memory is used again for the next one.
///
/// *Narrow*, for rules that open: the bytes after decoding unreserved characters only (RFC 3986 §6.2.2.2). *Wide*, for
/// rules that restrict and for our endpoints: decoded once, ASCII case folded, empty segments merged, `;…` of a segment
/// cut, the trailing `/` and a final `.ext` ignored. An app reads a path in one of these ways or in one between.
struct PathReadings: ~Copyable {
  private(set) var features = PathFeatures()

  /// Wide reading; of a path without features it is the narrow one too.
  private(set) var wideBytes: [UInt8] = []
  private(set) var wide: [PathSegment] = []
  /// The last wide segment without its `.ext`; nil if it has none or is nothing else.
  private(set) var withoutExtension: PathSegment?
  /// The last wide segment is nothing but an extension.
  private(set) var lastIsExtension = false

  private(set) var narrowBytes: [UInt8] = []
  private(set) var narrow: [PathSegment] = []
  /// The narrow reading ends in `/`; that of the root does.
  private(set) var narrowEndsInSlash = false
  /// Index of the last narrow segment that is empty or has `;` or an encoded `/`: only a rule that writes it matches
  /// it.
  private(set) var lastOdd = -1

  private var twiceDecoded: [UInt8] = []

  /// Nothing for the two readings to disagree about.
  var isPlain: Bool { features.isEmpty }

  /// - Parameter path: begins with `/`; anything else matches no rule.
  /// - Throws: `pathNotCanonical`
  mutating func read(_ path: Span<UInt8>) throws(Denial) {
    features = []
    wide.removeAll(keepingCapacity: true)
    withoutExtension = nil
    lastIsExtension = false
    lastOdd = -1
    narrowEndsInSlash = path.count == 1
    guard !path.isEmpty, path[0] == UInt8(ascii: "/") else { throw .pathNotCanonical }
    if readPlain(path) { return }
    wide.removeAll(keepingCapacity: true)
    try decode(path)
    try refuseDotSegments()
    readWide()
    readNarrow(path)
  }

  /// The target `*` of OPTIONS: nothing opens it, and what restricts everything restricts it.
  mutating func readAsterisk() {
    features = [.emptySegment, .trailingSlash]
    wideBytes.removeAll(keepingCapacity: true)
    wide.removeAll(keepingCapacity: true)
    narrowBytes.removeAll(keepingCapacity: true)
    narrow.removeAll(keepingCapacity: true)
    withoutExtension = nil
    lastIsExtension = false
    narrowEndsInSlash = false
    lastOdd = -1
  }

  /// The usual path: segments of lower-case letters, digits and what has no second reading. False leaves everything to
  /// the slow way.
  private mutating func readPlain(_ path: Span<UInt8>) -> Bool {
    var start = 1
    var key: UInt64 = 0
    for index in 1..<path.count {
      let byte = path[index]
      if byte == UInt8(ascii: "/") {
        guard index > start else { return false }
        wide.append(PathSegment(key: key, start: start, count: index - start))
        start = index + 1
        key = 0
      } else {
        guard Self.isPlain(byte) else { return false }
        key = PathSegment.key(key, adding: byte, at: index - start)
      }
    }
    guard path.count > start else {
      // The root alone has no segment and still no second reading.
      guard path.count == 1 else { return false }
      wideBytes.removeAll(keepingCapacity: true)
      wideBytes.append(copying: path)
      return true
    }
    wide.append(PathSegment(key: key, start: start, count: path.count - start))
    wideBytes.removeAll(keepingCapacity: true)
    wideBytes.append(copying: path)
    return true
  }

  /// Decodes once, with ASCII case folded, into `wideBytes`.
  private mutating func decode(_ path: Span<UInt8>) throws(Denial) {
    wideBytes.removeAll(keepingCapacity: true)
    var index = 0
    while index < path.count {
      var byte = path[index]
      if byte == UInt8(ascii: "%") {
        guard let decoded = Self.escaped(path, at: index) else { throw .pathNotCanonical }
        if !Self.isUnreserved(decoded) { features.insert(.escape) }
        byte = decoded
        index += 3
        guard byte != 0, byte != UInt8(ascii: "\\") else { throw .pathNotCanonical }
      } else {
        guard Self.isAllowed(byte) else { throw .pathNotCanonical }
        index += 1
      }
      let folded = FieldSyntax.lowerCased(byte)
      if folded != byte { features.insert(.upperCase) }
      wideBytes.append(folded)
    }
  }

  /// Dot segments of the path decoded once and decoded twice, whatever they look like raw.
  private mutating func refuseDotSegments() throws(Denial) {
    guard !Self.hasDotSegment(wideBytes.span) else { throw .pathNotCanonical }
    guard features.contains(.escape), wideBytes.contains(UInt8(ascii: "%")) else { return }
    twiceDecoded.removeAll(keepingCapacity: true)
    // A second reference, since a span of the property would bar the others from being written.
    let decoded = wideBytes
    let once = decoded.span
    var index = 0
    while index < once.count {
      if let byte = Self.escaped(once, at: index) {
        twiceDecoded.append(byte)
        index += 3
      } else {
        twiceDecoded.append(once[index])
        index += 1
      }
    }
    guard !Self.hasDotSegment(twiceDecoded.span) else { throw .pathNotCanonical }
  }

  private static func hasDotSegment(_ bytes: Span<UInt8>) -> Bool {
    var isAtStart = true
    var dots = 0
    for index in bytes.indices {
      switch bytes[index] {
      case UInt8(ascii: "/"), UInt8(ascii: "\\"):
        if dots == 1 || dots == 2 { return true }
        isAtStart = true
        dots = 0
      case UInt8(ascii: "."):
        if isAtStart { dots += 1 }
      case UInt8(ascii: ";"):
        // The rest of the segment is cut off: what came before decides, the rest must not look like a start.
        isAtStart = false
      default:
        if isAtStart { dots = 0 }
        isAtStart = false
      }
    }
    return dots == 1 || dots == 2
  }

  private mutating func readWide() {
    let storage = wideBytes
    let bytes = storage.span
    var start = 1
    var index = 1
    while index <= bytes.count {
      guard index == bytes.count || bytes[index] == UInt8(ascii: "/") else {
        index += 1
        continue
      }
      var cut = start
      while cut < index, bytes[cut] != UInt8(ascii: ";") { cut += 1 }
      if cut < index { features.insert(.parameter) }
      if start == index { features.insert(index == bytes.count ? .trailingSlash : .emptySegment) }
      if cut > start { wide.append(PathSegment(bytes, start..<index, cut: cut)) }
      start = index + 1
      index += 1
    }
    guard let last = wide.last else { return }
    let name = Int(last.start)..<Int(last.start + last.cutCount)
    var dot = name.upperBound - 1
    while dot > name.lowerBound, bytes[dot] != UInt8(ascii: ".") { dot -= 1 }
    guard bytes[dot] == UInt8(ascii: ".") else { return }
    features.insert(.fileExtension)
    lastIsExtension = dot == name.lowerBound
    if !lastIsExtension { withoutExtension = PathSegment(bytes, name.lowerBound..<dot, cut: dot) }
  }

  private mutating func readNarrow(_ path: Span<UInt8>) {
    narrowBytes.removeAll(keepingCapacity: true)
    narrow.removeAll(keepingCapacity: true)
    Self.appendNarrow(path, to: &narrowBytes)
    let storage = narrowBytes
    let bytes = storage.span
    var start = 1
    for index in 1...bytes.count where index == bytes.count || bytes[index] == UInt8(ascii: "/") {
      if index == bytes.count && index == start {
        // What follows the last `/` is no segment if it is empty: that is the trailing slash.
        narrowEndsInSlash = true
        return
      }
      if Self.isOdd(bytes, start..<index) { lastOdd = narrow.count }
      narrow.append(PathSegment(bytes, start..<index, cut: index))
      start = index + 1
    }
  }

  /// An empty segment, or one with `;` or an encoded `/` or `;`: an escape that is left stands for a reserved or
  /// foreign byte, and these are the ones with a meaning.
  static func isOdd(_ narrow: Span<UInt8>, _ segment: Range<Int>) -> Bool {
    if segment.isEmpty { return true }
    for index in segment {
      let byte = escaped(narrow, at: index) ?? narrow[index]
      if byte == UInt8(ascii: "/") || byte == UInt8(ascii: ";") { return true }
    }
    return false
  }

  /// Unreserved characters decoded, the digits of other escapes in upper case (RFC 3986 §6.2.2.1).
  static func appendNarrow(_ path: Span<UInt8>, to output: inout [UInt8]) {
    var index = 0
    while index < path.count {
      let byte = path[index]
      guard byte == UInt8(ascii: "%"), let decoded = escaped(path, at: index) else {
        output.append(byte)
        index += 1
        continue
      }
      if isUnreserved(decoded) {
        output.append(decoded)
      } else {
        output.append(byte)
        output.append(upperCased(path[index + 1]))
        output.append(upperCased(path[index + 2]))
      }
      index += 3
    }
  }

  private static func upperCased(_ digit: UInt8) -> UInt8 { digit >= UInt8(ascii: "a") ? digit & 0xDF : digit }

  /// The byte that the escape at `index` stands for; nil if there is none.
  static func escaped(_ bytes: Span<UInt8>, at index: Int) -> UInt8? {
    guard bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count else { return nil }
    guard let high = hexadecimalValue(bytes[index + 1]), let low = hexadecimalValue(bytes[index + 2]) else {
      return nil
    }
    return high << 4 | low
  }

  private static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter + 10 : nil
  }

  /// RFC 3986 §2.3.
  static func isUnreserved(_ byte: UInt8) -> Bool { contains(0x03FF_6000_0000_0000, 0x47FF_FFFE_87FF_FFFE, byte) }

  /// RFC 3986 §2.2 and §2.3 without `?` and `#`, which end a path.
  static func isAllowed(_ byte: UInt8) -> Bool { contains(0x2FFF_FFD2_0000_0000, 0x47FF_FFFE_AFFF_FFFF, byte) }

  /// Allowed, and neither a letter in upper case nor one of `/`, `.` and `;`.
  private static func isPlain(_ byte: UInt8) -> Bool { contains(0x27FF_3FD2_0000_0000, 0x47FF_FFFE_A800_0001, byte) }

  /// One bit a byte: the first word covers 0x00-0x3F, the second 0x40-0x7F.
  private static func contains(_ first: UInt64, _ second: UInt64, _ byte: UInt8) -> Bool {
    byte < 128 && ((byte < 64 ? first : second) &>> UInt64(byte & 63)) & 1 == 1
  }

  /// Of a query only what cannot be one at all is refused: no access decision reads it, and browsers send more than
  /// RFC 3986 §3.4 allows.
  static func isAcceptedQuery(_ query: Span<UInt8>) -> Bool {
    for index in query.indices where query[index] &- 0x21 > 0x5D || query[index] == UInt8(ascii: "#") { return false }
    return true
  }
}
