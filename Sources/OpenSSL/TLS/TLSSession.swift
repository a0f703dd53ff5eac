internal import COpenSSL

/// One TLS connection as a byte transformer: ciphertext in and out, plaintext in and out, no socket.
///
/// After each call that changes something there may be output to send, after one that throws too (the alert).
@safe public struct TLSSession: ~Copyable {
  /// Owned. Freed before `transport` and `context`, whose addresses it knows.
  private let session: OpaquePointer
  private let transport = TLSTransport()
  private let context: TLSContext
  /// The name that the server's certificate was or will be checked against; nil for server sessions.
  public let serverName: String?
  public private(set) var isHandshakeComplete = false
  private var failure: TLSFailure?

  /// A session with the server `serverName`, a DNS name or an IP literal (with or without brackets), which its
  /// certificate must be for (RFC 9525; the common name of the subject does not count). The ClientHello is in the
  /// output.
  ///
  /// - Throws: `hostNameMismatch` for a text that is no host name.
  public static func client(_ context: TLSContext, serverName: String) throws(TLSFailure) -> TLSSession {
    var session = try TLSSession(context, serverName: serverName)
    try session.checkServer(named: serverName)
    unsafe SSL_set_connect_state(session.session)
    try session.advanceHandshake()
    return session
  }

  /// A session with a client.
  public static func server(_ context: TLSContext) throws(TLSFailure) -> TLSSession {
    let session = try TLSSession(context, serverName: nil)
    unsafe SSL_set_accept_state(session.session)
    return session
  }

  private init(_ context: TLSContext, serverName: String?) throws(TLSFailure) {
    let transport = self.transport
    let session: OpaquePointer? = unsafe withEmptyErrorQueue {
      guard let session = unsafe SSL_new(context.pointer) else { return nil }
      guard let bio = unsafe transport.makeBIO() else {
        unsafe SSL_free(session)
        return nil
      }
      // One reference serves both directions.
      unsafe SSL_set_bio(session, bio, bio)
      return unsafe session
    }
    guard let session = unsafe session else { throw .libraryFailed }
    unsafe self.session = session
    self.context = context
    self.serverName = serverName
  }

  deinit { unsafe SSL_free(session) }

