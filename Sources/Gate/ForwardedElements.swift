import HTTP

/// What a proxy told in `X-Forwarded-For`, `-Host` and `-Proto` alone, said in `Forwarded` too (RFC 7239 §7.4): an app
/// that prefers the newer field would else take the proxy for the client, and its scheme for the client's.
enum ForwardedElements {
  /// An element for each address of `X-Forwarded-For`, the first with `host` and `proto`, then `last`. Without such an
  /// address `last` alone.
  static func joined(head: inout RequestHead, host: Slice, proto: Slice, with last: Slice) -> Slice {
    let start = head.fields.bytes.count
    var isFirst = true
    for line in head.fields.lines.indices where head.fields.lines[line].known == .xForwardedFor {
      let range = head.fields.lines[line].value.range
      var begin = range.lowerBound
      while begin < range.upperBound {
        var end = begin
        while end < range.upperBound, head.fields.bytes[end] != UInt8(ascii: ",") { end += 1 }
        let node = trimmed(begin..<end, head.fields.bytes)
        begin = end + 1
        if node.isEmpty { continue }
        append(node, to: &head)
        if isFirst {
          if !host.isEmpty {
            _ = head.fields.store(";host=\"")
            head.fields.bytes.append(copyOf: host.range)
            _ = head.fields.store("\"")
          }
          _ = head.fields.store(";proto=")
          head.fields.bytes.append(copyOf: proto.range)
          isFirst = false
        }
        _ = head.fields.store(", ")
      }
    }
    if isFirst { return last }
    head.fields.bytes.append(copyOf: last.range)
    return Slice(start: start, count: head.fields.bytes.count - start)
  }

  /// `for=` and the node (§6): as it is where it is a token, quoted where it is an address with colons, else `unknown`.
  private static func append(_ node: Range<Int>, to head: inout RequestHead) {
    var (isToken, isAddress, colonCount) = (true, true, 0)
    for index in node {
      let byte = head.fields.bytes[index]
      let isHexadecimal =
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
      if byte == UInt8(ascii: ":") { colonCount += 1 }
      if !FieldSyntax.isTokenByte(byte) { isToken = false }
      if !isHexadecimal, ![UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "["), UInt8(ascii: "]")].contains(byte) {
        isAddress = false
      }
    }
    guard isToken || isAddress else {
      _ = head.fields.store("for=unknown")
      return
    }
    let isBare = colonCount > 1 && head.fields.bytes[node.lowerBound] != UInt8(ascii: "[")
    _ = head.fields.store(isToken ? "for=" : isBare ? "for=\"[" : "for=\"")
    head.fields.bytes.append(copyOf: node)
    if !isToken { _ = head.fields.store(isBare ? "]\"" : "\"") }
  }

  private static func trimmed(_ range: Range<Int>, _ bytes: [UInt8]) -> Range<Int> {
    var (start, end) = (range.lowerBound, range.upperBound)
    while start < end, FieldSyntax.isWhiteSpace(bytes[start]) { start += 1 }
    while end > start, FieldSyntax.isWhiteSpace(bytes[end - 1]) { end -= 1 }
    return start..<end
  }
}
