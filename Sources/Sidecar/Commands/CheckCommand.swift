import HTTPClient
import Login
import Settings

extension Command {
  static let check = Command(
    "check", "--config FILE [--live]", "read as run would, list what is public and what will bite; --live: ask Corbado as well",
    switches: ["--live"]
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    let isLive = arguments.has("--live")
    try arguments.nothingFollows()
    let report = SidecarSettings.check(path)
    if !report.output.isEmpty { output.put(report.output) }
    if !report.errorOutput.isEmpty { output.complain(report.errorOutput) }
    guard isLive, report.exitCode == 0 else { return report.exitCode }
    return live(path, output)
  }

  /// 0: Corbado does what is needed; 69: it does not.
  private static func live(_ path: String, _ output: CommandOutput) -> Int32 {
    guard let loaded = try? SidecarSettings.load(path) else { return 78 }
    let findings = ShortTask.run(proxy: loaded.settings.egress.proxy) { outbound in
      await LiveCheck(loaded.login, outbound: outbound).findings()
    }
    guard let findings else {
      output.complain("passkey-sidecar: the system gives no descriptors\n")
      return 70
    }
    output.put("Corbado, asked just now:\n")
    for finding in findings { output.put((finding.isGood ? "  " : "! ") + finding.text + "\n") }
    return findings.allSatisfy(\.isGood) ? 0 : 69
  }
}
