extension Command {
  static let run = Command("run", "--config FILE", "serve") { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    try arguments.nothingFollows()
    return Sidecar.serve(path, complain: output.complain)
  }
}
