import JOSE
import Login
import OpenSSL
import StateStore
import Transport

extension Command {
  static let keygen = Command(
    "keygen", "[--algorithm ES256]", "print a new private key for login.token.key (ES256, EdDSA or RS256)"
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let name = arguments.optional("--algorithm") ?? "ES256"
    try arguments.nothingFollows()
    guard let algorithm = Algorithm(name: name), Login.Configuration.Token.algorithms.contains(algorithm) else {
      throw CommandMisuse("--algorithm is ES256, EdDSA or RS256")
    }
    do throws(KeyFailure) {
      output.put(String(decoding: try KeyCommands.generate(algorithm), as: UTF8.self))
      return 0
    } catch {
      output.complain("passkey-sidecar: \(error)\n")
      return 70
    }
  }

  static let rotateKeys = Command(
    "rotate-keys", "--config FILE", "have the generated signing key followed by another, now; running processes see it"
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    try arguments.nothingFollows()
    return StateCommand.perform(path, output) { command throws(StateStoreError) in
      guard case .generated = command.loaded.settings.login.token.key else {
        return StateCommand.Ending(text: "passkey-sidecar: login.token.key is a file: put another one in its place\n", code: 78)
      }
      let now = UnixTime(microseconds: Clock.unixNanoseconds() / 1000)
      let keys = try await KeyCommands.rotate(command.loaded.settings.login.token.algorithm, in: command.store, now: now)
      return StateCommand.Ending(text: "\(keys.old ?? "none") is followed by \(keys.new), which signs in 10 minutes\n")
    }
  }
}
