public import HTTP
public import Transport

/// One request and its response. Lives from ``HTTPClient/open(origin:owner:loop:)`` to `release` or `cancel`.
public struct ClientCall: ~Copyable {
  enum Phase {
    case waiting
    /// A connection is reserved; nothing of the request is known to it.
    case assigned
    /// Submitted; no final response head yet.
    case awaitingHead
    case receiving
    case ended
    case failed
  }

  public let origin: Int
  /// Opaque to the client.
  public var owner: UInt64
  /// The final response head, from the `response` event on.
  public internal(set) var response: ResponseHead
  /// Received and not yet taken by the owner.
  public var content = ByteQueue()
  /// Of the response, from the `ended` event on.
  public internal(set) var trailers = FieldSection()
  /// Interim responses in order of arrival, one for each `interim` event.
  public internal(set) var interims: [ResponseHead] = []
  /// Its connection has carried a call before.
  public internal(set) var isReused = false
  /// May be changed until the request is submitted.
  public var responseHeadTimeout: Duration
  /// A WebSocket: the request is a handshake, and once the app agreed bytes pass both ways, each until its end.
  public let isTunnel: Bool
  public let openedAt: MonotonicTime
  public internal(set) var assignedAt: MonotonicTime
  public internal(set) var headAt: MonotonicTime

  var phase = Phase.waiting
  var connection = Handle.none
  /// HTTP/2: the stream's slot in the session.
  var slot = -1
  /// HTTP/2: by how much the stream's window is larger than what is announced to all.
  var addedWindowBytes = 0
  var isRequestEnded = false
  /// Content of the request has come, so that the app may be waiting for more of it.
  var hasContentBegun = false
  /// Received content that ``HTTPClient/grant(_:_:)`` has not given back.
  var ungrantedByteCount = 0
  var interimCount = 0
  /// What the connection had sent when the request was submitted.
  var writtenBefore: UInt64 = 0
  /// When bytes of this call last moved.
  var movedAt: MonotonicTime

  init(
    origin: Int, owner: UInt64, isTunnel: Bool, response: consuming ResponseHead, responseHead: Duration, now: MonotonicTime
  ) {
    self.origin = origin
    self.owner = owner
    self.isTunnel = isTunnel
    self.response = response
    responseHeadTimeout = responseHead
    openedAt = now
    assignedAt = now
    headAt = now
    movedAt = now
  }

  public var isResponseEnded: Bool { phase == .ended }
  public var isRequestComplete: Bool { isRequestEnded }
}

/// Why a call has no (complete) response.
public struct CallFailure: Error, Equatable, Sendable {
  public enum Kind: Equatable, Sendable {
    /// No address, or none of them took a connection.
    case unreachable
    case tlsFailed
    case timedOut(Stage)
    /// All connections that may be made were busy for too long.
    case saturated
    /// What came is no valid response, or what was to be sent no valid request.
    case protocolError
    /// The stream or connection was reset, or ended in the middle of the response.
    case reset
    /// A stream that the peer did not take: REFUSED_STREAM, or above the last stream of a GOAWAY.
    case refused
    /// An HTTP/1.1 connection that ended before a byte of the answer. On a reused one the app may have seen nothing.
    case closedBeforeAnswer(reused: Bool)
    /// The app speaks HTTP/2 and does not offer extended CONNECT (RFC 8441 §3).
    case tunnelUnsupported
  }

  public enum Stage: Equatable, Sendable { case connect, responseHead, idle }

  public var kind: Kind
  /// It is certain that the app saw nothing of the request.
  public var retryable: Bool
  /// Bytes of the request may have left this process.
  public var mayHaveLeft: Bool
  /// For the log; holds nothing that was sent or received.
  public var detail: String

  public init(_ kind: Kind, retryable: Bool, mayHaveLeft: Bool, detail: String = "") {
    self.kind = kind
    self.retryable = retryable
    self.mayHaveLeft = mayHaveLeft
    self.detail = detail
  }
}

/// What happened upstream. Handles name calls. An event may speak of a call that was released or cancelled meanwhile:
/// ask `calls.contains` first. After `failed` nothing follows; after `ended` only `sent`, and of a tunnel `failed`.
public enum ClientEvent: Sendable {
  /// A connection is reserved: submit the request.
  case assigned(Handle)
  /// A 1xx response: ``HTTPClient/takeInterim(_:)``.
  case interim(Handle)
  case response(Handle)
  case content(Handle)
  /// The response is complete, with its trailers.
  case ended(Handle)
  /// So many bytes of request content went out.
  case sent(Handle, Int)
  case failed(Handle, CallFailure)
  /// Calls wait until ``HTTPClient/setTarget(_:addresses:protocol:)`` or `failTarget`; also after a failed connect,
  /// when addresses and protocol are to be found out again while the old ones stay in use.
  case needsTarget(origin: Int)
  /// No address of the origin takes a connection any more, or one does again.
  case away(origin: Int, Bool)
}
