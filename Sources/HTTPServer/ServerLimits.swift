public import HTTP
public import Transport

/// What downstream connections may cost. Built by whoever reads the configuration, with the defaults of its reference.
public struct ServerLimits: Sendable {
  public var message = MessageLimits()
  /// Streams of one HTTP/2 connection at once. Above: the stream is refused.
  public var streamCount = 128
  /// Content of one stream that may wait here, in bytes. Above: the client is held back.
  public var streamWindowBytes = 256 * 1024
  /// The same for all streams of one HTTP/2 connection.
  public var connectionWindowBytes = 1024 * 1024
  /// From the first byte of a request to the end of its header section. Above: 408 `request_timeout`. Under TLS also
  /// for the handshake. Above: closed.
  public var requestHead = Duration.seconds(10)
  /// A connection without a request. Above: closed.
  public var idle = Duration.seconds(75)
  /// Between bytes of a request body, or of a client that does not read its response. Above: 408, or a reset.
  public var bodyIdle = Duration.seconds(60)
  /// Connections of one worker at once. Above: new ones wait in the accept queue.
  public var connectionCount = 10_000

  public init() {}
}

/// What happened downstream. Handles name exchanges unless said otherwise.
public enum ServerEvent: Sendable {
  /// A connection was accepted, under TLS once its handshake is complete; its `context` may be set. It may be gone again.
  case opened(connection: Handle)
  /// A client asked for work that brings nothing; its connection ends with GOAWAY.
  case flooded(connection: Handle, H2Flood)
  /// A connection is gone; all its exchanges were closed before.
  case disconnected(context: UInt64)
  /// A TLS handshake came to nothing: the next of ``HTTPServer/handshakeFailures`` says why.
  case handshakeFailed
  /// A request head stands in the exchange.
  case request(Handle)
  /// A request that no app may see, or see more of; the answer ends an HTTP/1.1 connection. One that is closed already
  /// was answered with a reset.
  case refused(Handle, MessageError)
  /// The client was too slow; an HTTP/1.1 connection ends with the answer.
  case expired(Handle)
  /// Request content waits in the exchange.
  case content(Handle)
  /// The request is complete; its trailer section stands in the exchange.
  case ended(Handle)
  /// Queued response content went out, and whoever fills the queue had asked to know.
  case space(Handle)
  /// The exchange is over. To be answered with ``HTTPServer/release(_:)``.
  case closed(Handle, Closure)

  public enum Closure: Sendable {
    /// The whole response was sent.
    case complete
    /// The client went away, reset the stream, or broke the protocol.
    case byClient
    /// We reset it.
    case byUs
  }
}

/// A TLS handshake that came to nothing.
public struct HandshakeFailure: Sendable {
  public let peer: SocketAddress
  public let listener: Int
  /// For the log; free of anything that the peer chose.
  public let detail: String
}
