/// Writes HTTP/1.1 messages (RFC 9112). What it is given comes from the codecs or from our own tables, so that names
/// are tokens and no value holds CR, LF or NUL; it checks nothing itself.
public enum Serializer {
  /// `method SP target SP HTTP/1.1 CRLF` and, unless the authority is empty, `Host`.
  public static func appendRequestLine(
    method: Span<UInt8>, target: Span<UInt8>, authority: Span<UInt8>, to output: inout [UInt8]
  ) {
    output.append(copying: method)
    output.append(0x20)
    output.append(copying: target)
    output.append(literal: " HTTP/1.1\r\n")
    if !authority.isEmpty { appendField("host", authority, to: &output) }
  }

  /// Request line, `Host` from the authority, all other lines in order, and the empty line.
  /// What must not go on is not in the head (RFC 9110 §7.6.1): its maker saw to it.
  public static func append(_ head: borrowing RequestHead, to output: inout [UInt8]) {
    let arena = head.fields.bytes.span
    appendRequestLine(
      method: arena.extracting(head.methodName.range), target: arena.extracting(head.target.range),
      authority: arena.extracting(head.authority.range), to: &output)
    for line in head.fields.lines where line.known != .host { append(line, of: arena, to: &output) }
    endSection(&output)
  }

  /// `HTTP/1.1 SP status SP reason CRLF`. The status has three digits.
  public static func appendStatusLine(_ status: UInt16, to output: inout [UInt8]) {
    output.append(literal: "HTTP/1.1 ")
    let digits = min(max(status, 100), 999)
    output.append(UInt8(truncatingIfNeeded: 0x30 + digits / 100))
    output.append(UInt8(truncatingIfNeeded: 0x30 + digits / 10 % 10))
    output.append(UInt8(truncatingIfNeeded: 0x30 + digits % 10))
    output.append(0x20)
    output.append(literal: ReasonPhrase.of(status))
    output.append(literal: "\r\n")
  }

  /// Status line, all lines in order, and the empty line.
  public static func append(_ head: borrowing ResponseHead, to output: inout [UInt8]) {
    appendStatusLine(head.status, to: &output)
    appendLines(of: head.fields, to: &output)
    endSection(&output)
  }

  /// All lines of a section, without the empty line.
  public static func appendLines(of section: borrowing FieldSection, to output: inout [UInt8]) {
    let arena = section.bytes.span
    for line in section.lines { append(line, of: arena, to: &output) }
  }

  public static func append(_ line: FieldLine, of arena: Span<UInt8>, to output: inout [UInt8]) {
    appendField(arena.extracting(line.name.range), arena.extracting(line.value.range), to: &output)
  }

  public static func appendField(_ name: Span<UInt8>, _ value: Span<UInt8>, to output: inout [UInt8]) {
    output.append(copying: name)
    output.append(literal: ": ")
    output.append(copying: value)
    output.append(literal: "\r\n")
  }

  public static func appendField(_ name: StaticString, _ value: Span<UInt8>, to output: inout [UInt8]) {
    output.append(literal: name)
    output.append(literal: ": ")
    output.append(copying: value)
    output.append(literal: "\r\n")
  }

  public static func appendField(_ name: StaticString, _ value: StaticString, to output: inout [UInt8]) {
    output.append(literal: name)
    output.append(literal: ": ")
    output.append(literal: value)
    output.append(literal: "\r\n")
  }

  /// The empty line after a head or trailer section.
  public static func endSection(_ output: inout [UInt8]) {
    output.append(literal: "\r\n")
  }

  /// One chunk (RFC 9112 §7.1). No content, no chunk: an empty one would end the body.
  public static func appendChunk(_ content: Span<UInt8>, to output: inout [UInt8]) {
    if content.isEmpty { return }
    appendChunkHeader(content.count, to: &output)
    output.append(copying: content)
    output.append(literal: "\r\n")
  }

  /// The size line of a chunk whose content and CRLF are written by the caller; the size is at least 1.
  public static func appendChunkHeader(_ size: Int, to output: inout [UInt8]) {
    var shift = (Int.bitWidth - max(size, 1).leadingZeroBitCount - 1) & ~3
    while shift >= 0 {
      let digit = UInt8(truncatingIfNeeded: size >> shift) & 0xF
      output.append(digit < 10 ? digit + 0x30 : digit + 0x57)
      shift -= 4
    }
    output.append(literal: "\r\n")
  }

  /// The last chunk and an empty trailer section.
  public static func appendLastChunk(to output: inout [UInt8]) {
    output.append(literal: "0\r\n\r\n")
  }

  /// The last chunk and the trailer section.
  public static func appendLastChunk(trailers: borrowing FieldSection, to output: inout [UInt8]) {
    output.append(literal: "0\r\n")
    appendLines(of: trailers, to: &output)
    endSection(&output)
  }
}

extension Array where Element == UInt8 {
  @inlinable mutating func append(literal text: StaticString) {
    unsafe append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
