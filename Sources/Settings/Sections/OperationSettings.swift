public import Gate
public import HTTP
public import Telemetry
public import Transport

/// `endpoints`
public struct EndpointSettings: Equatable, Sendable {
  /// Begins with `/`, does not end with it.
  public let prefix: String
  public let hasJWKSet: Bool
  public let hasLogout: Bool
  public let hasRefresh: Bool
  /// In the order of the file.
  public let aliases: [Alias]

  /// A further path of an endpoint.
  public struct Alias: Equatable, Sendable {
    public let path: String
    public let endpoint: Endpoint
  }

  init(_ keys: Section) {
    prefix = keys.value("prefix", .text("a path").checked(pathProblem), default: "/auth")
    hasJWKSet = keys.value("jwks", .flag, default: "false")
    hasLogout = keys.value("logout", .flag, default: "false")
    aliases = keys.value("aliases", .aliases, default: "{}")
    hasRefresh = keys.value("refresh", .flag, default: "false")
  }
}

extension Kind where Value == [EndpointSettings.Alias] {
  static var aliases: Kind {
    let form = "a mapping of paths to names of endpoints (createConnectToken, completeLogin, …)"
    return Kind(form, placeholder: []) { place in
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      let aliases = entries.compactMap { entry -> EndpointSettings.Alias? in
        let member = place.member(entry)
        place.reading.locate(member.path, entry.keyPosition)
        if let problem = pathProblem(entry.key) { return member.refuse(problem) }
        guard let name = member.text("an endpoint") else { return nil }
        guard let endpoint = Endpoint.allCases.first(where: { $0.rawValue == name }) else {
          let names = Endpoint.allCases.map(\.rawValue).joined(separator: " | ")
          return member.refuse("expected \(names), found \(quoted(name))")
        }
        return EndpointSettings.Alias(path: entry.key, endpoint: endpoint)
      }
      return aliases.count == entries.count ? aliases : nil
    }
  }
}

/// `cors`: for our own endpoints and our refusals.
public struct CrossOriginSettings: Equatable, Sendable {
  public let origins: [String]

  init(_ keys: Section) {
    origins = keys.value("origins", .list(of: .text("an origin (https://app.example.com)")), default: "[]")
    for origin in origins
    where origin.hasPrefix("http://") && !origin.hasPrefix("http://localhost") && !origin.hasPrefix("http://127.") {
      keys.warn("origins", "\(origin) is no https origin: whoever is on the way to it can act as its pages")
    }
  }
}

/// `probes`: `/live` and `/ready`.
public struct ProbeSettings: Equatable, Sendable {
  public let address: SocketAddress

  init(_ keys: Section) {
    address = keys.value("address", .listenAddress, default: "127.0.0.1:9901")
    if !address.isLoopback {
      keys.warn("address", "reachable from outside: whoever reaches it learns which dependencies are away")
    }
  }
}

/// `admin`: `/config` and `/connections`.
public struct AdminSettings: Equatable, Sendable {
  /// Where it is if the file says nothing. Then it is done without if another process is there already: two sidecars on one host.
  public static let usualAddress = SocketAddress(ipv4: 0x7F00_0001, port: 9902)

  public let address: SocketAddress
  /// A dependency that is away makes the process not ready.
  public let strictReadiness: Bool

  init(_ keys: Section) {
    address = keys.value("address", .listenAddress, default: "127.0.0.1:9902")
    strictReadiness = keys.value("strictReadiness", .flag, default: "false")
    if !address.isLoopback {
      keys.warn("address", "reachable from outside: whoever reaches it sees the configuration and who is connected")
    }
  }
}

/// `log`
public struct LogSettings: Equatable, Sendable {
  public enum Access: String, CaseIterable, Sendable {
    case stdout, off
  }

  public enum Subject: String, CaseIterable, Sendable {
    /// Keyed: lines of one user can be found together, and nobody can guess the name.
    case hash
    case plain, off
  }

  public let access: Access
  public let level: EventLog.Level
  public let subject: Subject
  /// The access log names the client's address.
  public let logsClient: Bool

