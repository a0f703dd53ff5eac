/// The words behind a command: options with one value each (`--config FILE`), switches without, and plain words.
///
/// Each option is taken by name; what nobody took is a misuse, so a mistyped option never goes unnoticed.
struct CommandArguments {
  private let command: String
  private var options: [String: String] = [:]
  private var switches: Set<String> = []
  private(set) var words: [String] = []

  /// - Throws: an option without its value, or given twice.
  init(_ arguments: [String], of command: Command) throws(CommandMisuse) {
    self.command = command.name
    var rest = arguments[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("--"), word.count > 2 else {
        words.append(word)
        continue
      }
      guard options[word] == nil, !switches.contains(word) else { throw CommandMisuse("\(word) stands twice") }
      if command.switches.contains(word) {
        switches.insert(word)
        continue
      }
      guard let value = rest.popFirst(), !value.isEmpty else { throw CommandMisuse("\(word) needs a value") }
      options[word] = value
    }
  }

  mutating func optional(_ name: String) -> String? { options.removeValue(forKey: name) }

  mutating func required(_ name: String, _ value: String) throws(CommandMisuse) -> String {
    guard let found = options.removeValue(forKey: name) else { throw CommandMisuse("\(command) needs \(name) \(value)") }
    return found
  }

  mutating func has(_ name: String) -> Bool { switches.remove(name) != nil }

  mutating func nextWord(_ what: String) throws(CommandMisuse) -> String {
    guard !words.isEmpty else { throw CommandMisuse("\(command) needs \(what)") }
    return words.removeFirst()
  }

  /// To be called when all that the command knows was taken.
  func nothingFollows() throws(CommandMisuse) {
    if let name = options.keys.min() ?? switches.min() { throw CommandMisuse("\(command) does not know \(name)") }
    if let word = words.first { throw CommandMisuse("\(command) does not know what to do with '\(word)'") }
  }
}
