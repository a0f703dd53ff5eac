/// One thing that is wrong with a configuration, or that will bite, and where.
public struct Problem: Equatable, Sendable, CustomStringConvertible {
  public var file: String
  /// Counts from 1.
  public var line: Int
  /// Counts from 1, in characters.
  public var column: Int
  /// As written in the file, with its parents: `issuers[0].keys.url`; empty: the file as a whole.
  public var key: String
  /// Never holds a secret.
  public var message: String

  public init(file: String, line: Int, column: Int, key: String, message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.key = key
    self.message = message
  }

  public var description: String { "\(file):\(line):\(column): \(key.isEmpty ? "" : key + ": ")\(message)" }
}

/// The configuration was refused: every problem that was found, in the order of the file.
public struct SettingsRefused: Error, Equatable, Sendable {
  public var problems: [Problem]
  /// The configuration file and those that it names, as far as it was understood.
  public var watchedFiles: [String] = []

  public init(problems: [Problem], watchedFiles: [String] = []) {
    self.problems = problems
    self.watchedFiles = watchedFiles
  }
}
