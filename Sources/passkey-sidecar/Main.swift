internal import Glibc
internal import Sidecar

/// Reads the command line, hands over, and ends with the code that came back:
/// 0 ended well, 64 usage, 69 a listener could not be opened, 70 a bug, 78 configuration refused.
@main struct Main {
  static let version = "0.1.0"

  static let usage = """
    usage: passkey-sidecar run --config FILE      serve
           passkey-sidecar check --config FILE    read as run would, list what is public and what will bite
           passkey-sidecar version
           passkey-sidecar help

    """

  enum Command: Equatable {
    case run(configuration: String)
    case check(configuration: String)
    case version, help
    /// What is wrong with the command line.
    case misused(String)
  }

  static func main() {
    exit(perform(command(Array(CommandLine.arguments.dropFirst()))))
  }

  static func perform(_ command: Command) -> Int32 {
    switch command {
    case .run(let configuration): return run(configuration) { put($0, on: STDERR_FILENO) }
    case .check(let configuration):
      let report = check(configuration)
      put(report.output, on: STDOUT_FILENO)
      put(report.errorOutput, on: STDERR_FILENO)
      return report.exitCode
    case .version: put("passkey-sidecar \(version)\n", on: STDOUT_FILENO)
    case .help: put(usage, on: STDOUT_FILENO)
    case .misused(let message):
      put("passkey-sidecar: \(message)\n\(usage)", on: STDERR_FILENO)
      return 64
    }
    return 0
  }

  static func command(_ arguments: [String]) -> Command {
    guard let name = arguments.first else { return .misused("a command is needed") }
    let rest = Array(arguments.dropFirst())
    switch name {
    case "run", "check":
      guard rest.first == "--config" else { return .misused("\(name) needs --config FILE") }
      guard rest.count == 2, !rest[1].isEmpty else {
        return .misused("--config needs one FILE, and nothing follows it")
      }
      return name == "run" ? .run(configuration: rest[1]) : .check(configuration: rest[1])
    case "version", "--version", "help", "--help", "-h":
      guard rest.isEmpty else { return .misused("nothing follows \(name)") }
      return name.hasSuffix("version") ? .version : .help
    default: return .misused("there is no command of that name")
    }
  }

  private static func put(_ text: String, on descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let written = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { return }
      bytes = bytes.dropFirst(written)
    }
  }
}
