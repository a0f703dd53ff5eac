import Gate
import HTTP
import Telemetry
import Transport

/// One exchange on its way through the proxy: decide, connect, relay, finish.
struct Passage: ~Copyable {
  enum Stage {
    case deciding
    case waitingForKeys
    /// The content of a request to one of our endpoints is collected.
    case collecting(EndpointCall)
    /// An endpoint works on it.
    case serving
    case connecting
    /// A WebSocket: the app has not agreed, and gets nothing but the handshake.
    case upgrading
    case relaying
    /// Our own answer is under way.
    case answered
  }

  let exchange: Handle
  /// Of the connection, whose own life may end earlier; none if it had ended when the request was seen.
  let downstream: Handle
  var stage = Stage.deciding
  /// While it waits for keys.
  var waitsUnder: Policy?
  var admission: Admission?
  /// What the app gets, as positions in the arena of the request head.
  var lines: [FieldLine] = []
  var call = Handle.none
  /// Only where the request is a handshake.
  var webSocket: WebSocket?
  /// Content of a request to an endpoint of ours.
  var content = ByteQueue()
  /// What of it ``Proxy/collectedByteCount`` counts.
  var collectedByteCount = 0
  /// Content has left for the app: it cannot be sent a second time.
  var hasSentContent = false
  var isRequestFinished = false
  var isResponseComplete = false
  var isRetried = false

  // For the access log.
  var status: UInt16 = 0
  var reason: Reason?
  /// Of a call of one of our endpoints.
  var endpointToken: VerifiedToken?
  /// The route rule that decided.
  var rule: Int?
  var trace = TraceContext.absent
  /// The client's trace was passed on as it came: it was valid, and we are no part of it.
  var isTraceOfClient = false
  /// Of this request's span; 0: its trace is not exported.
  var span: UInt64 = 0
  var upstreamSpan: UInt64 = 0
  var gateMicroseconds: Int64 = -1
  var calledAt = MonotonicTime(nanoseconds: 0)
  var upstreamMicroseconds: Int64 = -1

  init(exchange: Handle, downstream: Handle) {
    self.exchange = exchange
    self.downstream = downstream
  }
}

/// What a WebSocket needs besides.
struct WebSocket {
  /// Ours to the app; empty over HTTP/2.
  var key: [UInt8] = []
  /// The app speaks HTTP/2 without RFC 8441: its other origin is used.
  var usesHTTP1 = false
  /// The app has agreed.
  var isOpen = false
  /// Of what the client was sent; only where the WebSocket may have to end between two frames.
  var boundary: FrameBoundary?
  /// It ends with the frame under way.
  var isEnding = false
}

/// What the proxy keeps of one downstream connection.
struct Downstream {
  var facts: ConnectionFacts
  var lastToken = TokenHint()
  /// The peer's address as text, for the log.
  var client: [UInt8]
  /// The last user that was logged, as the log calls him: the next request is mostly of the same one.
  var loggedToken: VerifiedToken?
  var loggedSubject: [UInt8] = []
}
