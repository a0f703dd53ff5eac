import Glibc

/// Everything around the sidecar that a demonstration needs, and nothing that belongs into production.
@main struct Main {
  static let usage = """
    usage: passkey-sidecar-demo run      [--origin URL] [--app-port N] [--idp-port N] [--emulator-port N] [--control-port N]
                                         [--project-id pro-…] [--api-secret S] [--mode strict|seed]
           passkey-sidecar-demo emulator [--port N] [--control-port N] [--project-id pro-…] [--api-secret S] [--mode strict|seed]
                                         [--bearer KEY:PERMISSION,…]… [--rp-id ID] [--origin URL]…
                                         [--tls-certificate F --tls-key F [--other-certificate F --other-key F]]
           passkey-sidecar-demo idp      [--port N] [--issuer URL] [--audience A] [--origin URL]…
           passkey-sidecar-demo app      [--port N] [--login URL] [--emulator URL]
           passkey-sidecar-demo check    [--sidecar URL] [--login URL] [--emulator URL] [--origin URL] [--whoami PATH]
                                         [--protocol HTTP/2|HTTP/1.1]
           passkey-sidecar-demo wait     [--seconds N] URL…
    Servers listen on 127.0.0.1 only; port 0 lets the system choose, and every server prints where it is.
    """

  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    guard let name = words.first, let command = Command(rawValue: name) else {
      Console.complain(usage)
      exit(64)
    }
    do {
      exit(try command.run(try Arguments(Array(words.dropFirst()), known: command.options)))
    } catch let refused as Arguments.Refused {
      Console.complain("passkey-sidecar-demo \(name): \(refused)")
      exit(64)
    } catch {
      Console.complain("passkey-sidecar-demo \(name): \(error)")
      exit(69)
    }
  }
}
