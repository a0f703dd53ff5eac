internal import CYAML

/// One event of libyaml with everything of it that we read.
struct YAMLEvent {
  enum Kind {
    case documentStart, documentEnd, streamEnd, other
    case alias
    case scalar(text: String, isPlain: Bool)
    case sequenceStart, sequenceEnd, mappingStart, mappingEnd
  }

  var kind: Kind
  var hasAnchor = false
  var hasTag = false
  var position: Position
}

/// The text is not YAML; what libyaml says about it. Holds nothing of the text.
struct YAMLSyntaxError: Error {
  var message: String
  var position: Position
}

/// Owns one libyaml parser and the bytes that it reads. The only file that knows the library.
@safe struct YAMLEvents: ~Copyable {
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let content: UnsafeMutableBufferPointer<UInt8>

  /// Throws when there is no memory.
  init(_ text: [UInt8]) throws(YAMLSyntaxError) {
    // The library skips a byte order mark, too, but counts it as a column that the following lines lack.
    let bytes = text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
    unsafe content = UnsafeMutableBufferPointer.allocate(capacity: bytes.count)
    _ = unsafe content.initialize(fromContentsOf: bytes)
    unsafe parser = UnsafeMutablePointer.allocate(capacity: 1)
    unsafe parser.initialize(to: yaml_parser_t())
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw YAMLSyntaxError(message: "there is not enough memory to read it", position: Position(line: 1, column: 1))
    }
    // The library would otherwise guess UTF-16 from the first bytes.
    unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    unsafe yaml_parser_set_input_string(parser, content.baseAddress, bytes.count)
  }

  deinit {
    unsafe yaml_parser_delete(parser)
    unsafe parser.deallocate()
    unsafe content.deallocate()
  }

  mutating func next() throws(YAMLSyntaxError) -> YAMLEvent {
    var event = unsafe yaml_event_t()
    guard unsafe yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { unsafe yaml_event_delete(&event) }
    let position = unsafe Position(event.start_mark)
    switch unsafe event.type {
    case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, position: position)
    case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, position: position)
    case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return YAMLEvent(kind: .streamEnd, position: position)
    case YAML_ALIAS_EVENT: return YAMLEvent(kind: .alias, position: position)
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let text = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      return unsafe YAMLEvent(
        kind: .scalar(text: text, isPlain: isPlain), hasAnchor: scalar.anchor != nil, hasTag: scalar.tag != nil,
        position: position)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      return unsafe YAMLEvent(
        kind: .sequenceStart, hasAnchor: start.anchor != nil, hasTag: start.tag != nil, position: position)
    case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, position: position)
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      return unsafe YAMLEvent(
        kind: .mappingStart, hasAnchor: start.anchor != nil, hasTag: start.tag != nil, position: position)
    case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, position: position)
    default: return YAMLEvent(kind: .other, position: position)
    }
  }

  private func syntaxError() -> YAMLSyntaxError {
    var message = "it is not valid YAML"
    if let problem = unsafe parser.pointee.problem { unsafe message += ": " + String(cString: problem) }
    if let context = unsafe parser.pointee.context { unsafe message += " (" + String(cString: context) + ")" }
    // The reader, which decodes UTF-8, knows only the byte's offset.
    let isOfReader = unsafe parser.pointee.error == YAML_READER_ERROR
    let position =
      unsafe isOfReader ? self.position(ofByte: parser.pointee.problem_offset) : Position(parser.pointee.problem_mark)
    return YAMLSyntaxError(message: message, position: position)
  }

  private func position(ofByte offset: Int) -> Position {
    var position = Position(line: 1, column: 1)
    for index in unsafe 0..<min(offset, content.count) {
      let byte = unsafe content[index]
      if byte == 0x0A {
        position = Position(line: position.line + 1, column: 1)
      } else if byte & 0xC0 != 0x80 {
        position.column += 1
      }
    }
    return position
  }
}

extension Position {
  fileprivate init(_ mark: yaml_mark_t) {
    self.init(line: mark.line + 1, column: mark.column + 1)
  }
}
