/// Where something stands in a file; lines and columns count from 1, columns in characters.
struct Position: Equatable, Comparable {
  var line: Int
  var column: Int

  static func < (left: Position, right: Position) -> Bool { (left.line, left.column) < (right.line, right.column) }
}

/// One node of the YAML tree, with its place. Scalars keep their text: the key that reads it decides what it means.
struct Node {
  enum Content {
    case scalar(Scalar)
    case sequence([Node])
    case mapping([Entry])
    /// Refused already; whoever reads it adds no second problem.
    case refused
  }

  struct Scalar {
    var text: String
    /// Neither quoted nor a block: only such a scalar can be null, a number or a truth value.
    var isPlain: Bool
  }

  struct Entry {
    var key: String
    var keyPosition: Position
    var value: Node
  }

  var content: Content
  var position: Position
}

extension Node {
  var isNull: Bool {
    guard case .scalar(let scalar) = content, scalar.isPlain else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(scalar.text)
  }

  /// What the node is, for a message about what it should have been.
  var kind: String {
    switch content {
    case .scalar(let scalar):
      if isNull {
        "nothing"
      } else if scalar.isTruthValue {
        "true or false"
      } else if scalar.isNumber {
        "a number"
      } else {
        "text"
      }
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .refused: "something refused"
    }
  }
}

/// The types of the core schema of YAML 1.2 (§10.3.2). `yes`, `no`, `on` and `off` are text there.
extension Node.Scalar {
  var isTruthValue: Bool { isPlain && ["true", "True", "TRUE", "false", "False", "FALSE"].contains(text) }

  var isNumber: Bool {
    guard isPlain else { return false }
    var rest = Array(text.utf8)[...]
    if [".nan", ".NaN", ".NAN"].contains(text) { return true }
    if rest.starts(with: "0x".utf8) { return rest.count > 2 && rest.dropFirst(2).allSatisfy(isHexadecimalDigit) }
    if rest.starts(with: "0o".utf8) {
      return rest.count > 2 && rest.dropFirst(2).allSatisfy { (0x30...0x37).contains($0) }
    }
    if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
    if [".inf", ".Inf", ".INF"].contains(String(decoding: rest, as: UTF8.self)) { return true }
    let whole = rest.prefix(while: isDigit)
    rest = rest.dropFirst(whole.count)
    var fraction = rest.prefix(0)
    if rest.first == 0x2E {
      fraction = rest.dropFirst().prefix(while: isDigit)
      rest = rest.dropFirst(1 + fraction.count)
    }
    guard !whole.isEmpty || !fraction.isEmpty else { return false }
    guard rest.first == 0x65 || rest.first == 0x45 else { return rest.isEmpty }
    rest = rest.dropFirst()
    if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
    return !rest.isEmpty && rest.allSatisfy(isDigit)
  }
}

func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

private func isHexadecimalDigit(_ byte: UInt8) -> Bool {
  isDigit(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
}
