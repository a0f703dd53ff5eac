/// One segment of a path in one reading.
struct PathSegment {
  /// The first eight bytes, big-endian, with the others folded in: with the count, all of a short segment, and of a
  /// long one enough to tell it from nearly every other.
  var key: UInt64
  var start: UInt32
  var count: UInt32
  /// The same without `;` and what follows it; wide reading only.
  var cutKey: UInt64
  var cutCount: UInt32

  static func key(of bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64 {
    var key: UInt64 = 0
    for index in range { key = Self.key(key, adding: bytes[index], at: index - range.lowerBound) }
    return key
  }

  @inline(__always) static func key(_ key: UInt64, adding byte: UInt8, at position: Int) -> UInt64 {
    position < 8 ? key << 8 | UInt64(byte) : (key << 5 | key >> 59) ^ UInt64(byte)
  }

  init(_ bytes: Span<UInt8>, _ range: Range<Int>, cut: Int) {
    key = Self.key(of: bytes, range)
    start = UInt32(truncatingIfNeeded: range.lowerBound)
    count = UInt32(truncatingIfNeeded: range.count)
    cutKey = cut == range.upperBound ? key : Self.key(of: bytes, range.lowerBound..<cut)
    cutCount = UInt32(truncatingIfNeeded: cut - range.lowerBound)
  }

  init(key: UInt64, start: Int, count: Int) {
    self.key = key
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = UInt32(truncatingIfNeeded: count)
    cutKey = key
    cutCount = self.count
  }
}

/// What in a path the two readings see differently.
struct PathFeatures: OptionSet {
  let rawValue: UInt8
  static let escape = PathFeatures(rawValue: 1)
  static let upperCase = PathFeatures(rawValue: 2)
  static let emptySegment = PathFeatures(rawValue: 4)
  static let parameter = PathFeatures(rawValue: 8)
  static let trailingSlash = PathFeatures(rawValue: 16)
  static let fileExtension = PathFeatures(rawValue: 32)
}
