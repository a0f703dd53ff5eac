import Settings

/// Where a command writes: what was asked for on standard output, complaints on standard error.
public struct CommandOutput {
  public let put: (String) -> Void
  public let complain: (String) -> Void

  public init(put: @escaping (String) -> Void, complain: @escaping (String) -> Void) {
    self.put = put
    self.complain = complain
  }
}

extension CommandOutput {
  /// The configuration in that file; nil once what is wrong with it has been said, and the exit code is 78.
  func load(_ path: String) -> LoadedSettings? {
    do throws(SettingsRefused) { return try SidecarSettings.load(path) } catch {
      for problem in error.problems { complain("\(problem)\n") }
      return nil
    }
  }
}

/// One command of the command line: its line of the usage, and what it does.
struct Command: Sendable {
  let name: String
  /// As in the usage: `--config FILE`.
  let arguments: String
  let summary: String
  let perform: @Sendable (CommandArguments, CommandOutput) throws(CommandMisuse) -> Int32

  /// Options that take no value.
  var switches: Set<String> = []

  init(
    _ name: String, _ arguments: String, _ summary: String, switches: Set<String> = [],
    perform: @escaping @Sendable (CommandArguments, CommandOutput) throws(CommandMisuse) -> Int32
  ) {
    self.name = name
    self.arguments = arguments
    self.summary = summary
    self.switches = switches
    self.perform = perform
  }
}

/// What is wrong with a command line; the usage follows it, and the exit code is 64.
struct CommandMisuse: Error {
  let text: String
  init(_ text: String) { self.text = text }
}
