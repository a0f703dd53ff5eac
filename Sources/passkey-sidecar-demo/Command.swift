import Glibc
import OpenSSL
import Transport

/// The subcommands. The default ports fit each other and `config/demo/demo.yaml`.
enum Command: String {
  case run, emulator, idp, app, check, wait

  var options: Set<String> {
    switch self {
    case .run:
      ["origin", "app-port", "idp-port", "emulator-port", "control-port", "project-id", "api-secret", "mode"]
    case .emulator:
      [
        "port", "control-port", "project-id", "api-secret", "bearer", "rp-id", "origin", "mode", "tls-certificate", "tls-key",
        "other-certificate", "other-key",
      ]
    case .idp: ["port", "issuer", "audience", "origin"]
    case .app: ["port", "login", "emulator"]
    case .check: ["sidecar", "login", "emulator", "origin", "whoami", "protocol"]
    case .wait: ["seconds"]
    }
  }

  private static let origin = "http://localhost:8080"

  /// The exit code; servers run until the process is ended.
  func run(_ arguments: Arguments) throws -> CInt {
    guard self == .wait || arguments.operands.isEmpty else {
      throw Arguments.Refused(description: "what is \(arguments.operands[0])?")
    }
    switch self {
    case .run:
      let login = try Self.startProvider(arguments, portOption: "idp-port")
      let emulator = try Self.startEmulator(arguments, portOption: "emulator-port")
      try Self.stay(with: try Self.startApp(arguments, portOption: "app-port", login: login, emulator: emulator))
    case .emulator:
      _ = try Self.startEmulator(arguments, portOption: "port")
      try Self.stay()
    case .idp:
      _ = try Self.startProvider(arguments, portOption: "port")
      try Self.stay()
    case .app:
      let (login, emulator) = (
        arguments.text("login", "http://localhost:9400"), arguments.text("emulator", "http://localhost:9500")
      )
      try Self.stay(with: try Self.startApp(arguments, portOption: "port", login: login, emulator: emulator))
    case .check: return Self.check(arguments)
    case .wait: return try Self.wait(arguments)
    }
  }

  // MARK: Servers

  /// Gives the origin at which browsers reach the server.
  private static func startEmulator(_ arguments: Arguments, portOption: String) throws -> String {
    guard let mode = EmulatorSettings.Mode(rawValue: arguments.text("mode", "strict")) else {
      throw Arguments.Refused(description: "--mode is strict or seed")
    }
    let port = try arguments.port(portOption, 9500) ?? 9500
    let projectID = arguments.text("project-id", "pro-1000000000000000001")
    let bearerKeys = try arguments.all("bearer").map { text throws(Arguments.Refused) -> EmulatorIdentity.BearerKey in
      let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
      guard parts.count == 2 else { throw Arguments.Refused(description: "--bearer KEY:PERMISSION,…") }
      return .init(key: parts[0], permissions: Set(parts[1].split(separator: ",").map(String.init)))
    }
    let origins = arguments.all("origin")
    let tls = try Self.tls(arguments, "tls-certificate", "tls-key")
    let other = try Self.tls(arguments, "other-certificate", "other-key")
    guard tls != nil || other == nil else { throw Arguments.Refused(description: "--other-certificate needs --tls-certificate") }
    let identity = EmulatorIdentity(
      projectID: projectID, apiSecret: arguments.text("api-secret", "corbado1_demo"), bearerKeys: bearerKeys,
      relyingParty: RelyingParty(
        id: arguments.text("rp-id", "localhost"), name: "Passkey sidecar demo",
        origins: origins.isEmpty ? [origin] : origins), hasOtherCertificate: other != nil)
    let emulator = Emulator(identity, firstKey: try TokenSigningKey(id: "pki-" + RandomText.number()))
    _ = emulator.control(DemoRequest("PUT", "/settings", body: (["mode": .string(mode.rawValue)] as JSON).bytes))
    let server = try WireServer(port: port, tls: { emulator.showsOtherCertificate ? other : tls }) { emulator.handle($0) }
    let scheme = tls == nil ? "http" : "https"
    Console.print("emulator of Corbado: \(scheme)://localhost:\(server.port) (\(projectID), \(mode.rawValue))")
    if let controlPort = try arguments.port("control-port", nil) {
      let control = try WireServer(port: controlPort) { emulator.control($0) }
      Console.print("control of the emulator: http://localhost:\(control.port)")
    }
    return "\(scheme)://localhost:\(server.port)"
  }

