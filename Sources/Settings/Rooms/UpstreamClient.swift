public import HTTPClient

extension SidecarSettings {
  /// How the app is reached. The authority is that of the URL; whether it is sent is `upstream.hostField`.
  public var upstreamOrigin: OriginSettings {
    let choice: OriginSettings.Choice =
      switch upstream.protocolChoice {
      case .auto: .auto
      case .http2: .http2
      case .http1: .http1
      }
    var origin = OriginSettings(authority: upstream.origin.authority, choice: choice)
    origin.security = upstream.security.map {
      OriginSettings.Security($0, serverName: upstream.origin.host, overHTTP1: upstream.securityOverHTTP1)
    }
    origin.connect = upstream.timeouts.connect
    origin.responseHead = upstream.timeouts.responseHead
    origin.streamIdle = upstream.timeouts.streamIdle
    origin.maxConnectionCount = upstream.maxConnectionCount
    origin.keepAlive = upstream.timeouts.keepAlive
    origin.streamWindowBytes = limits.streamWindowBytes
    return origin
  }

  /// Of the connections to the app.
  public var clientLimits: ClientLimits {
    ClientLimits(message: limits.message, connectionWindowBytes: limits.connectionWindowBytes)
  }
}
