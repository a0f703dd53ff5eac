/// `chunk-size [ chunk-ext ] CRLF` (RFC 9112 §7.1), read byte by byte so that nothing has to be kept.
///
/// Extensions are checked and dropped; their bytes are bounded by ``BodyDecoder/chunkExtensionBytes``.
struct ChunkHeader: Sendable {
  private enum State: UInt8 {
    case size, beforeSemicolon, beforeName, name, afterName, beforeValue, token, quoted, quotedPair, afterQuoted,
      lineFeed
  }

  private var state = State.size
  private var digitCount: UInt8 = 0
  private var extensionBytes: UInt16 = 0
  private var size: UInt64 = 0

  /// The size once the line is complete; nil if it is not. `index` moves behind what was read.
  mutating func parse(_ input: Span<UInt8>, _ index: inout Int) throws(Violation) -> UInt64? {
    while index < input.count {
      let byte = input[index]
      index += 1
      switch state {
      case .size: try sizeByte(byte)
      case .lineFeed:
        guard byte == 0x0A else { throw .lineEnd }
        return size
      default:
        if Int(extensionBytes) >= BodyDecoder.chunkExtensionBytes { throw .chunkExtension }
        extensionBytes += 1
        state = try Self.extensionState(after: byte, in: state)
      }
    }
    return nil
  }

  /// One to sixteen digits, so 64 bits cannot overflow.
  private mutating func sizeByte(_ byte: UInt8) throws(Violation) {
    if let digit = FieldSyntax.hexadecimalValue(byte) {
      if digitCount == 16 { throw .chunkSize }
      digitCount += 1
      size = size << 4 | UInt64(digit)
      return
    }
    if digitCount == 0 { throw .chunkSize }
    switch byte {
    case 0x0D: state = .lineFeed
    case UInt8(ascii: ";"): state = .beforeName
    case 0x20, 0x09: state = .beforeSemicolon
    default: throw .chunkSize
    }
  }

  /// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 §7.1.1).
  private static func extensionState(after byte: UInt8, in state: State) throws(Violation) -> State {
    switch (state, byte) {
    case (.quoted, UInt8(ascii: "\"")): return .afterQuoted
    case (.quoted, UInt8(ascii: "\\")): return .quotedPair
    case (.quoted, _) where FieldSyntax.isValueByte(byte): return .quoted
    case (.quotedPair, _) where FieldSyntax.isValueByte(byte): return .quoted

    case (.beforeSemicolon, UInt8(ascii: ";")), (.name, UInt8(ascii: ";")), (.afterName, UInt8(ascii: ";")),
      (.token, UInt8(ascii: ";")), (.afterQuoted, UInt8(ascii: ";")):
      return .beforeName
    case (.name, 0x0D), (.token, 0x0D), (.afterQuoted, 0x0D): return .lineFeed
    case (.name, UInt8(ascii: "=")), (.afterName, UInt8(ascii: "=")): return .beforeValue
    case (.beforeValue, UInt8(ascii: "\"")): return .quoted

    case (.beforeSemicolon, 0x20), (.beforeSemicolon, 0x09), (.beforeName, 0x20), (.beforeName, 0x09),
      (.beforeValue, 0x20), (.beforeValue, 0x09), (.afterName, 0x20), (.afterName, 0x09):
      return state
    case (.name, 0x20), (.name, 0x09): return .afterName
    case (.token, 0x20), (.token, 0x09), (.afterQuoted, 0x20), (.afterQuoted, 0x09): return .beforeSemicolon

    case (.beforeName, _) where FieldSyntax.isTokenByte(byte), (.name, _) where FieldSyntax.isTokenByte(byte):
      return .name
    case (.beforeValue, _) where FieldSyntax.isTokenByte(byte), (.token, _) where FieldSyntax.isTokenByte(byte):
      return .token
    default: throw .chunkExtension
    }
  }
}
