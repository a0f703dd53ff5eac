/// Builds the tree of the one document in a file. What this gateway does not accept of YAML (anchors, aliases, tags,
/// several documents, repeated keys, keys that are no text) is reported and the rest read on, so that all errors show.
struct YAMLTree {
  /// Nesting beyond it is refused; the deepest key of ours stands on level 6.
  static let depthLimit = 16

  private(set) var root: Node?
  private(set) var problems: [(position: Position, message: String)] = []

  init(_ bytes: [UInt8]) {
    do throws(YAMLSyntaxError) {
      var events = try YAMLEvents(bytes)
      try read(&events)
    } catch {
      root = nil
      problems.append((error.position, error.message))
    }
  }

  private mutating func read(_ events: inout YAMLEvents) throws(YAMLSyntaxError) {
    while true {
      let event = try events.next()
      switch event.kind {
      case .streamEnd: return
      case .documentStart where root != nil:
        problems.append((event.position, "a second document begins here; only one is accepted"))
        return
      case .documentEnd, .documentStart, .other: continue
      default: root = try node(event, &events, depth: 1)
      }
    }
  }

  private mutating func node(
    _ event: YAMLEvent, _ events: inout YAMLEvents, depth: Int
  ) throws(YAMLSyntaxError) -> Node {
    if event.hasAnchor { problems.append((event.position, "anchors are not accepted")) }
    if event.hasTag { problems.append((event.position, "tags are not accepted")) }
    if depth > Self.depthLimit { throw YAMLSyntaxError(message: "it is nested too deeply", position: event.position) }
    switch event.kind {
    case .scalar(let text, let isPlain):
      return Node(content: .scalar(Node.Scalar(text: text, isPlain: isPlain)), position: event.position)
    case .sequenceStart:
      var elements: [Node] = []
      while true {
        let next = try events.next()
        if case .sequenceEnd = next.kind { break }
        elements.append(try node(next, &events, depth: depth + 1))
      }
      return Node(content: .sequence(elements), position: event.position)
    case .mappingStart:
      return Node(content: .mapping(try entries(&events, depth: depth + 1)), position: event.position)
    case .alias:
      problems.append((event.position, "aliases are not accepted"))
      return Node(content: .refused, position: event.position)
    default:
      return Node(content: .refused, position: event.position)
    }
  }

  private mutating func entries(_ events: inout YAMLEvents, depth: Int) throws(YAMLSyntaxError) -> [Node.Entry] {
    var entries: [Node.Entry] = []
    var seen: Set<String> = []
    while true {
      let event = try events.next()
      if case .mappingEnd = event.kind { return entries }
      let key = try node(event, &events, depth: depth)
      let value = try node(try events.next(), &events, depth: depth)
      guard case .scalar(let scalar) = key.content, !key.isNull else {
        if case .refused = key.content { continue }
        problems.append((key.position, "a key must be text, this one is \(key.kind)"))
        continue
      }
      guard seen.insert(scalar.text).inserted else {
        problems.append((key.position, "the key \(quoted(scalar.text)) stands here a second time"))
        continue
      }
      entries.append(Node.Entry(key: scalar.text, keyPosition: key.position, value: value))
    }
  }
}

/// A text of the file in a message: one line, short, without controls.
func quoted(_ text: String) -> String {
  let limit = 80
  var result = "'"
  for scalar in text.unicodeScalars.prefix(limit) {
    let isPrintable = scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format
    result.unicodeScalars.append(isPrintable && scalar != "\u{2028}" && scalar != "\u{2029}" ? scalar : "\u{FFFD}")
  }
  return result + (text.unicodeScalars.count > limit ? "…'" : "'")
}
