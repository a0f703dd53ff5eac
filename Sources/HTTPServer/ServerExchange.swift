public import HTTP
public import Transport

/// One request and its response, downstream. Lives from the request head to ``HTTPServer/release(_:)``.
public struct ServerExchange: ~Copyable {
  public let connection: Handle
  /// Opaque to the server.
  public var owner: UInt64 = 0
  public var head: RequestHead
  public let receivedAt: MonotonicTime

  // The request's content.
  /// Received and not yet taken.
  var content = ByteQueue()
  public internal(set) var trailers = FieldSection()
  /// No content follows what waits.
  public internal(set) var isRequestEnded = false
  public internal(set) var receivedByteCount = 0

  // The response.
  var isResponseStarted = false
  var isResponseEnded = false
  /// HTTP/2: content that came after that.
  var discardedByteCount = 0
  /// The response was the agreement to a WebSocket; the content of both sides is independent now.
  var isTunnel = false
  var wantsSpace = false
  public internal(set) var sentByteCount = 0

  /// Over, and only waiting to be released.
  public internal(set) var isClosed = false
  /// When bytes last moved, for ``ServerLimits/bodyIdle``.
  var movedAt: MonotonicTime
  /// HTTP/2: the stream's slot in the session.
  let slot: Int
  /// HTTP/2: memory is short, and the stream's window was made smaller.
  var hasSmallWindow = false

  init(connection: Handle, head: consuming RequestHead, slot: Int, now: MonotonicTime) {
    self.connection = connection
    self.head = head
    self.slot = slot
    receivedAt = now
    movedAt = now
  }

  /// Request content that waits, in bytes.
  public var waitingByteCount: Int { content.count }
}
