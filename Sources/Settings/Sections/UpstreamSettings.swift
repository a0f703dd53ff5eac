public import HTTPClient
public import Transport

/// Where the app is.
public struct UpstreamLocation: Equatable, Sendable {
  /// Scheme and authority; of a socket those that requests are sent with.
  public let url: OutboundURL
  /// A Unix domain socket.
  public let socket: SocketAddress?

  init(url: OutboundURL) {
    self.url = url
    socket = nil
  }

  init(socket: SocketAddress) {
    url = OutboundURL(isSecure: false, host: "localhost", port: 80, target: "/")
    self.socket = socket
  }
}

/// `upstream`: the app.
public struct UpstreamSettings: Equatable, Sendable {
  public enum ProtocolChoice: String, CaseIterable, Sendable {
    case auto, http2, http1
  }

  public enum HostField: String, CaseIterable, Sendable {
    /// The client's authority.
    case preserve
    /// That of the URL.
    case upstream
  }

  public struct Timeouts: Equatable, Sendable {
    public let connect: Duration
    /// From the request's end to the response head.
    public let responseHead: Duration
    /// Silence of the app inside a response, and of a WebSocket.
    public let streamIdle: Duration
    /// An idle connection of ours is kept so long.
    public let keepAlive: Duration

    init(_ keys: Section) {
      connect = keys.value("connect", .duration(.milliseconds(10)...(.seconds(60))), default: "2s")
      responseHead = keys.value("responseHead", .duration(.milliseconds(100)...(.seconds(86_400))), default: "60s")
      keepAlive = keys.value("keepAlive", .duration(.seconds(1)...(.seconds(3600))), default: "60s")
      streamIdle = keys.value("streamIdle", .duration(.seconds(1)...(.seconds(604_800))), default: "1h")
    }
  }

  public let location: UpstreamLocation
  public var origin: OutboundURL { location.url }
  public let protocolChoice: ProtocolChoice
  public let hostField: HostField
  public let timeouts: Timeouts
  /// Of a worker.
  public let maxConnectionCount: Int
  /// For an https URL.
  public let tls: ClientTLSFiles
  /// Nil: cleartext.
  public let security: ClientTLS?
  /// The same for HTTP/1.1 alone, with `auto`: for WebSockets of an app whose HTTP/2 has none.
  public let securityOverHTTP1: ClientTLS?

  /// What ALPN offers the app (RFC 7301).
  private static func protocols(_ choice: ProtocolChoice) -> [String] {
    switch choice {
    case .auto: ["h2", "http/1.1"]
    case .http2: ["h2"]
    case .http1: ["http/1.1"]
    }
  }

  init(_ keys: Section) {
    location = keys.value("url", .upstreamLocation)
    protocolChoice = keys.value("protocol", .choice(), default: "auto")
    hostField = keys.value("hostField", .choice(), default: "preserve")
    timeouts = keys.section("timeouts", Timeouts.init)
    maxConnectionCount = keys.value("maxConnections", .count(1...10_000), default: "64")
    let authority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
    let pair = keys.optionalSection(
      "clientCertificate", "a mapping of certificate and privateKey, or null", CertificateFiles.init)
    if case .file(let path) = authority {
      tls = ClientTLSFiles(authorities: path, pair: pair)
    } else {
      tls = ClientTLSFiles(pair: pair)
    }
    var made: ClientTLS?
    var overHTTP1: ClientTLS?
    do throws(TLSSettingsError) {
      // The system's authorities take milliseconds and a megabyte: not for an app in cleartext.
      if location.url.isSecure || tls != ClientTLSFiles() {
        let read = try tls.read(protocols: Self.protocols(protocolChoice))
        if location.url.isSecure {
          made = read
          if protocolChoice == .auto { overHTTP1 = try tls.read(protocols: Self.protocols(.http1)) }
        }
        if let validity = read.validity { warnOfEnd(validity, "clientCertificate.certificate", keys) }
      }
    } catch {
      switch error.part {
      case .authorities: keys.refuse("certificateAuthority", error.description)
      case .certificate: keys.refuse("clientCertificate.certificate", error.description)
      case .privateKey: keys.refuse("clientCertificate.privateKey", error.description)
      }
    }
    security = made
    securityOverHTTP1 = overHTTP1
    if !location.url.isSecure, tls != ClientTLSFiles() {
      keys.warn("url", "is not https: certificateAuthority and clientCertificate have no effect")
    }
  }
}
