public import HTTPClient

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

  public let origin: OutboundURL
  public let protocolChoice: ProtocolChoice
  public let hostField: HostField
  public let timeouts: Timeouts

  init(_ keys: Section) {
    origin = keys.value("url", .upstreamOrigin)
    protocolChoice = keys.value("protocol", .choice(), default: "auto")
    hostField = keys.value("hostField", .choice(), default: "preserve")
    timeouts = keys.section("timeouts", Timeouts.init)
    keys.notYet("certificateAuthority", "clientCertificate", "maxConnections")
  }
}
