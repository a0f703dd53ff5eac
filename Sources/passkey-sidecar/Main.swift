internal import Glibc
internal import Sidecar

/// Hands the command line over and ends with the code that came back.
@main struct Main {
  static func main() {
    let output = CommandOutput(put: { put($0, on: STDOUT_FILENO) }, complain: { put($0, on: STDERR_FILENO) })
    exit(perform(Array(CommandLine.arguments.dropFirst()), version: Product.version, output: output))
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