  /// Nil without the options.
  private static func tls(_ arguments: Arguments, _ certificate: String, _ key: String) throws(Arguments.Refused) -> ServerTLS? {
    guard let certificateFile = arguments.all(certificate).last else { return nil }
    guard let keyFile = arguments.all(key).last else { throw Arguments.Refused(description: "--\(certificate) needs --\(key)") }
    do throws(TLSSettingsError) {
      return try ServerTLS([CertificateFiles(certificate: certificateFile, privateKey: keyFile).read()], protocols: ["http/1.1"])
    } catch {
      throw Arguments.Refused(description: "--\(certificate), --\(key): \(error)")
    }
  }

  private static func startProvider(_ arguments: Arguments, portOption: String) throws -> String {
    let port = try arguments.port(portOption, 9400) ?? 9400
    let origins = arguments.all("origin")
    let provider = IdentityProvider(
      issuer: arguments.text("issuer", "http://localhost:\(port)"), audience: arguments.text("audience", "demo"),
      origins: origins.isEmpty ? [origin] : origins,
      key: try TokenSigningKey(id: "idp-" + RandomText.alphanumeric(count: 8)))
    let server = try WireServer(port: port) { provider.handle($0) }
    Console.print("conventional login: http://localhost:\(server.port)")
    return "http://localhost:\(server.port)"
  }

  private static func startApp(_ arguments: Arguments, portOption: String, login: String, emulator: String) throws
    -> AppServer
  {
    let app = DemoApp(surroundings: .init(login: login, emulator: emulator))
    let server = try AppServer(port: try arguments.port(portOption, 9300) ?? 9300, app)
    Console.print("app: http://localhost:\(server.port)")
    return server
  }

  /// The servers have threads of their own; a signal ends the process.
  private static func stay(with app: AppServer? = nil) throws -> Never {
    var loop = try EventLoop(inputBytes: 1)
    while true { withExtendedLifetime(app) { _ = loop.wait() } }
  }

  // MARK: Clients

  private static func check(_ arguments: Arguments) -> CInt {
    let places = Walk.Places(
      sidecar: arguments.text("sidecar", "http://127.0.0.1:8080"),
      login: arguments.text("login", "http://127.0.0.1:9400"),
      emulator: arguments.text("emulator", "http://127.0.0.1:9500"), origin: arguments.text("origin", origin),
      whoami: arguments.text("whoami", "/api/whoami"), appProtocol: arguments.all("protocol").last)
    let client = PlainClient()
    var walk = Walk(
      places, exchange: { method, url, fields, json in try client.send(method, url, fields: fields, json: json) },
      report: Console.print)
    return walk.run() ? 0 : 1
  }

  /// Waits until each URL has answered 2xx, asking again as soon as the last question is answered.
  private static func wait(_ arguments: Arguments) throws -> CInt {
    guard let seconds = Int(arguments.text("seconds", "20")), (1...3600).contains(seconds) else {
      throw Arguments.Refused(description: "--seconds is a number from 1 to 3600")
    }
    let deadline = Clock.monotonic() + .seconds(seconds)
    var client = PlainClient()
    client.limit = .seconds(2)
    var loop = try EventLoop(inputBytes: 1)
    for url in arguments.operands {
      var last = "no answer"
      while true {
        do throws(PlainClient.Failure) {
          let status = try client.send("GET", url).status
          if (200..<300).contains(status) { break }
          last = "status \(status)"
        } catch {
          last = "\(error)"
        }
        guard Clock.monotonic() < deadline else {
          Console.complain("\(url) is not ready after \(seconds) s: \(last)")
          return 1
        }
        _ = loop.wait(atMost: .milliseconds(50))
      }
    }
    return 0
  }
}
