import Settings

extension Command {
  static let check = Command(
    "check", "--config FILE", "read as run would, list what is public and what will bite"
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    try arguments.nothingFollows()
    let report = SidecarSettings.check(path)
    if !report.output.isEmpty { output.put(report.output) }
    if !report.errorOutput.isEmpty { output.complain(report.errorOutput) }
    return report.exitCode
  }
}
