/// Field lines up to and with the empty line (RFC 9112 §5), strictly: no folding, no bare CR or LF, no space before
/// the colon.
enum FieldLineParser {
  /// Appends a line for each field. Slices are positions in the input; names are still in the peer's case.
  /// `index` moves behind the empty line.
  static func parse(
    _ input: Span<UInt8>, from index: inout Int, limits: MessageLimits, into lines: inout [FieldLine]
  ) throws(Violation) {
    let start = index
    var position = index
    var accounted = 0
    while true {
      guard position < input.count else { throw .lineEnd }
      if input[position] == 0x0D {
        try endLine(input, &position)
        break
      }
      if lines.count >= limits.fieldCount { throw .fieldCount }
      let name = try fieldName(input, &position)
      let value = try fieldValue(input, &position)
      accounted &+= Int(name.count) &+ Int(value.count) &+ 32
      if accounted > limits.headerSectionBytes { throw .sectionBytes }
      lines.append(FieldLine(name: name, value: value, known: .other))
    }
    // White space around values is not in the account, but was buffered.
    if position - start > limits.headerSectionBytes { throw .sectionBytes }
    index = position
  }

  /// `token ":"`
  private static func fieldName(_ input: Span<UInt8>, _ position: inout Int) throws(Violation) -> Slice {
    let start = position
    var index = position
    while index < input.count && FieldSyntax.isTokenByte(input[index]) { index &+= 1 }
    guard index < input.count else { throw .lineEnd }
    if input[index] != UInt8(ascii: ":") || index == start {
      guard FieldSyntax.isWhiteSpace(input[index]) else { throw input[index] == 0x0A ? .lineEnd : .fieldName }
      throw index == start ? .lineFolding : .spaceBeforeColon
    }
    position = index &+ 1
    return Slice(start: start, count: index &- start)
  }

  /// `OWS field-value OWS CRLF`
  private static func fieldValue(_ input: Span<UInt8>, _ position: inout Int) throws(Violation) -> Slice {
    var start = position
    while start < input.count && FieldSyntax.isWhiteSpace(input[start]) { start &+= 1 }
    let lineEnd = input.firstNonValueByte(from: start)
    var stop = lineEnd
    while stop > start && FieldSyntax.isWhiteSpace(input[stop &- 1]) { stop &-= 1 }
    position = lineEnd
    try endLine(input, &position)
    return Slice(start: start, count: stop &- start)
  }

  /// CRLF, nothing else.
  static func endLine(_ input: Span<UInt8>, _ position: inout Int) throws(Violation) {
    guard position < input.count else { throw .lineEnd }
    guard input[position] == 0x0D else { throw input[position] == 0x0A ? .lineEnd : .fieldValue }
    guard position &+ 1 < input.count, input[position &+ 1] == 0x0A else { throw .lineEnd }
    position &+= 2
  }
}

extension FieldSection {
  /// Takes over the bytes that the lines' slices point into, lower-cases names and recognises them.
  mutating func adopt(_ input: Span<UInt8>) {
    bytes.append(copying: input)
    Self.lowerCaseNames(of: lines, in: &bytes)
    Self.recogniseNames(of: &lines, in: bytes)
  }

  private static func recogniseNames(of lines: inout [FieldLine], in bytes: [UInt8]) {
    let arena = bytes.span
    for index in lines.indices {
      lines[index].known = KnownField(arena.extracting(lines[index].name.range))
    }
  }

  private static func lowerCaseNames(of lines: [FieldLine], in bytes: inout [UInt8]) {
    var arena = bytes.mutableSpan
    for line in lines {
      for index in line.name.range { arena[index] = FieldSyntax.lowerCased(arena[index]) }
    }
  }
}
