/// What both logs write: JSON text (RFC 8259) appended to bytes whose room was reserved by the caller.
///
/// Whatever bytes come in, one line of valid UTF-8 comes out: controls (C0, DEL, C1), the separators U+2028 and U+2029,
/// quotation mark and backslash are escaped, ill-formed UTF-8 becomes U+FFFD.
extension OutputSpan where Element == UInt8 {
  /// The most bytes that one byte of content can become: `\u001F`.
  static var worstCaseBytesPerByte: Int { 6 }

  /// Appends text that needs no escaping.
  mutating func append(_ literal: StaticString) {
    unsafe append(copying: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
  }

  /// A copy in one piece: byte by byte a line of the access log costs a quarter more.
  private mutating func append(copying content: UnsafeBufferPointer<UInt8>) {
    precondition(content.count <= freeCapacity)
    unsafe withUnsafeMutableBufferPointer { buffer, count in
      _ = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(fromContentsOf: content)
      count += content.count
    }
  }

  mutating func append(integer: Int64) {
    if integer < 0 { append(0x2D) }
    var rest = integer.magnitude
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var count = 0
    repeat {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: 10)
      digits[count] = 0x30 &+ UInt8(truncatingIfNeeded: remainder)
      count += 1
      rest = quotient
    } while rest > 0
    while count > 0 {
      count -= 1
      append(digits[count])
    }
  }

  /// Sixteen digits in lower case.
  mutating func append(hexadecimal value: UInt64) {
    append(digitsOf: UInt32(truncatingIfNeeded: value &>> 32))
    append(digitsOf: UInt32(truncatingIfNeeded: value))
  }

  /// All eight digits at once: each in a byte of its own, the first in the lowest.
  private mutating func append(digitsOf value: UInt32) {
    var digits = UInt64(value)
    digits = (digits | digits &<< 16) & 0x0000_FFFF_0000_FFFF
    digits = (digits | digits &<< 8) & 0x00FF_00FF_00FF_00FF
    digits = ((digits | digits &<< 4) & 0x0F0F_0F0F_0F0F_0F0F).byteSwapped
    let letters = (digits &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
    digits = (digits &+ 0x3030_3030_3030_3030 &+ letters &* 0x27).littleEndian
    unsafe withUnsafeBytes(of: digits) { bytes in
      unsafe append(copying: bytes.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Appends a string in quotation marks, cut after `limit` bytes of content; the cut is marked by `…`.
  mutating func append(quoted content: Span<UInt8>, limit: Int = .max) {
    append(0x22)
    let end = Swift.min(content.count, limit)
    var index = 0
    while index < end {
      let start = index
      while index < end, content[index].isPlain { index += 1 }
      if index > start {
        unsafe content.extracting(start..<index).withUnsafeBufferPointer { run in unsafe append(copying: run) }
      } else if content[index] < 0x80 {
        append(escapedASCII: content[index])
        index += 1
      } else {
        index += append(scalarAt: index, before: end, of: content)
      }
    }
    if content.count > limit { append("\u{2026}") }
    append(0x22)
  }

  private mutating func append(escapedASCII byte: UInt8) {
    append(0x5C)
    switch byte {
    case 0x22, 0x5C: append(byte)
    case 0x0A: append(0x6E)
    case 0x0D: append(0x72)
    case 0x09: append(0x74)
    default:
      append("u00")
      append(hexDigit(byte >> 4))
      append(hexDigit(byte & 0xF))
    }
  }

  /// Appends the character that begins at `index`, or U+FFFD, and returns how many bytes it took.
  private mutating func append(scalarAt index: Int, before end: Int, of content: Span<UInt8>) -> Int {
    let length = wellFormedLength(at: index, before: end, of: content)
    guard length > 0 else {
      append("\u{FFFD}")
      return 1
    }
    if length == 2, content[index] == 0xC2, content[index + 1] < 0xA0 {
      append("\\u00")
      append(hexDigit(content[index + 1] >> 4))
      append(hexDigit(content[index + 1] & 0xF))
    } else if length == 3, content[index] == 0xE2, content[index + 1] == 0x80, content[index + 2] & 0xFE == 0xA8 {
      append(content[index + 2] == 0xA8 ? "\\u2028" : "\\u2029")
    } else {
      for offset in index..<(index + length) { append(content[offset]) }
    }
    return length
  }

  /// RFC 3629 §4; 0 if the bytes are ill-formed there.
  private func wellFormedLength(at index: Int, before end: Int, of content: Span<UInt8>) -> Int {
    let first = content[index]
    let length: Int
    var second: ClosedRange<UInt8> = 0x80...0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, second) = (3, 0xA0...0xBF)
    case 0xED: (length, second) = (3, 0x80...0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, second) = (4, 0x90...0xBF)
    case 0xF4: (length, second) = (4, 0x80...0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    guard index + length <= end, second.contains(content[index + 1]) else { return 0 }
    for offset in (index + 2)..<Swift.max(index + 2, index + length) where content[offset] & 0xC0 != 0x80 { return 0 }
    return length
  }

  private func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x57 &+ value }
}

extension UInt8 {
  /// An ASCII character that stands for itself in a JSON string.
  fileprivate var isPlain: Bool { self >= 0x20 && self < 0x7F && self != 0x22 && self != 0x5C }
}
