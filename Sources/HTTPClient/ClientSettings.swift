public import HTTP
public import Transport

/// What all connections of one client are held to.
public struct ClientLimits: Sendable {
  public var message: MessageLimits
  /// Streams that we open at once on one HTTP/2 connection, if its peer allows that many. Above: another connection.
  public var streamCount: Int
  /// Response content of one HTTP/2 connection that may be under way, in bytes. It is given back on arrival: what
  /// bounds memory is the window of each stream.
  public var connectionWindowBytes: Int
  /// By how much windows of streams over HTTP/2 may be larger than the 32 KiB that all have, together. The memory that
  /// responses can claim at once is bounded by that, however many calls wait for one.
  public var addedWindowBytes = Int.max

  public init(
    message: MessageLimits = MessageLimits(), streamCount: Int = 256, connectionWindowBytes: Int = 1024 * 1024
  ) {
    self.message = message
    self.streamCount = streamCount
    self.connectionWindowBytes = connectionWindowBytes
  }
}

/// What an origin speaks. Under TLS, ALPN says so on each connection; in cleartext it must be known beforehand.
public enum UpstreamProtocol: UInt8, Sendable {
  case unknown, http2, http1
}

/// A scheme, host and port that requests go to, and how.
public struct OriginSettings: Sendable {
  public enum Choice: Sendable { case auto, http2, http1 }

  /// TLS, with the name that the certificate must be for. ALPN must offer what ``Choice`` allows, and no more.
  public struct Security: Sendable {
    public var tls: ClientTLS
    public var serverName: String
    /// The same with HTTP/1.1 alone in ALPN, where the choice is `auto`.
    public var overHTTP1: ClientTLS?

    public init(_ tls: ClientTLS, serverName: String, overHTTP1: ClientTLS? = nil) {
      self.tls = tls
      self.overHTTP1 = overHTTP1
      self.serverName = serverName
    }
  }

  /// Host and port as in a URL, for owners that send the origin's authority rather than the client's.
  public var authority: [UInt8]
  public var choice: Choice
  /// Absent: cleartext.
  public var security: Security?
  /// Asked of whom the addresses are, before anything is said to the origin; nil: they are the origin's own.
  public var tunnelRequest: [UInt8]?
  /// For all addresses of the origin together, with the TLS handshake.
  public var connect: Duration
  /// From the last byte of the request that was sent to the response head. Above: `timedOut(.responseHead)`.
  public var responseHead: Duration
  /// Silence inside a response, while its content is taken. Above: `timedOut(.idle)`.
  public var streamIdle: Duration
  /// A connection without a call is closed after that.
  public var keepAlive: Duration
  /// A call without a connection, whatever it waits for. Above: `saturated` where others have one, else
  /// `timedOut(.connect)`.
  public var waiting: Duration
  public var maxConnectionCount: Int
  /// Calls that may wait for a connection. Above: ``HTTPClient/open(origin:owner:loop:)`` answers nil.
  public var waitingCount: Int
  /// Response content of one call that may wait here, in bytes. Above: the app is held back.
  public var streamWindowBytes: Int

  public init(authority: String, choice: Choice = .auto) {
    self.authority = Array(authority.utf8)
    self.choice = choice
    connect = .seconds(2)
    responseHead = .seconds(60)
    streamIdle = .seconds(3600)
    keepAlive = .seconds(60)
    waiting = .seconds(10)
    maxConnectionCount = 64
    waitingCount = 1024
    streamWindowBytes = 256 * 1024
  }

  /// The same app by HTTP/1.1, where it may be asked by either; for what its HTTP/2 does not offer.
  public var overHTTP1: OriginSettings? {
    guard choice == .auto else { return nil }
    var settings = self
    settings.choice = .http1
    if let security {
      guard let tls = security.overHTTP1 else { return nil }
      settings.security = Security(tls, serverName: security.serverName)
    }
    return settings
  }

  /// Of those that run on an established connection.
  var shortestTimeout: Duration { min(responseHead, streamIdle, keepAlive) }
}
