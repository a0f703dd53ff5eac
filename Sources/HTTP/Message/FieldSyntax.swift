/// The lexical rules of field lines (RFC 9110 §5), for both codecs.
public enum FieldSyntax {
  /// `tchar` of RFC 9110 §5.6.2.
  @inlinable public static func isTokenByte(_ byte: UInt8) -> Bool {
    // Nearly all are letters.
    if (byte | 0x20) &- 0x61 < 26 { return true }
    // One bit a byte: the first word covers 0x00-0x3F, the second 0x40-0x7F.
    let word: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
    return byte < 128 && (word &>> UInt64(byte & 63)) & 1 == 1
  }

  /// One `tchar` or more.
  public static func isToken(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices where !isTokenByte(bytes[index]) { return false }
    return !bytes.isEmpty
  }

  /// A token without capitals: what field names are in HTTP/2 (RFC 9113 §8.2.1).
  public static func isLowerCaseToken(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices where !isTokenByte(bytes[index]) || isUpperCase(bytes[index]) { return false }
    return !bytes.isEmpty
  }

  /// HTAB, SP, visible ASCII and `obs-text` (RFC 9110 §5.5): no control byte, so neither CR, LF nor NUL.
  @inlinable public static func isValueByte(_ byte: UInt8) -> Bool {
    byte >= 0x20 ? byte != 0x7F : byte == 0x09
  }

  /// Value bytes only, with no white space at either end; may be empty.
  public static func isValue(_ bytes: Span<UInt8>) -> Bool {
    if bytes.isEmpty { return true }
    if isWhiteSpace(bytes[0]) || isWhiteSpace(bytes[bytes.count - 1]) { return false }
    return bytes.firstNonValueByte(from: 0) == bytes.count
  }

  /// SP or HTAB.
  @inlinable public static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  @inlinable static func isUpperCase(_ byte: UInt8) -> Bool { byte &- 0x41 < 26 }

  /// ASCII only; every other byte stays.
  @inlinable public static func lowerCased(_ byte: UInt8) -> UInt8 { isUpperCase(byte) ? byte | 0x20 : byte }

  /// The value of a hexadecimal digit of either case.
  @inlinable static func hexadecimalValue(_ byte: UInt8) -> UInt8? {
    if byte &- 0x30 < 10 { return byte &- 0x30 }
    let letter = (byte | 0x20) &- 0x61
    return letter < 6 ? letter &+ 10 : nil
  }

  /// `1*DIGIT` that fits 64 bits, nothing else (RFC 9110 §8.6): no sign, no list, no white space.
  public static func contentLength(_ value: Span<UInt8>) -> UInt64? {
    if value.isEmpty { return nil }
    var length: UInt64 = 0
    for index in value.indices {
      let digit = value[index] &- 0x30
      if digit > 9 { return nil }
      let (product, overflowed) = length.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(digit))
      if overflowed || carried { return nil }
      length = sum
    }
    return length
  }
}

/// Walks the elements of a comma-separated list of tokens (RFC 9110 §5.6.1), empty ones skipped. Knows no quoted
/// strings.
public struct ListElements: Sendable {
  var position: Int
  let end: Int

  public init(_ value: Slice) {
    position = value.range.lowerBound
    end = value.range.upperBound
  }

  /// The next element without surrounding white space; nil at the end.
  public mutating func next(in arena: Span<UInt8>) -> Slice? {
    while position < end {
      var start = position
      var stop = start
      while stop < end && arena[stop] != 0x2C { stop += 1 }
      position = stop + 1
      while start < stop && FieldSyntax.isWhiteSpace(arena[start]) { start += 1 }
      while start < stop && FieldSyntax.isWhiteSpace(arena[stop - 1]) { stop -= 1 }
      if start < stop { return Slice(start: start, count: stop - start) }
    }
    return nil
  }
}

extension Span where Element == UInt8 {
  /// Equality with a literal in lower case, ASCII case ignored on our side.
  public func matchesIgnoringCase(_ lowerCaseLiteral: StaticString) -> Bool {
    guard count == lowerCaseLiteral.utf8CodeUnitCount else { return false }
    let expected = unsafe UnsafeBufferPointer(
      start: lowerCaseLiteral.utf8Start, count: lowerCaseLiteral.utf8CodeUnitCount)
    for index in 0..<count where unsafe FieldSyntax.lowerCased(self[index]) != expected[index] { return false }
    return true
  }

  /// Equality, ASCII case ignored on both sides.
  public func equalsIgnoringCase(_ other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    for index in 0..<count where FieldSyntax.lowerCased(self[index]) != FieldSyntax.lowerCased(other[index]) {
      return false
    }
    return true
  }
}
