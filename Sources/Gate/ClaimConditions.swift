import JOSE

/// A claim rule, compiled: the claim's position among the paths that every token is asked for once, when it is
/// verified.
struct CompiledClaimRule: Sendable, Hashable {
  let path: Int
  let condition: ClaimRule.Condition
  /// `scope` and `scp`: a string of several values (RFC 8693 §4.2).
  let isSpaceSeparated: Bool

  func isMet(by token: VerifiedToken) -> Bool {
    guard let node = token.nodes[path] else { return false }
    let document = token.claims.document
    switch condition {
    case .anyOf(let values):
      for value in values where has(value, node, document) { return true }
      return false
    case .allOf(let values):
      for value in values where !has(value, node, document) { return false }
      return true
    case .equals(let value):
      return Self.isEqual(node, value, document)
    }
  }

  private func has(_ value: ClaimRule.Value, _ node: JSONDocument.Node, _ document: JSONDocument) -> Bool {
    if Self.isEqual(node, value, document) { return true }
    if isSpaceSeparated, let range = document.stringRange(node), case .text(let text) = value {
      return Self.lists(text.utf8.span, document.bytes.span.extracting(range))
    }
    for element in document.elements(of: node) where Self.isEqual(element, value, document) { return true }
    return false
  }

  private static func isEqual(_ node: JSONDocument.Node, _ value: ClaimRule.Value, _ document: JSONDocument) -> Bool {
    switch value {
    case .text(let text): document.isString(node, equalTo: text)
    case .integer(let integer): document.integer(node) == integer
    case .boolean(let boolean): document.boolean(node) == boolean
    }
  }

  private static func lists(_ value: Span<UInt8>, _ list: Span<UInt8>) -> Bool {
    var start = 0
    while start < list.count {
      var stop = start
      while stop < list.count, list[stop] != UInt8(ascii: " ") { stop += 1 }
      if stop > start, list.extracting(start..<stop).hasSameBytes(as: value) { return true }
      start = stop + 1
    }
    return false
  }
}
