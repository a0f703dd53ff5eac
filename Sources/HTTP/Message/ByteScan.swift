// Eight bytes at a time where most bytes of a message are read. The load is bounds-checked; it is marked unsafe only
// because it reinterprets bytes, and every bit pattern is a UInt64.
extension Span where Element == UInt8 {
  @inline(__always)
  private func word(at index: Int) -> UInt64 {
    unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self))
  }

  /// The index of the first byte that is not one of a field value, HTAB included in those that are; else the count.
  func firstNonValueByte(from start: Int) -> Int {
    var index = start
    while true {
      // The lowest flagged byte is exact: a borrow reaches only the bytes above the first hit.
      while index &+ 8 <= count {
        let word = word(at: index)
        let control = (word &- 0x2020_2020_2020_2020) & ~word
        let delete = word ^ 0x7F7F_7F7F_7F7F_7F7F
        let flags = (control | ((delete &- 0x0101_0101_0101_0101) & ~delete)) & 0x8080_8080_8080_8080
        if flags != 0 {
          index &+= flags.trailingZeroBitCount &>> 3
          break
        }
        index &+= 8
      }
      while index < count && FieldSyntax.isValueByte(self[index]) {
        let stepOver = self[index] == 0x09
        index &+= 1
        if stepOver && index &+ 8 <= count { break }
      }
      if index == count || !FieldSyntax.isValueByte(self[index]) { return index }
    }
  }

  /// The index of the first LF, else the count.
  func firstLineFeed(from start: Int) -> Int {
    var index = start
    while index &+ 8 <= count {
      let difference = word(at: index) ^ 0x0A0A_0A0A_0A0A_0A0A
      let flags = (difference &- 0x0101_0101_0101_0101) & ~difference & 0x8080_8080_8080_8080
      if flags != 0 { return index &+ (flags.trailingZeroBitCount &>> 3) }
      index &+= 8
    }
    while index < count && self[index] != 0x0A { index &+= 1 }
    return index
  }
}
