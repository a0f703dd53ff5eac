/// Why a text is not accepted as JSON.
public enum JSONError: Error, Equatable, Sendable {
  case tooLarge
  case tooDeep
  /// Not the grammar of RFC 8259, white space and trailing bytes included.
  case syntax
  case invalidUTF8
  /// An escape that is half of a surrogate pair.
  case loneSurrogate
  /// The same name twice in one object, escapes resolved.
  case duplicateMember
  /// An integer beyond Int64, a magnitude of 1e308 and more or under 1e-308, more than 128 bytes.
  case numberOutOfRange
}

/// A parsed JSON text: its bytes, strings decoded in place, and a flat list of nodes over them.
///
/// Values are read through ``Node`` handles, which mean something only together with the document they came from.
public struct JSONDocument: Sendable {
  /// The bytes that ranges point into.
  public internal(set) var bytes: [UInt8] = []
  var nodes: [Entry] = []

  /// A value inside the document.
  public struct Node: Hashable, Sendable {
    let index: UInt32
  }

  public enum Kind: UInt8, Sendable {
    case null, boolean, number, string, array, object
  }

  struct Entry: Sendable {
    var kind: Kind
    var isTrue = false
    /// Of strings and numbers: where the bytes are.
    var start: UInt32 = 0
    /// Of strings and numbers: bytes; of arrays: elements; of objects: members.
    var count: UInt32 = 0
    /// The index behind the last descendant.
    var end: UInt32

    var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
  }

  /// An empty document, in which every lookup finds nothing.
  public init() {}

  /// Parses `text`.
  public init(_ text: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    try parse(text, limits: limits)
  }

  /// Replaces the content by that of `text` and keeps the memory. The document is empty when it throws.
  public mutating func parse(_ text: Span<UInt8>, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    removeAll()
    guard text.count <= limits.textBytes else { throw .tooLarge }
    bytes.append(copying: text)
    try parseBytes(limits: limits)
  }

  /// Parses what was put into `bytes`. The document is empty when it throws.
  mutating func parseBytes(limits: JSONLimits) throws(JSONError) {
    var memory: [Entry] = []
    swap(&memory, &nodes)
    var parser = JSONParser(limits: limits, reusing: memory)
    do throws(JSONError) {
      var text = bytes.mutableSpan
      try parser.parse(&text)
      nodes = parser.nodes
    } catch {
      removeAll()
      throw error
    }
  }

  /// Bytes of memory that the document holds beyond its own fields.
  public var storageBytes: Int { bytes.capacity + nodes.capacity * MemoryLayout<Entry>.stride }

  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    nodes.removeAll(keepingCapacity: true)
  }

  /// The outermost value. Of an empty document it is no value: lookups in it find nothing.
  public var root: Node { Node(index: 0) }

  private func entry(_ node: Node, _ kind: Kind) -> Entry? {
    let index = Int(node.index)
    guard index < nodes.count, nodes[index].kind == kind else { return nil }
    return nodes[index]
  }

  public func kind(of node: Node) -> Kind? {
    let index = Int(node.index)
    return index < nodes.count ? nodes[index].kind : nil
  }

  public func boolean(_ node: Node) -> Bool? { entry(node, .boolean)?.isTrue }

  /// Where in ``bytes`` the decoded UTF-8 of a string is.
  public func stringRange(_ node: Node) -> Range<Int>? {
    entry(node, .string)?.range
  }

  public func string(_ node: Node) -> String? {
    guard let range = stringRange(node) else { return nil }
    return String(decoding: bytes[range], as: UTF8.self)
  }

  /// Byte for byte: `String` would also find canonically equivalent Unicode equal.
  public func isString(_ node: Node, equalTo text: String) -> Bool {
    guard let range = stringRange(node), range.count == text.utf8.count else { return false }
    return bytes.span.extracting(range).hasSameBytes(as: text.utf8.span)
  }

  /// Where in ``bytes`` the digits of a number are, as they were written.
  public func numberRange(_ node: Node) -> Range<Int>? {
    entry(node, .number)?.range
  }

  /// The value of a number that is written without fraction and exponent.
  public func integer(_ node: Node) -> Int64? {
    guard let range = numberRange(node) else { return nil }
    return JSONDecimal(bytes.span.extracting(range))?.integerValue
  }

  /// The NumericDate (RFC 7519 §2) that a number stands for; nil where it is out of the range of ``UnixTime``.
  public func numericDate(_ node: Node) -> UnixTime? {
    guard let range = numberRange(node) else { return nil }
    return UnixTime(jsonNumber: bytes.span.extracting(range))
  }

  /// Elements of an array or members of an object; 0 for everything else.
  public func count(of node: Node) -> Int {
    Int((entry(node, .array) ?? entry(node, .object))?.count ?? 0)
  }

  /// The elements of an array; nothing for other values.
  public func elements(of node: Node) -> Elements {
    Elements(document: self, position: node.index + 1, end: entry(node, .array)?.end ?? 0)
  }

  /// The members of an object in order; nothing for other values.
  public func members(of node: Node) -> Members {
    Members(document: self, position: node.index + 1, end: entry(node, .object)?.end ?? 0)
  }

  /// The value of the member of that name, compared byte for byte.
  public func member(_ name: String, of node: Node) -> Node? { member(name.utf8.span, of: node) }

  /// The value of the member of that name, compared byte for byte.
  public func member(_ name: Span<UInt8>, of node: Node) -> Node? {
    guard let object = entry(node, .object) else { return nil }
    let bytes = bytes.span
    var index = Int(node.index) + 1
    while index < Int(object.end) {
      let range = nodes[index].range
      if range.count == name.count, bytes.extracting(range).hasSameBytes(as: name) {
        return Node(index: UInt32(index + 1))
      }
      index = Int(nodes[index + 1].end)
    }
    return nil
  }

  /// The value of a member of the outermost object.
  public func member(_ name: String) -> Node? { member(name, of: root) }

  public struct Elements: Sequence, IteratorProtocol {
    let document: JSONDocument
    var position: UInt32
    let end: UInt32

    public mutating func next() -> Node? {
      guard position < end else { return nil }
      defer { position = document.nodes[Int(position)].end }
      return Node(index: position)
    }
  }

  public struct Members: Sequence, IteratorProtocol {
    let document: JSONDocument
    var position: UInt32
    let end: UInt32

    public mutating func next() -> (name: Node, value: Node)? {
      guard position < end else { return nil }
      defer { position = document.nodes[Int(position) + 1].end }
      return (Node(index: position), Node(index: position + 1))
    }
  }
}

/// Bounds of one JSON text.
public struct JSONLimits: Sendable {
  /// Default 65,536; at most 2^30. Above: ``JSONError/tooLarge``.
  public var textBytes: Int
  /// Arrays and objects inside one another, default 32. Above: ``JSONError/tooDeep``.
  public var depthCount: Int

  public init(textBytes: Int = 65_536, depthCount: Int = 32) {
    self.textBytes = min(textBytes, 1 << 30)
    self.depthCount = min(depthCount, 256)
  }
}
