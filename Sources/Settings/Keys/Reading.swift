/// One pass over a configuration file: what is collected on the way.
final class Reading {
  /// Above: the rest is not shown.
  static let problemLimit = 100

  /// A key that the schema knows.
  struct Declaration: Equatable {
    /// Without the numbers of lists: `issuers[].leeway`.
    var path: String
    /// What a value looks like, unit included.
    var form: String
    /// YAML; nil: the key is required.
    var preset: String?
  }

  let file: String
  let sources: SettingsSources
  private(set) var problems: [Problem] = []
  private(set) var warnings: [Problem] = []
  private(set) var declarations: [Declaration] = []
  private var positions: [String: Position] = [:]
  /// Files that the configuration names and whose content is part of it.
  private(set) var watchedFiles: [String] = []

  init(file: String, sources: SettingsSources) {
    self.file = file
    self.sources = sources
  }

  func declare(_ path: String, form: String, preset: String?) {
    let declaration = Declaration(path: withoutIndices(path), form: form, preset: preset)
    if !declarations.contains(declaration) { declarations.append(declaration) }
  }

  func locate(_ path: String, _ position: Position) { positions[path] = position }

  /// The key stands in the file.
  func isLocated(_ path: String) -> Bool { positions[path] != nil }

  func watch(_ file: String) {
    if !watchedFiles.contains(file) { watchedFiles.append(file) }
  }

  func refuse(_ position: Position, _ path: String, _ message: String) {
    problems.append(problem(position, path, message))
  }

  /// For what shows only when several keys are seen together; the key was read before. Nothing is added to a key that
  /// was refused already, with what is beneath it or around it: what stands for its value is not what the file says.
  func refuse(_ path: String, _ message: String) {
    guard !problems.contains(where: { isBeneath($0.key, path) || isBeneath(path, $0.key) }) else { return }
    problems.append(problem(position(of: path), path, message))
  }

  func warn(_ path: String, _ message: String) {
    warnings.append(problem(position(of: path), path, message))
  }

  /// The place of a key, or of its nearest parent that stands in the file.
  private func position(of path: String) -> Position {
    var path = path[...]
    while true {
      if let position = positions[String(path)] { return position }
      guard let end = path.lastIndex(where: { $0 == "." || $0 == "[" }) else { return Position(line: 1, column: 1) }
      path = path[..<end]
    }
  }

  private func isBeneath(_ path: String, _ other: String) -> Bool {
    path == other || (!other.isEmpty && (path.hasPrefix(other + ".") || path.hasPrefix(other + "[")))
  }

  private func problem(_ position: Position, _ path: String, _ message: String) -> Problem {
    Problem(file: file, line: position.line, column: position.column, key: path, message: message)
  }

  private func withoutIndices(_ path: String) -> String {
    var result = ""
    var isInside = false
    for character in path {
      if character == "]" { isInside = false }
      if !isInside { result.append(character) }
      if character == "[" { isInside = true }
    }
    return result
  }
}

/// One value at its place, for the kind that reads it.
struct Place {
  let reading: Reading
  let path: String
  let node: Node

  /// Reports the value and stands for it.
  func refuse<Value>(_ message: String) -> Value? {
    if case .refused = node.content { return nil }
    reading.refuse(node.position, path, message)
    return nil
  }

  func expected<Value>(_ form: String) -> Value? { refuse("expected \(form), found \(node.kind)") }

  func element(_ index: Int, _ node: Node) -> Place {
    Place(reading: reading, path: "\(path)[\(index)]", node: node)
  }

  func member(_ entry: Node.Entry) -> Place {
    Place(reading: reading, path: path.isEmpty ? entry.key : "\(path).\(entry.key)", node: entry.value)
  }

  /// Of a value that must be text: numbers, truth values and null have to be quoted to be text.
  func text(_ form: String) -> String? {
    guard case .scalar(let scalar) = node.content else { return expected(form) }
    if node.isNull || scalar.isNumber || scalar.isTruthValue {
      return refuse(
        "expected \(form), found \(node.kind)\(node.isNull ? "" : "; put it in quotes if it is meant as text")")
    }
    if scalar.text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
      return refuse("expected \(form), found control characters")
    }
    if scalar.text.isEmpty { return refuse("expected \(form), found an empty text") }
    return scalar.text
  }

  /// Of a value with digits: text or number alike, not quoted.
  func plain(_ form: String) -> String? {
    guard case .scalar(let scalar) = node.content, !node.isNull, !scalar.isTruthValue else { return expected(form) }
    return scalar.text
  }
}
