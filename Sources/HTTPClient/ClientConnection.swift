import HTTP
import Transport

/// One upstream connection. An idle one holds this struct and, for HTTP/2, a session; buffers are borrowed.
struct ClientConnection: ~Copyable {
  enum Phase {
    case connecting
    /// The egress proxy is asked for a tunnel to the origin.
    case tunnelling
    /// TLS.
    case handshaking
    case http2
    /// HTTP/1.1 without a call.
    case idle
    /// HTTP/1.1 with a call whose request was not submitted yet.
    case assigned
    /// HTTP/1.1, by what is read next.
    case head, body
    /// The response was read; the call is not released yet.
    case complete
    /// A WebSocket that the app agreed to.
    case tunnel
  }

  var stream: ByteStream
  let origin: Int
  /// Which of the origin's addresses, counted from the preferred one.
  let attempt: Int
  /// When the first address was tried.
  let connectBeganAt: MonotonicTime

  var phase = Phase.connecting
  var phaseBeganAt: MonotonicTime
  /// Calls assigned and not over.
  var callCount = 0
  /// Calls it has carried before.
  var servedCount = 0
  var timerArmedAt = MonotonicTime.distantFuture

  /// Read and not yet understood.
  var pending: [UInt8] = []
  var output = ByteQueue()
  /// What it was last counted to hold: see ``HTTPClient/weigh(_:)``.
  var weighedByteCount = 0
  var writtenByteCount: UInt64 = 0
  var isDirty = false
  /// The socket may hold more than was read.
  var hasUnread = false
  var isHot = false
  /// Writing failed: what the peer sent before is still read, then the connection is lost.
  var isBroken = false
  /// Takes no more calls; closed with its last one.
  var isDraining = false

  // HTTP/2.
  var session = Handle.none
  /// Of the peer's GOAWAY.
  var lastStream = Int32.max

  /// When something last came.
  var receivedAt: MonotonicTime
  /// The peer's SETTINGS have come.
  var hasSettings = false
  /// Assigned calls that wait for them.
  var waitingTunnels: [Handle] = []

  // HTTP/1.1.
  var current = Handle.none
  var parser = ResponseParser()
  var decoder = BodyDecoder(.none, of: .response)
  var method = Method.get
  var persists = true
  /// How long it may be idle and still be used, as far as the app has said so (`Keep-Alive: timeout`).
  var patience = Duration.seconds(1 << 30)
  var isRequestChunked = false
  /// The app was asked whether it wants the content, and has not said so.
  var awaitsContinue = false
  /// Request content that is still owed by its Content-Length.
  var owedByteCount: UInt64 = 0
  /// Request content in `output`.
  var unsentByteCount = 0
  /// Of a tunnel: the app was told that nothing more comes.
  var isShutDown = false

  init(stream: consuming ByteStream, origin: Int, attempt: Int, connectBeganAt: MonotonicTime, now: MonotonicTime) {
    self.stream = stream
    self.origin = origin
    self.attempt = attempt
    self.connectBeganAt = connectBeganAt
    phaseBeganAt = now
    receivedAt = now
  }

  mutating func writeOutput() throws(Errno) -> IOOutcome { try stream.write(&output) }
}

/// Connections of one origin, and the calls that wait for one.
struct Origin {
  let settings: OriginSettings
  var addresses: [SocketAddress] = []
  /// In cleartext as told, under TLS as ALPN last said.
  var upstreamProtocol: UpstreamProtocol
  var isTargetRequested = false
  /// The last connect came to nothing.
  var isAway = false
  var isRetired = false
  /// The address that last took a connection.
  var preferredAddress = 0

  var connectionCount = 0
  var connectingCount = 0
  /// HTTP/1.1 connections without a call, the last used one at the end.
  var idle: [Handle] = []
  var http2: [Handle] = []

  /// In order of arrival from `waitingStart` on; cancelled ones stay in as stale handles.
  var waiting: [Handle] = []
  var waitingStart = 0
  var waitingCount = 0
  var isWanting = false
  var isWaitTimerArmed = false

  init(_ settings: OriginSettings) {
    self.settings = settings
    switch settings.choice {
    case .auto: upstreamProtocol = .unknown
    case .http2: upstreamProtocol = .http2
    case .http1: upstreamProtocol = .http1
    }
  }

  mutating func nextWaiting() -> Handle? {
    guard waitingStart < waiting.count else {
      waiting.removeAll(keepingCapacity: true)
      waitingStart = 0
      return nil
    }
    let handle = waiting[waitingStart]
    waitingStart += 1
    if waitingStart >= 1024 {
      waiting.removeSubrange(0..<waitingStart)
      waitingStart = 0
    }
    return handle
  }

  var hasTarget: Bool { !addresses.isEmpty && (settings.security != nil || upstreamProtocol != .unknown) }
}
