/// Looks for the empty line that ends a header or trailer section, each byte once however slowly they arrive.
///
/// Refuses early what cannot become acceptable: a line feed without carriage return, too many bytes, too many lines.
struct SectionSearch: Sendable {
  /// False for trailer sections.
  private let hasStartLine: Bool
  /// Everything before was searched.
  private var position = 0
  private var lineStart = 0
  private var sectionStart = 0
  private var lineCount = 0

  init(hasStartLine: Bool) { self.hasStartLine = hasStartLine }

  /// The index after the empty line; nil if it has not arrived. The input begins with the first line each time.
  mutating func end(in input: Span<UInt8>, limits: MessageLimits) throws(Violation) -> Int? {
    // Fewer bytes than last time are other bytes.
    if input.count < position { self = SectionSearch(hasStartLine: hasStartLine) }
    let fieldLineLimit = limits.fieldCount &+ (hasStartLine ? 1 : 0)
    while true {
      let lineFeed = input.firstLineFeed(from: position)
      if lineFeed == input.count { break }
      if lineFeed == lineStart || input[lineFeed - 1] != 0x0D { throw .lineEnd }
      position = lineFeed + 1
      if lineFeed - 1 == lineStart { return position }
      lineCount += 1
      if lineCount > fieldLineLimit { throw .fieldCount }
      if hasStartLine && lineCount == 1 {
        if lineFeed - 1 - lineStart > limits.requestLineBytes { throw .requestLineBytes }
        sectionStart = position
      }
      lineStart = position
    }
    position = input.count
    if hasStartLine && lineCount == 0 {
      // One byte more, as the last one may be the CR of the line's end.
      if input.count - lineStart > limits.requestLineBytes &+ 1 { throw .requestLineBytes }
    } else if input.count - sectionStart > limits.headerSectionBytes {
      throw .sectionBytes
    }
    return nil
  }
}