  init(_ keys: Section) {
    access = keys.value("access", .choice(), default: "stdout")
    level = keys.value("level", .level, default: "info")
    subject = keys.value("subject", .choice(), default: "hash")
    logsClient = keys.value("client", .flag, default: "true")
    if subject == .plain {
      keys.warn("subject", "plain: the log names users, and whoever keeps it keeps personal data")
    }
  }
}

extension Kind where Value == EventLog.Level {
  static var level: Kind {
    let words = EventLog.Level.allCases.map { "\($0.name)" }
    let form = words.joined(separator: " | ")
    return Kind(form, placeholder: .info) { place in
      guard let text = place.text(form) else { return nil }
      guard let index = words.firstIndex(of: text) else {
        return place.refuse("expected \(form), found \(quoted(text))")
      }
      return EventLog.Level.allCases[index]
    }
  }
}

/// `limits`
public struct LimitSettings: Equatable, Sendable {
  public let message: MessageLimits
  /// Bytes of a token. Above: `token_too_large`.
  public let tokenBytes: Int
  /// Downstream connections of all workers. Above: they wait in the accept queue, and idle ones are ended.
  public let connectionCount: Int
  /// Streams of one connection.
  public let streamCount: Int
  public let streamWindowBytes: Int
  public let connectionWindowBytes: Int
  /// Content that waits in queues, of all workers. Above half of it windows are smaller, above all of it: 503 `overloaded`.
  public let bufferedByteCount: Int
  /// First byte to the end of the header section.
  public let requestHead: Duration
  /// A downstream connection without a request.
  public let idle: Duration
  /// Between bytes of a request's body, or of a client that does not read.
  public let bodyIdle: Duration
  /// Of completeLogin, from one client address.
  public let loginAttemptsPerMinute: Int
  /// Requests under way, of all workers. Above: 503 `overloaded`.
  public let inFlightCount: Int
  /// From the signal to the end of accepting.
  public let lameDuck: Duration
  /// For what still runs after it.
  public let drain: Duration

  init(_ keys: Section) {
    message = MessageLimits(
      headerSectionBytes: keys.value("headerSection", .size(4096...1_048_576), default: "64KiB"),
      fieldCount: keys.value("fields", .count(16...4096), default: "256"),
      requestLineBytes: keys.value("requestLine", .size(1024...131_072), default: "16KiB"))
    tokenBytes = keys.value("token", .size(1024...131_072), default: "16KiB")
    streamCount = keys.value("streams", .count(1...10_000), default: "128")
    streamWindowBytes = keys.value("streamWindow", .size(65_536...16_777_216), default: "256KiB")
    connectionWindowBytes = keys.value("connectionWindow", .size(65_536...67_108_864), default: "1MiB")
    bufferedByteCount = keys.value("bufferedBytes", .size(4_194_304...68_719_476_736), default: "128MiB")
    requestHead = keys.value("requestHead", .duration(.milliseconds(100)...(.seconds(300))), default: "10s")
    idle = keys.value("idle", .duration(.seconds(1)...(.seconds(86_400))), default: "75s")
    bodyIdle = keys.value("bodyIdle", .duration(.milliseconds(100)...(.seconds(86_400))), default: "60s")
    loginAttemptsPerMinute = keys.value("loginAttempts", .count(1...100_000), default: "30")
    inFlightCount = keys.value("inFlight", .count(1...1_000_000), default: "4096")
    lameDuck = keys.value("lameDuck", .duration(.zero...(.seconds(600))), default: "5s")
    drain = keys.value("drain", .duration(.zero...(.seconds(3600))), default: "30s")
    connectionCount = keys.value("connections", .count(1...1_000_000), default: "10000")
    if connectionWindowBytes < streamWindowBytes {
      keys.warn("connectionWindow", "smaller than streamWindow: one stream can never use its own")
    }
    if tokenBytes > message.headerSectionBytes {
      keys.warn("token", "larger than headerSection: such a token is refused with 431 before it is looked at")
    }
  }
}