  private func checkServer(named name: String) throws(TLSFailure) {
    let host = HostName(name)
    guard let host else { throw .hostNameMismatch }
    let isSet = withEmptyErrorQueue {
      guard let parameters = unsafe SSL_get0_param(session) else { return false }
      if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, host.text) == 1 { return true }
      guard !host.mustBeAddress else { return false }
      unsafe SSL_set_hostflags(
        session, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
      return unsafe SSL_set1_host(session, host.text) == 1
        // Addresses are no server names (RFC 6066 §3).
        && host.text.withCString { text in
          unsafe SSL_ctrl(
            session, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name),
            UnsafeMutableRawPointer(mutating: text))
        } == 1
    }
    guard isSet else { throw .hostNameMismatch }
  }

  /// Ciphertext from the peer. The handshake goes on as far as it can; afterwards plaintext waits in
  /// ``readPlaintext(into:from:)``. Do not go on receiving without reading: what is not read is kept.
  public mutating func receive(_ ciphertext: Span<UInt8>) throws(TLSFailure) {
    if let failure { throw failure }
    transport.receive(ciphertext)
    if !isHandshakeComplete { try advanceHandshake() }
  }

  public enum ReadOutcome: Equatable, Sendable {
    /// So many bytes were put there.
    case bytes(Int)
    /// More ciphertext is needed.
    case wouldBlock
    /// The peer has said that nothing follows (close_notify). A connection that ends without it was cut.
    case endOfStream
  }

  /// Puts plaintext into `output` from position `start` on, at most one record's (16,384 bytes); ask again until it
  /// would block. The count of `output` stays: it says how much room there is.
  public mutating func readPlaintext(into output: inout [UInt8], from start: Int) throws(TLSFailure) -> ReadOutcome {
    if let failure { throw failure }
    guard isHandshakeComplete, start < output.count else { return .wouldBlock }
    var count = 0
    let outcome = unsafe output.withUnsafeMutableBytes { bytes in
      unsafe perform { session in
        unsafe SSL_read_ex(session, bytes.baseAddress?.advanced(by: start), bytes.count - start, &count)
      }
    }
    switch outcome {
    case .done: return .bytes(count)
    case .wouldBlock: return .wouldBlock
    case .endOfStream: return .endOfStream
    case .failed(let failure): throw fail(failure)
    }
  }

  /// Encrypts all of `plaintext`, once the handshake is complete; its ciphertext is added to the output.
  ///
  /// - Returns: the bytes taken: all of them, or 0 while the handshake goes on.
  public mutating func write(_ plaintext: Span<UInt8>) throws(TLSFailure) -> Int {
    if let failure { throw failure }
    guard isHandshakeComplete, !plaintext.isEmpty else { return 0 }
    var count = 0
    let outcome = unsafe plaintext.withUnsafeBytes { bytes in
      unsafe perform { session in unsafe SSL_write_ex(session, bytes.baseAddress, bytes.count, &count) }
    }
    switch outcome {
    case .done: return count
    // The transport takes everything, and renegotiation is off: a write does not wait.
    case .wouldBlock: throw fail(.libraryFailed)
    case .endOfStream: throw fail(.closed)
    case .failed(let failure): throw fail(failure)
    }
  }

  /// Moves the ciphertext for the peer to the end of `output`.
  public mutating func takeOutput(into output: inout [UInt8]) { transport.takeOutput(into: &output) }

  public var hasOutput: Bool { transport.hasOutput }

  /// Says that nothing follows from us. Reading may go on, writing may not.
  public mutating func closeNotify() {
    guard failure == nil, isHandshakeComplete else { return }
    unsafe _ = perform { session in unsafe SSL_shutdown(session) }
  }

  /// The protocol chosen by ALPN (RFC 7301); nil before the handshake is complete, or where none was chosen.
  public var negotiatedProtocol: String? {
    guard isHandshakeComplete else { return nil }
    var name: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(session, &name, &count)
    guard let name = unsafe name, count > 0 else { return nil }
    return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
  }

  /// The subject of the peer's verified certificate as RFC 4514 writes it, all ASCII: `CN=worker,O=Example`. Nil where
  /// none was shown; empty where its subject is.
  public var peerSubject: String? {
    guard isHandshakeComplete, unsafe SSL_get_verify_result(session) == Int(X509_V_OK) else { return nil }
    return withEmptyErrorQueue {
      guard let certificate = unsafe SSL_get0_peer_certificate(session),
        let output = try? MemoryOutput()
      else { return nil }
      let written = unsafe X509_NAME_print_ex(
        output.pointer, X509_get_subject_name(certificate), 0, COPENSSL_XN_FLAG_RFC2253)
      return written < 0 ? nil : String(decoding: output.bytes(), as: UTF8.self)
    }
  }

  /// The handshake was shortened by a ticket of an earlier session.
  public var isResumed: Bool { unsafe SSL_session_reused(session) == 1 }

  private mutating func advanceHandshake() throws(TLSFailure) {
    switch unsafe perform({ session in unsafe SSL_do_handshake(session) }) {
    case .done: isHandshakeComplete = true
    case .wouldBlock: break
    case .endOfStream: throw fail(.closed)
    case .failed(let failure): throw fail(failure)
    }
  }

  /// A session that failed once goes on failing in the same way, whatever the library would say.
  private mutating func fail(_ failure: TLSFailure) -> TLSFailure {
    self.failure = failure
    return failure
  }

  private enum Outcome: Equatable {
    case done, wouldBlock, endOfStream
    case failed(TLSFailure)
  }

  private func perform(_ operation: (OpaquePointer) -> Int32) -> Outcome {
    withEmptyErrorQueue {
      let result = unsafe operation(session)
      if result > 0 { return .done }
      switch unsafe SSL_get_error(session, result) {
      case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wouldBlock
      case SSL_ERROR_ZERO_RETURN: return .endOfStream
      default: return unsafe .failed(TLSFailure(of: session))
      }
    }
  }
}

/// A host as a URL names it, fit to be given to C: letters, digits, hyphens, dots, underscores, or an address.
private struct HostName {
  let text: String
  /// It stood in brackets.
  let mustBeAddress: Bool

  init?(_ name: String) {
    var text = Substring(name)
    mustBeAddress = text.hasPrefix("[") && text.hasSuffix("]")
    if mustBeAddress { text = text.dropFirst().dropLast() }
    if !mustBeAddress, text.hasSuffix(".") { text = text.dropLast() }
    let isPlain = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: ":"):
        true
      default: false
      }
    }
    guard isPlain, !text.isEmpty, !text.hasPrefix("."), text.utf8.count <= 253 else { return nil }
    self.text = String(text)
  }
}
