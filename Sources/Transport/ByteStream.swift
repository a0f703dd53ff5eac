internal import Glibc

/// A connected socket, plain or under TLS. Codecs above never know which.
public struct ByteStream: ~Copyable {
  public let socket: FileDescriptor
  private var layer: TLSLayer?

  public init(_ socket: consuming FileDescriptor) {
    self.socket = socket
    layer = nil
  }

  /// The client's side of TLS with `serverName`, which the server's certificate must be for; ``write(_:)`` begins the
  /// handshake, reading goes on with it.
  /// - Throws: for a text that is no host name.
  public init(_ socket: consuming FileDescriptor, tls: ClientTLS, serverName: String) throws(Errno) {
    self.socket = socket
    layer = try TLSLayer(client: tls, serverName: serverName)
  }

  /// Begins the client's side of TLS on a stream that was cleartext until now, all of whose bytes have been read.
  public mutating func secure(_ tls: ClientTLS, serverName: String) throws(Errno) {
    layer = try TLSLayer(client: tls, serverName: serverName)
  }

  /// The server's side of TLS.
  public init(_ socket: consuming FileDescriptor, tls: ServerTLS) throws(Errno) {
    self.socket = socket
    layer = try TLSLayer(server: tls)
  }

  /// Content can be read and written: always in cleartext, else once the TLS handshake is complete.
  public var isEstablished: Bool {
    switch layer {
    case .some(let layer): layer.isEstablished
    case .none: true
    }
  }

  /// What ALPN chose (RFC 7301); nil in cleartext too.
  public var negotiatedProtocol: String? {
    switch layer {
    case .some(let layer): layer.negotiatedProtocol
    case .none: nil
    }
  }

  /// Under TLS, whether established or not yet.
  public var isSecure: Bool { layer != nil }

  /// The subject of the peer's verified certificate (RFC 4514), where it showed one.
  public var peerSubject: String? {
    switch layer {
    case .some(let layer): layer.peerSubject
    case .none: nil
    }
  }

  /// Ciphertext waits for the socket, also where the owner's queue is empty: write again when the socket is writable.
  public var wantsToWrite: Bool {
    switch layer {
    case .some(let layer): layer.wantsToWrite
    case .none: false
    }
  }

  /// More may stand behind what was read last, bytes, the end or a fault: read again, however little that was.
  public var mayHoldMore: Bool {
    switch layer {
    case .some(let layer): layer.mayHoldMore
    case .none: false
    }
  }

  /// Why TLS failed, for logs; nil where the socket or nothing failed. Free of anything that the peer chose.
  public var securityFailure: String? {
    switch layer {
    case .some(let layer): layer.failure
    case .none: nil
    }
  }

  /// Fills `buffer`, whose count is the most that may be read, from its beginning. Fewer bytes than that mean that the
  /// socket is drained, unless the peer is ending or ``mayHoldMore`` says so. `endOfStream` is an orderly end: under TLS the peer said
  /// close_notify.
  public mutating func read(into buffer: inout [UInt8]) throws(Errno) -> IOOutcome {
    if layer == nil { return try socket.read(into: &buffer) }
    return try layer!.read(from: socket, into: &buffer)
  }

  /// Sends the oldest bytes of `queue` and drops them from it. `.bytes` when all is gone.
  public mutating func write(_ queue: inout ByteQueue) throws(Errno) -> IOOutcome {
    if layer != nil { return try layer!.write(&queue, to: socket) }
    return try socket.sendAll(&queue)
  }

  /// The peer sees the end of our stream, under TLS an orderly one; reading goes on. Best effort, nothing waits for it.
  public mutating func shutdownWriting() {
    if layer != nil { layer!.closeNotify(to: socket) }
    socket.shutdownWriting()
  }
}

extension FileDescriptor {
  func sendAll(_ queue: inout ByteQueue) throws(Errno) -> IOOutcome {
    var total = 0
    while !queue.isEmpty {
      switch try queue.withContent({ (content) throws(Errno) in try send(content) }) {
      case .bytes(let count):
        queue.drop(count)
        total += count
      case .wouldBlock, .endOfStream: return .wouldBlock
      }
    }
    return .bytes(total)
  }
}
