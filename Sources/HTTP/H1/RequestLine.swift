/// `method SP request-target SP HTTP-version CRLF` (RFC 9112 §3), single spaces only.
enum RequestLine {
  /// RFC 9112 §3.2.
  enum Target: Equatable {
    case origin, asterisk
    case absolute(authority: Slice)
    case authority(Slice)
  }

  /// Sets method, version, scheme, path and query of the head; slices are positions in the input.
  static func parse(
    _ input: Span<UInt8>, from index: inout Int, limits: MessageLimits, into head: inout RequestHead
  ) throws(Violation) -> Target {
    let start = index
    var position = start
    while position < input.count && FieldSyntax.isTokenByte(input[position]) { position &+= 1 }
    guard position > start, position < input.count, input[position] == 0x20 else {
      throw position == start ? .startLine : .methodToken
    }
    head.methodName = Slice(start: start, count: position - start)
    head.method = Method(input.extracting(start..<position))

    let targetStart = position + 1
    position = targetStart
    // Bytes beyond ASCII divide no two readers of the line; that no target has them is said where paths are judged.
    while position < input.count && (input[position] &- 0x21 < 0x5E || input[position] >= 0x80) { position &+= 1 }
    guard position < input.count, input[position] == 0x20 else { throw .targetBytes }
    let target = Slice(start: targetStart, count: position - targetStart)

    index = position + 1
    head.version = try version(input, &index)
    try FieldLineParser.endLine(input, &index)
    if index - 2 - start > limits.requestLineBytes { throw .requestLineBytes }
    return try split(target, of: input, into: &head)
  }

  /// `HTTP/1.1` or `HTTP/1.0`; anything else, the HTTP/2 preface in mid-connection too, is refused.
  static func version(_ input: Span<UInt8>, _ index: inout Int) throws(Violation) -> ProtocolVersion {
    guard index + 8 <= input.count else { throw .version }
    let name = input.extracting(index..<(index + 8))
    index += 8
    if name.matches("HTTP/1.1") { return .http11 }
    if name.matches("HTTP/1.0") { return .http10 }
    throw .version
  }

  private static func split(
    _ target: Slice, of input: Span<UInt8>, into head: inout RequestHead
  ) throws(Violation) -> Target {
    let bytes = input.extracting(target.range)
    if head.method == .connect {
      guard Authority.isValid(bytes) else { throw .targetForm }
      return .authority(target)
    }
    if bytes.isEmpty { throw .targetForm }
    if bytes[0] == UInt8(ascii: "/") {
      setPath(target, of: input, into: &head)
      return .origin
    }
    if bytes.count == 1 && bytes[0] == UInt8(ascii: "*") && head.method == .options {
      head.path = target
      return .asterisk
    }
    return try splitAbsolute(target, of: input, into: &head)
  }

  /// `http` or `https`, `"://"`, authority, and perhaps path and query. An empty path is left for ``RequestRules``.
  private static func splitAbsolute(
    _ target: Slice, of input: Span<UInt8>, into head: inout RequestHead
  ) throws(Violation) -> Target {
    let bytes = input.extracting(target.range)
    var schemeLength = 0
    while schemeLength < bytes.count && schemeLength < 6 && bytes[schemeLength] != UInt8(ascii: ":") {
      schemeLength += 1
    }
    let scheme = bytes.extracting(0..<schemeLength)
    guard scheme.matchesIgnoringCase("http") || scheme.matchesIgnoringCase("https"), schemeLength + 3 <= bytes.count,
      bytes.extracting(schemeLength..<(schemeLength + 3)).matches("://")
    else { throw .targetForm }
    let start = schemeLength + 3
    var stop = start
    while stop < bytes.count && bytes[stop] != UInt8(ascii: "/") && bytes[stop] != UInt8(ascii: "?") { stop += 1 }
    let first = Int(target.start)
    head.scheme = Slice(start: first, count: schemeLength)
    setPath(Slice(start: first + stop, count: bytes.count - stop), of: input, into: &head)
    return .absolute(authority: Slice(start: first + start, count: stop - start))
  }

  private static func setPath(_ pathAndQuery: Slice, of input: Span<UInt8>, into head: inout RequestHead) {
    let range = pathAndQuery.range
    var mark = range.lowerBound
    while mark < range.upperBound && input[mark] != UInt8(ascii: "?") { mark &+= 1 }
    head.path = Slice(start: range.lowerBound, count: mark &- range.lowerBound)
    if mark < range.upperBound {
      head.hasQuery = true
      head.query = Slice(start: mark &+ 1, count: range.upperBound &- mark &- 1)
    }
  }
}
