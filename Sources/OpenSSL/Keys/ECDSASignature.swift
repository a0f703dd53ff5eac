/// The two forms of an ECDSA signature: r and s at full length (RFC 7518 §3.4), and the DER sequence that OpenSSL
/// speaks.
struct ECDSASignature {
  /// The DER form; at most 3 + 2 * (2 + 1 + 66) bytes.
  private(set) var der = InlineArray<144, UInt8>(repeating: 0)
  private(set) var derCount = 0

  /// Nil unless `signature` is exactly twice `coordinateBytes` long.
  init?(fixedLength signature: Span<UInt8>, coordinateBytes: Int) {
    guard coordinateBytes > 0, coordinateBytes <= 66, signature.count == 2 * coordinateBytes else { return nil }
    let r = Self.significant(signature, in: 0..<coordinateBytes)
    let s = Self.significant(signature, in: coordinateBytes..<2 * coordinateBytes)
    let contentCount = Self.encodedCount(signature, r) + Self.encodedCount(signature, s)
    append(0x30)
    if contentCount > 127 { append(0x81) }
    append(UInt8(contentCount))
    append(signature, integer: r)
    append(signature, integer: s)
  }

  /// r and s at full length from the DER form that OpenSSL made; nil if it is something else.
  static func fixedLength(der: Span<UInt8>, coordinateBytes: Int) -> [UInt8]? {
    var position = 0
    func byte() -> UInt8? {
      guard position < der.count else { return nil }
      defer { position += 1 }
      return der[position]
    }
    guard byte() == 0x30, var contentCount = byte().map(Int.init) else { return nil }
    if contentCount == 0x81 {
      guard let long = byte() else { return nil }
      contentCount = Int(long)
    }
    guard contentCount == der.count - position else { return nil }
    var output: [UInt8] = []
    output.reserveCapacity(2 * coordinateBytes)
    for _ in 0..<2 {
      guard byte() == 0x02, let count = byte().map(Int.init), count > 0, count <= der.count - position else {
        return nil
      }
      let magnitude = significant(der, in: position..<position + count)
      guard magnitude.count <= coordinateBytes else { return nil }
      output.append(contentsOf: repeatElement(0, count: coordinateBytes - magnitude.count))
      for index in magnitude { output.append(der[index]) }
      position += count
    }
    return position == der.count ? output : nil
  }

  /// The range without leading zeros.
  private static func significant(_ bytes: Span<UInt8>, in range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    while start < range.upperBound, bytes[start] == 0 { start += 1 }
    return start..<range.upperBound
  }

  /// Bytes of the INTEGER: tag, length, a zero where the first bit is set or nothing is left, magnitude.
  private static func encodedCount(_ bytes: Span<UInt8>, _ magnitude: Range<Int>) -> Int {
    2 + magnitude.count + (needsZero(bytes, magnitude) ? 1 : 0)
  }

  private static func needsZero(_ bytes: Span<UInt8>, _ magnitude: Range<Int>) -> Bool {
    magnitude.isEmpty || bytes[magnitude.lowerBound] >= 0x80
  }

  private mutating func append(_ byte: UInt8) {
    der[derCount] = byte
    derCount += 1
  }

  private mutating func append(_ bytes: Span<UInt8>, integer magnitude: Range<Int>) {
    let zero = Self.needsZero(bytes, magnitude)
    append(0x02)
    append(UInt8(magnitude.count + (zero ? 1 : 0)))
    if zero { append(0) }
    for index in magnitude { append(bytes[index]) }
  }
}
