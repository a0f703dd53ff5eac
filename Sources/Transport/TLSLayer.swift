internal import Glibc
internal import OpenSSL

/// Whom a client trusts and which protocols it offers. Made once, shared by all connections of that kind.
public struct ClientTLS: Sendable {
  let context: TLSContext

  public enum Authorities: Sendable {
    case system
    /// The certificates of a PEM text, and no others.
    case pem([UInt8])
  }

  /// - Parameter protocols: names for ALPN, in order of preference; none: no ALPN.
  public init(authorities: Authorities, protocols: [String]) throws(TLSSettingsError) {
    do throws(TLSConfigurationError) {
      switch authorities {
      case .system: context = try .client(authorities: .system, protocols: protocols)
      case .pem(let pem): context = try .client(authorities: .pem(pem), protocols: protocols)
      }
    } catch {
      throw TLSSettingsError(description: "\(error)")
    }
  }
}

/// A server's certificate and the protocols it accepts.
public struct ServerTLS: Sendable {
  let context: TLSContext

  /// - Parameters:
  ///   - certificateChain: PEM, the server's own certificate first.
  ///   - privateKey: PEM, unencrypted.
  ///   - protocols: names for ALPN, in order of preference.
  public init(certificateChain: [UInt8], privateKey: [UInt8], protocols: [String]) throws(TLSSettingsError) {
    do throws(TLSConfigurationError) {
      context = try .server(certificateChain: certificateChain, privateKey: privateKey, protocols: protocols)
    } catch {
      throw TLSSettingsError(description: "\(error)")
    }
  }
}

/// What is wrong with a certificate, a key or a list of authorities; for the person who configured it.
public struct TLSSettingsError: Error, Equatable, Sendable, CustomStringConvertible {
  public let description: String
}

/// One TLS session between a socket and its owner.
struct TLSLayer: ~Copyable {
  /// Plaintext that is encrypted before the socket has taken it. A queue keeps its bytes until their ciphertext is
  /// gone.
  private static var encryptedBytes: Int { 64 * 1024 }
  private static var ciphertextBytes: Int { 32 * 1024 }

  private var session: TLSSession
  private var ciphertext = ByteQueue()
  /// Bytes at the beginning of the owner's queue whose ciphertext has not left yet.
  private var encryptedCount = 0
  private(set) var failure: String?
  private(set) var hasUnreadEnd = false

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
  var wantsToWrite: Bool { !ciphertext.isEmpty || session.hasOutput }

  mutating func read(from socket: borrowing FileDescriptor, into buffer: inout [UInt8]) throws(Errno) -> IOOutcome {
    let limit = buffer.count
    buffer.removeAll(keepingCapacity: true)
    defer { if buffer.count < limit { buffer.append(contentsOf: repeatElement(0, count: limit - buffer.count)) } }
    hasUnreadEnd = false
    var input: [UInt8] = []
    var isDrained = false
    while true {
      let outcome = try readPlaintext(into: &buffer, limit)
      if outcome == .endOfStream {
        hasUnreadEnd = !buffer.isEmpty
        return buffer.isEmpty ? .endOfStream : .bytes(buffer.count)
      }
      if buffer.count == limit { return .bytes(limit) }
      if isDrained { break }
      if input.isEmpty { input = [UInt8](repeating: 0, count: Self.ciphertextBytes) }
      switch try socket.read(into: &input) {
      case .bytes(let count):
        isDrained = count < input.count
        try receive(input.span.extracting(0..<count), socket)
      case .wouldBlock: isDrained = true
      case .endOfStream:
        hasUnreadEnd = !buffer.isEmpty
        if hasUnreadEnd { return .bytes(buffer.count) }
        // Without close_notify anybody on the way may have cut it.
        failure = failure ?? "ended without close_notify"
        throw .connectionReset
      }
    }
    return buffer.isEmpty ? .wouldBlock : .bytes(buffer.count)
  }

  /// Reads records until one more is needed, the peer has ended or `limit` is reached.
  private mutating func readPlaintext(
    into buffer: inout [UInt8], _ limit: Int
  ) throws(Errno) -> TLSSession.ReadOutcome {
    do throws(TLSFailure) {
      while buffer.count < limit {
        let outcome = try session.readPlaintext(into: &buffer, atMost: limit - buffer.count)
        guard case .bytes = outcome else { return outcome }
      }
      return .wouldBlock
    } catch {
      // What came before the fault is handed on; the session remembers the fault.
      if !buffer.isEmpty { return .endOfStream }
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
    if case .bytes = try socket.sendAll(&ciphertext) { return true }
    return false
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
