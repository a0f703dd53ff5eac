import HTTP
public import Transport

/// One downstream connection. An idle one holds this struct and, for HTTP/2, a session; buffers are borrowed.
public struct ServerConnection: ~Copyable {
  enum Phase {
    /// TLS is not established yet.
    case handshaking
    /// Not enough bytes yet to tell HTTP/2 from HTTP/1.1.
    case undecided
    /// HTTP/1.1, by what is read next.
    case head, body
    /// A whole request was read; the next one waits for its response.
    case answering
    /// The response is done, the rest of its request is read and dropped.
    case discarding
    /// The app agreed to a WebSocket: bytes pass both ways, each until its end.
    case tunnel
    case http2
    /// The last answer is under way, then the connection ends; what is read is dropped.
    case closing
    /// Our end is sent; waiting a moment for the client's, so that a reset does not destroy our answer in its hands.
    case lingering
  }

  var stream: ByteStream
  /// Under TLS.
  public var isSecure: Bool { stream.isSecure }
  /// The subject of the client's verified certificate, where the listener asks for one (RFC 4514).
  public var clientCertificateSubject: String? { stream.peerSubject }
  public let peer: SocketAddress
  /// Which listener it came from, as the owner numbers them.
  public let listener: Int
  /// Opaque to the server.
  public var context: UInt64 = 0

  var phase = Phase.undecided
  /// Read and not yet understood.
  var pending: [UInt8] = []
  var output = ByteQueue()
  /// What it was last counted to hold: see ``HTTPServer/weigh(_:)``.
  var weighedByteCount = 0
  var isDirty = false
  /// The socket may hold more than was read.
  var hasUnread = false
  var isInputEnded = false
  var inputEndedAt = MonotonicTime(nanoseconds: 0)

  // HTTP/2.
  var session = Handle.none
  /// When the preface or header section began whose rest is owed.
  var sectionBeganAt = MonotonicTime.distantFuture

  // HTTP/1.1.
  var parser = RequestParser()
  /// Some bytes of a head have come, and with the first of them its time has begun.
  var hasHeadBegun = false
  var decoder = BodyDecoder(.none, of: .request)
  var current = Handle.none
  var persists = true
  var isChunked = false
  /// Response content that is still owed by its Content-Length.
  var owedByteCount: UInt64?
  var forbidsContent = false
  var discardedByteCount = 0
  /// Of a tunnel: the client was told that nothing more comes.
  var isShutDown = false

  // Deadlines.
  var phaseBeganAt: MonotonicTime
  var timerArmedAt = MonotonicTime.distantFuture

  init(stream: consuming ByteStream, peer: SocketAddress, listener: Int, now: MonotonicTime) {
    self.stream = stream
    self.peer = peer
    self.listener = listener
    phaseBeganAt = now
    phase = self.stream.isSecure ? .handshaking : .undecided
  }

  mutating func writeOutput() throws(Errno) { _ = try stream.write(&output) }
}
