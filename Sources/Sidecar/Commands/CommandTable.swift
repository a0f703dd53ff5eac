/// Every command, in the order of the usage. A command is one file beside this one and one line here.
enum CommandTable {
  static let commands: [Command] = [
    .run, .check, .explain, .health, .links, .revoke, .keygen, .rotateKeys,
  ]

  static let usage: String = {
    let lines = commands.map { "\($0.name) \($0.arguments)" } + ["version", "help"]
    let summaries = commands.map(\.summary) + ["", ""]
    let width = lines.map(\.count).max() ?? 0
    return zip(lines, summaries).enumerated().map { number, line in
      let indent = number == 0 ? "usage: passkey-sidecar " : "       passkey-sidecar "
      guard !line.1.isEmpty else { return indent + line.0 + "\n" }
      return indent + line.0 + String(repeating: " ", count: width - line.0.count + 2) + line.1 + "\n"
    }.joined()
  }()
}

/// Does what the command line asks for.
/// - Returns: the exit code: 0 ended well, 64 usage, 69 a listener could not be opened, 70 a bug, 78 configuration refused.
public func perform(_ arguments: [String], version: String, output: CommandOutput) -> Int32 {
  do throws(CommandMisuse) {
    guard let name = arguments.first else { throw CommandMisuse("a command is needed") }
    let rest = Array(arguments.dropFirst())
    switch name {
    case "version", "--version", "help", "--help", "-h":
      guard rest.isEmpty else { throw CommandMisuse("nothing follows \(name)") }
      output.put(name.hasSuffix("version") ? "passkey-sidecar \(version)\n" : CommandTable.usage)
      return 0
    default:
      guard let command = CommandTable.commands.first(where: { $0.name == name }) else {
        throw CommandMisuse("there is no command of that name")
      }
      if rest == ["--help"] || rest == ["-h"] {
        output.put(CommandTable.usage)
        return 0
      }
      return try command.perform(try CommandArguments(rest, of: command), output)
    }
  } catch {
    output.complain("passkey-sidecar: \(error.text)\n\(CommandTable.usage)")
    return 64
  }
}
