internal import Glibc
internal import OpenSSL

/// One TLS session between a socket and its owner.
struct TLSLayer: ~Copyable {
  /// Plaintext that is encrypted before the socket has taken it. A queue keeps its bytes until their ciphertext is
  /// gone.
  private static var encryptedBytes: Int { 64 * 1024 }

  private var session: TLSSession
  private var ciphertext = ByteQueue()
  /// Bytes at the beginning of the owner's queue whose ciphertext has not left yet.
  private var encryptedCount = 0
  private(set) var failure: String?
  private(set) var mayHoldMore = false

  init(client: ClientTLS, serverName: String) throws(Errno) {
    do throws(TLSFailure) {
      session = try TLSSession.client(client.context, serverName: serverName)
    } catch {
      throw Errno(EINVAL)
    }
  }

  init(server: ServerTLS) throws(Errno) {
    do throws(TLSFailure) {
      session = try TLSSession.server(server.context)
    } catch {
      throw Errno(ENOMEM)
    }
  }

  var isEstablished: Bool { session.isHandshakeComplete }
  var negotiatedProtocol: String? { session.negotiatedProtocol }
  var peerSubject: String? { session.peerSubject }
  var wantsToWrite: Bool { !ciphertext.isEmpty || session.hasOutput }

  mutating func read(from socket: borrowing FileDescriptor, into buffer: inout [UInt8]) throws(Errno) -> IOOutcome {
    mayHoldMore = false
    var isDrained = false
    while true {
      var count = 0
      let outcome = try readPlaintext(into: &buffer, &count)
      if count > 0 {
        mayHoldMore = !isDrained || outcome != .wouldBlock
        return .bytes(count)
      }
      if outcome == .endOfStream { return .endOfStream }
      if isDrained { return .wouldBlock }
      // The session takes a copy: the buffer serves for ciphertext first and for plaintext then.
      switch try socket.read(into: &buffer) {
      case .bytes(let count):
        isDrained = count < buffer.count
        try receive(buffer.span.extracting(0..<count), socket)
      case .wouldBlock: isDrained = true
      case .endOfStream:
        // Without close_notify anybody on the way may have cut it.
        failure = failure ?? "ended without close_notify"
        throw .connectionReset
      }
    }
  }

  /// Reads records until one more is needed, the peer has ended or the buffer is full.
  private mutating func readPlaintext(
    into buffer: inout [UInt8], _ count: inout Int
  ) throws(Errno) -> TLSSession.ReadOutcome {
    do throws(TLSFailure) {
      while count < buffer.count {
        let outcome = try session.readPlaintext(into: &buffer, from: count)
        guard case .bytes(let more) = outcome else { return outcome }
        count += more
      }
      return .bytes(count)
    } catch {
      // What came before the fault is handed on; the session remembers the fault.
      if count > 0 { return .endOfStream }
      throw fail(error)
    }
  }

  private mutating func receive(_ input: Span<UInt8>, _ socket: borrowing FileDescriptor) throws(Errno) {
    do throws(TLSFailure) {
      try session.receive(input)
    } catch {
      _ = try? flush(to: socket)
      throw fail(error)
    }
    // Handshake messages and key updates are the session's own.
    if session.hasOutput { _ = try flush(to: socket) }
  }

  private mutating func fail(_ failure: TLSFailure) -> Errno {
    self.failure = "\(failure)"
    return Errno(EPROTO)
  }

  /// - Returns: whether all ciphertext is gone.
  private mutating func flush(to socket: borrowing FileDescriptor) throws(Errno) -> Bool {
    ciphertext.withArray { session.takeOutput(into: &$0) }
    guard case .bytes = try socket.sendAll(&ciphertext) else { return false }
    // An idle connection keeps no buffer.
    ciphertext = ByteQueue()
    return true
  }

  mutating func write(_ queue: inout ByteQueue, to socket: borrowing FileDescriptor) throws(Errno) -> IOOutcome {
    var total = 0
    while true {
      guard try flush(to: socket) else { return .wouldBlock }
      queue.drop(min(encryptedCount, queue.count))
      total += encryptedCount
      encryptedCount = 0
      if queue.isEmpty { return .bytes(total) }
      guard session.isHandshakeComplete else { return .wouldBlock }
      do throws(TLSFailure) {
        encryptedCount = try queue.withContent { (content) throws(TLSFailure) in
          try session.write(content.extracting(0..<min(content.count, Self.encryptedBytes)))
        }
      } catch {
        throw fail(error)
      }
    }
  }

  mutating func closeNotify(to socket: borrowing FileDescriptor) {
    session.closeNotify()
    _ = try? flush(to: socket)
  }
}
