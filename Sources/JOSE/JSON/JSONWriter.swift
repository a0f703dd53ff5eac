/// Writes one JSON text; commas are put where they belong, nesting is the caller's.
public struct JSONWriter: Sendable {
  public private(set) var bytes: [UInt8]

  public init() { bytes = [] }

  /// Forgets the content and keeps the memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  public mutating func beginObject() {
    separate()
    bytes.append(UInt8(ascii: "{"))
  }

  public mutating func endObject() { bytes.append(UInt8(ascii: "}")) }

  public mutating func beginArray() {
    separate()
    bytes.append(UInt8(ascii: "["))
  }

  public mutating func endArray() { bytes.append(UInt8(ascii: "]")) }

  /// The name of the member whose value is written next.
  public mutating func name(_ name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
  }

  public mutating func string(_ text: String) {
    separate()
    escape(text.utf8.span)
  }

  /// Bytes of whatever origin as a string; what is not well-formed UTF-8 becomes U+FFFD.
  public mutating func string(_ text: Span<UInt8>) {
    separate()
    escape(text)
  }

  public mutating func integer(_ value: Int64) {
    separate()
    bytes.append(contentsOf: String(value).utf8)
  }

  public mutating func boolean(_ value: Bool) {
    separate()
    bytes.append(contentsOf: (value ? "true" : "false").utf8)
  }

  public mutating func null() {
    separate()
    bytes.append(contentsOf: "null".utf8)
  }

  public mutating func member(_ name: String, _ value: String) {
    self.name(name)
    string(value)
  }

  public mutating func member(_ name: String, _ value: Int64) {
    self.name(name)
    integer(value)
  }

  public mutating func member(_ name: String, _ value: Bool) {
    self.name(name)
    boolean(value)
  }

  public mutating func member(_ name: String, _ values: [String]) {
    self.name(name)
    beginArray()
    for value in values { string(value) }
    endArray()
  }

  /// A member with the value of a parsed document; numbers keep their spelling.
  public mutating func member(_ name: String, _ node: JSONDocument.Node, of document: JSONDocument) {
    self.name(name)
    value(node, of: document)
  }

  /// A value of a parsed document.
  public mutating func value(_ node: JSONDocument.Node, of document: JSONDocument) {
    switch document.kind(of: node) {
    case nil, .null:
      null()
    case .boolean:
      boolean(document.boolean(node) == true)
    case .number:
      separate()
      if let range = document.numberRange(node) { bytes.append(contentsOf: document.bytes[range]) }
    case .string:
      if let range = document.stringRange(node) { string(document.bytes.span.extracting(range)) }
    case .array:
      beginArray()
      for element in document.elements(of: node) { value(element, of: document) }
      endArray()
    case .object:
      beginObject()
      for (name, member) in document.members(of: node) {
        value(name, of: document)
        bytes.append(UInt8(ascii: ":"))
        value(member, of: document)
      }
      endObject()
    }
  }

  /// No finished value ends in one of these bytes, so the last byte tells whether a comma is due.
  private mutating func separate() {
    switch bytes.last {
    case nil, UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: ":"): break
    default: bytes.append(UInt8(ascii: ","))
    }
  }

  private mutating func escape(_ text: Span<UInt8>) {
    bytes.append(UInt8(ascii: "\""))
    var index = 0
    while index < text.count {
      let byte = text[index]
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(byte)
        index += 1
      case 0x0A:
        bytes.append(contentsOf: "\\n".utf8)
        index += 1
      case 0x00..<0x20, 0x7F:
        bytes.append(contentsOf: byte < 0x10 ? "\\u000".utf8 : "\\u00".utf8)
        bytes.append(contentsOf: String(byte, radix: 16).utf8)
        index += 1
      case 0x20..<0x7F:
        bytes.append(byte)
        index += 1
      default:
        guard let count = text.wellFormedSequenceCount(at: index) else {
          bytes.append(contentsOf: "\u{FFFD}".utf8)
          index += 1
          continue
        }
        for _ in 0..<count {
          bytes.append(text[index])
          index += 1
        }
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
