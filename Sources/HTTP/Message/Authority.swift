/// The authority of a request (RFC 9110 §4.2, RFC 3986 §3.2): `host`, `host:port`, `[v6]`, `[v6]:port`.
///
/// Narrower than the grammar on purpose: a registered name consists of letters, digits and `-._~`. Percent-encoding and
/// sub-delimiters occur in no host name, and a comma or semicolon would forge elements of `X-Forwarded-Host` and
/// `Forwarded`. User information, an empty host and an empty port are refused too.
public enum Authority {
  public static func isValid(_ bytes: Span<UInt8>) -> Bool {
    guard let host = hostLength(bytes) else { return false }
    return host == bytes.count || isPort(bytes, from: host)
  }

  /// Length of the host at the beginning; nil if there is none.
  private static func hostLength(_ bytes: Span<UInt8>) -> Int? {
    if bytes.isEmpty { return nil }
    if bytes[0] == UInt8(ascii: "[") { return literalLength(bytes) }
    var length = 0
    while length < bytes.count && isNameByte(bytes[length]) { length += 1 }
    return length == 0 ? nil : length
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
      true
    default: false
    }
  }

  private static func isPort(_ bytes: Span<UInt8>, from colon: Int) -> Bool {
    guard bytes[colon] == UInt8(ascii: ":"), 2...6 ~= bytes.count - colon else { return false }
    var port = 0
    for index in (colon + 1)..<bytes.count {
      let digit = bytes[index] &- 0x30
      if digit > 9 { return false }
      port = port * 10 + Int(digit)
    }
    return port <= 65_535
  }

  /// Length of `[IPv6address]` (RFC 3986 §3.2.2, without zone and without IPvFuture); nil if it is none.
  private static func literalLength(_ bytes: Span<UInt8>) -> Int? {
    var index = 1
    var groups = 0
    var compressed = false
    if index + 1 < bytes.count && bytes[index] == UInt8(ascii: ":") && bytes[index + 1] == UInt8(ascii: ":") {
      compressed = true
      index += 2
    }
    while index < bytes.count && bytes[index] != UInt8(ascii: "]") {
      let start = index
      while index < bytes.count && index - start < 4 && FieldSyntax.hexadecimalValue(bytes[index]) != nil { index += 1 }
      if index == start || index == bytes.count { return nil }
      if bytes[index] == UInt8(ascii: ".") {
        guard let stop = dottedQuadEnd(bytes, from: start), bytes[stop] == UInt8(ascii: "]") else { return nil }
        groups += 2
        index = stop
        break
      }
      groups += 1
      if bytes[index] == UInt8(ascii: "]") { break }
      if bytes[index] != UInt8(ascii: ":") { return nil }
      index += 1
      if index < bytes.count && bytes[index] == UInt8(ascii: ":") {
        if compressed { return nil }
        compressed = true
        index += 1
      } else if index < bytes.count && bytes[index] == UInt8(ascii: "]") {
        return nil
      }
    }
    guard index < bytes.count, compressed ? groups <= 7 : groups == 8 else { return nil }
    return index + 1
  }

  /// The index after `d.d.d.d`, which must lie inside the bytes.
  private static func dottedQuadEnd(_ bytes: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    for part in 0..<4 {
      if part > 0 {
        guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return nil }
        index += 1
      }
      let first = index
      var number = 0
      while index < bytes.count && index - first < 3 && bytes[index] &- 0x30 < 10 {
        number = number * 10 + Int(bytes[index] &- 0x30)
        index += 1
      }
      let hasLeadingZero = index - first > 1 && bytes[first] == UInt8(ascii: "0")
      if index == first || hasLeadingZero || number > 255 { return nil }
    }
    return index < bytes.count ? index : nil
  }
}
