extension Span where Element == UInt8 {
  /// Equality byte for byte. Where the counts agree it takes the same time wherever the bytes differ: what is compared
  /// here may be a token, and without an early end the loop is vectorised.
  @inline(__always) func hasSameBytes(as other: Span<UInt8>) -> Bool {
    guard count == other.count else { return false }
    var difference: UInt8 = 0
    for index in indices { difference |= self[index] ^ other[index] }
    return difference == 0
  }

  /// Whether the bytes from `start` on begin with `literal`.
  func begins(with literal: StaticString, at start: Int) -> Bool {
    guard count - start >= literal.utf8CodeUnitCount else { return false }
    let end = start + literal.utf8CodeUnitCount
    return extracting(start..<end).matches(literal)
  }
}
