/// The options of a subcommand: `--name value`, some of them repeated.
struct Arguments {
  struct Refused: Error, CustomStringConvertible { var description: String }

  private var values: [String: [String]] = [:]
  /// What follows the subcommand without being an option.
  private(set) var operands: [String] = []

  /// `known`: the names that the subcommand takes.
  init(_ words: [String], known: Set<String>) throws(Refused) {
    var index = 0
    while index < words.count {
      let word = words[index]
      index += 1
      guard word.hasPrefix("--") else {
        operands.append(word)
        continue
      }
      let name = String(word.dropFirst(2))
      guard known.contains(name) else { throw Refused(description: "unknown option \(word)") }
      guard index < words.count else { throw Refused(description: "\(word) needs a value") }
      values[name, default: []].append(words[index])
      index += 1
    }
  }

  func all(_ name: String) -> [String] { values[name] ?? [] }

  func text(_ name: String, _ fallback: String) -> String { values[name]?.last ?? fallback }

  func port(_ name: String, _ fallback: UInt16?) throws(Refused) -> UInt16? {
    guard let text = values[name]?.last else { return fallback }
    guard let port = UInt16(text) else { throw Refused(description: "--\(name) \(text) is no port") }
    return port
  }
}
