extension Span where Element == UInt8 {
  /// Equality byte for byte; not in constant time.
  @inline(__always) func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count where self[index] != other[index] { return false }
    return true
  }

  /// Equality with ASCII case ignored; `other` must be in lower case.
  func hasSameLetters(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count {
      let byte = self[index]
      let lowered = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
      guard lowered == other[index] else { return false }
    }
    return true
  }

  /// The bytes of the well-formed UTF-8 sequence that begins at `index` (RFC 3629 §4); nil for anything else.
  func wellFormedSequenceCount(at index: Int) -> Int? {
    let first = self[index]
    if first < 0x80 { return 1 }
    func isContinuation(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      index + offset < count && range.contains(self[index + offset])
    }
    switch first {
    case 0xC2...0xDF:
      return isContinuation(1) ? 2 : nil
    case 0xE0...0xEF:
      let second: ClosedRange<UInt8> = first == 0xE0 ? 0xA0...0xBF : first == 0xED ? 0x80...0x9F : 0x80...0xBF
      return isContinuation(1, second) && isContinuation(2) ? 3 : nil
    case 0xF0...0xF4:
      let second: ClosedRange<UInt8> = first == 0xF0 ? 0x90...0xBF : first == 0xF4 ? 0x80...0x8F : 0x80...0xBF
      return isContinuation(1, second) && isContinuation(2) && isContinuation(3) ? 4 : nil
    default:
      return nil
    }
  }
}

extension Array where Element == UInt8 {
  mutating func append(copying content: Span<UInt8>) {
    unsafe content.withUnsafeBufferPointer { content in unsafe append(contentsOf: content) }
  }
}
