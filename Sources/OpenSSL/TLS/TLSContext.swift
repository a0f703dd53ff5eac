internal import COpenSSL

/// The certificate authorities that a client trusts.
public enum CertificateAuthorities: Sendable {
  /// Those of the system: OpenSSL's directory, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
  case system
  /// The certificates of a PEM text, and no others.
  case pem([UInt8])
}

/// A certificate with what belongs to it.
public struct TLSIdentity: Equatable, Sendable {
  /// PEM, the own certificate first.
  public var certificateChain: [UInt8]
  /// PEM, unencrypted.
  public var privateKey: [UInt8]

  public init(certificateChain: [UInt8], privateKey: [UInt8]) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

/// Settings that TLS sessions of one kind share: TLS 1.2 and later, no renegotiation, no compression, no early data.
///
/// `@unchecked Sendable`: the `SSL_CTX` is complete when `init` returns; making sessions of it is counted and locked by
/// the library.
@safe public final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let isServer: Bool
  /// Contexts with certificates for other server names, to which a session may change over.
  public let alternatives: [TLSContext]
  /// The names for ALPN (RFC 7301 §3.1), each behind its length. At a fixed address, because the library keeps what the
  /// callback selected until the callback has returned.
  private let protocols: UnsafeMutableBufferPointer<UInt8>

  /// For sessions with servers whose certificate must be of one of `authorities`.
  ///
  /// - Parameters:
  ///   - identity: shown to servers that ask for a client certificate.
  ///   - protocols: offered by ALPN, in order of preference; none: no ALPN.
  public static func client(
    authorities: CertificateAuthorities = .system, identity: TLSIdentity? = nil, protocols: [String] = []
  ) throws(TLSConfigurationError) -> TLSContext {
    try unsafe TLSContext(isServer: false, protocols: protocols) { context throws(TLSConfigurationError) in
      unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
      switch authorities {
      case .system:
        guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else { throw .libraryFailed }
      case .pem(let pem):
        let store = unsafe SSL_CTX_get_cert_store(context)
        try unsafe forEachAuthority(of: pem) { certificate in unsafe X509_STORE_add_cert(store, certificate) == 1 }
      }
      if let identity { try unsafe use(identity, in: context) }
    }
  }

  /// For sessions with clients.
  ///
  /// - Parameters:
  ///   - clientAuthorities: PEM; present: a client must show a certificate of one of them.
  ///   - protocols: in our order of preference. A client that offers only others is refused (RFC 7301 §3.2), one that
  ///     offers none is not.
  ///   - alternatives: server contexts alike but for their certificates, one of which is used where the client names a
  ///     server that it is for and ours is not (RFC 6066 §3).
  public static func server(
    _ identity: TLSIdentity, clientAuthorities: [UInt8]? = nil, protocols: [String] = [],
    alternatives: [TLSContext] = []
  ) throws(TLSConfigurationError) -> TLSContext {
    let made = try unsafe TLSContext(
      isServer: true, protocols: protocols, alternatives: alternatives
    ) { context throws(TLSConfigurationError) in
      // With HTTP/2 only such suites are allowed (RFC 9113 §9.2.2); those of TLS 1.3 are all of this kind.
      guard unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 else { throw .libraryFailed }
      unsafe _ = SSL_CTX_set_options(context, COPENSSL_OP_CIPHER_SERVER_PREFERENCE)
      // Sessions are resumed by tickets, which the clients keep.
      unsafe _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
      // Without it the library refuses to resume a session that has a client certificate.
      guard unsafe SSL_CTX_set_session_id_context(context, "server", 6) == 1 else { throw .libraryFailed }
      if let clientAuthorities { try unsafe requireClientCertificate(of: clientAuthorities, in: context) }
      try unsafe use(identity, in: context)
    }
    if !alternatives.isEmpty { made.chooseByServerName() }
    return made
  }

  private init(
    isServer: Bool, protocols names: [String], alternatives: [TLSContext] = [],
    configure: (_ context: OpaquePointer) throws(TLSConfigurationError) -> Void
  ) throws(TLSConfigurationError) {
    var list: [UInt8] = []
    for name in names {
      guard let count = UInt8(exactly: name.utf8.count), count > 0 else { throw .protocolNameInvalid }
      list.append(count)
      list.append(contentsOf: name.utf8)
    }
    guard let context = unsafe SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
      throw .libraryFailed
    }
    self.isServer = isServer
    self.alternatives = alternatives
    unsafe pointer = context
    unsafe protocols = .allocate(capacity: list.count)
    unsafe _ = protocols.initialize(fromContentsOf: list)
    // From here on `deinit` frees both, also when this throws.
    try withEmptyErrorQueue { () throws(TLSConfigurationError) in
      try unsafe Self.configureCommon(context)
      try unsafe configure(context)
      if !list.isEmpty { try configureProtocols() }
    }
  }

  deinit {
    unsafe SSL_CTX_free(pointer)
    unsafe protocols.deallocate()
  }

  private static func configureCommon(_ context: OpaquePointer) throws(TLSConfigurationError) {
    guard unsafe SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_2_VERSION), nil) == 1 else {
      throw .libraryFailed
    }
    unsafe _ = SSL_CTX_set_options(context, COPENSSL_OP_NO_RENEGOTIATION | COPENSSL_OP_NO_COMPRESSION)
    // Idle sessions keep no record buffers.
    unsafe _ = SSL_CTX_ctrl(context, SSL_CTRL_MODE, Int(SSL_MODE_RELEASE_BUFFERS), nil)
  }

  private func configureProtocols() throws(TLSConfigurationError) {
    guard isServer else {
      // Returns 0 for success, unlike everything else.
      guard unsafe SSL_CTX_set_alpn_protos(pointer, protocols.baseAddress, UInt32(protocols.count)) == 0 else {
        throw .libraryFailed
      }
      return
    }
    // Unretained: every session holds its context, and only sessions call back.
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe SSL_CTX_set_alpn_select_cb(
      pointer,
      { _, selected, selectedCount, offered, offeredCount, this in
        guard let selected = unsafe selected, let this = unsafe this else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        let own = unsafe Unmanaged<TLSContext>.fromOpaque(this).takeUnretainedValue().protocols
        var choice: UnsafeMutablePointer<UInt8>?
        let result = unsafe SSL_select_next_proto(
          &choice, selectedCount, own.baseAddress, UInt32(own.count), offered, offeredCount)
        guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        unsafe selected.pointee = UnsafePointer(choice)
        return SSL_TLSEXT_ERR_OK
      }, this)
  }

  private static func requireClientCertificate(
    of pem: [UInt8], in context: OpaquePointer
  ) throws(TLSConfigurationError) {
    let store = unsafe SSL_CTX_get_cert_store(context)
    try unsafe forEachAuthority(of: pem) { certificate in
      // The names of the authorities tell the client which of its certificates to show.
      unsafe X509_STORE_add_cert(store, certificate) == 1 && SSL_CTX_add_client_CA(context, certificate) == 1
    }
    unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
  }

  /// The context whose certificate is for the name that the client asks for: by its full name first, then by a wildcard;
  /// this one where none is.
  private func chooseByServerName() {
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe COPENSSL_set_server_name_callback(
      pointer,
      { session, _, this in
        guard let session = unsafe session, let this = unsafe this,
          let name = unsafe SSL_get_servername(session, TLSEXT_NAMETYPE_host_name)
        else { return SSL_TLSEXT_ERR_NOACK }
        let context = unsafe Unmanaged<TLSContext>.fromOpaque(this).takeUnretainedValue()
        for flags in [UInt32(X509_CHECK_FLAG_NO_WILDCARDS), UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)] {
          if unsafe context.isFor(name, flags) { return SSL_TLSEXT_ERR_OK }
          for alternative in context.alternatives where unsafe alternative.isFor(name, flags) {
            unsafe SSL_set_SSL_CTX(session, alternative.pointer)
            return SSL_TLSEXT_ERR_OK
          }
        }
        return SSL_TLSEXT_ERR_NOACK
      }, this)
  }

  private func isFor(_ name: UnsafePointer<CChar>, _ flags: UInt32) -> Bool {
    guard let certificate = unsafe SSL_CTX_get0_certificate(pointer) else { return false }
    return unsafe X509_check_host(
      certificate, name, 0, flags | UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT), nil) == 1
  }

  private static func forEachAuthority(
    of pem: [UInt8], _ body: (OpaquePointer) -> Bool
  ) throws(TLSConfigurationError) {
    do throws(TLSConfigurationError) {
      try unsafe forEachCertificate(of: pem, body)
    } catch {
      throw error == .libraryFailed ? .libraryFailed : .authoritiesMalformed
    }
  }

  /// Hands every certificate of a PEM text to `body`, which takes a reference of its own and says whether it could.
  private static func forEachCertificate(
    of pem: [UInt8], _ body: (OpaquePointer) -> Bool
  ) throws(TLSConfigurationError) {
    let input: MemoryInput
    do throws(KeyFailure) { input = try MemoryInput(pem.span) } catch { throw .libraryFailed }
    var count = 0
    while let certificate = unsafe PEM_read_bio_X509(input.pointer, nil, refusePassphrase, nil) {
      defer { unsafe X509_free(certificate) }
      guard unsafe body(certificate) else { throw .certificateRefused }
      count += 1
    }
    // The text ended, or something in it is no certificate.
    let code = ERR_peek_last_error()
    ERR_clear_error()
    guard count > 0, ERR_GET_LIB(code) == ERR_LIB_PEM, ERR_GET_REASON(code) == PEM_R_NO_START_LINE else {
      throw .certificateMalformed
    }
  }

  private static func use(_ identity: TLSIdentity, in context: OpaquePointer) throws(TLSConfigurationError) {
    var isFirst = true
    try unsafe forEachCertificate(of: identity.certificateChain) { certificate in
      defer { isFirst = false }
      return isFirst
        ? unsafe SSL_CTX_use_certificate(context, certificate) == 1
        : unsafe SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate)) == 1
    }
    let key: KeyMaterial
    do throws(KeyFailure) {
      key = try KeyMaterial(privatePEM: identity.privateKey.span)
    } catch {
      throw .privateKeyRefused(error)
    }
    guard unsafe SSL_CTX_use_PrivateKey(context, key.pointer) == 1, unsafe SSL_CTX_check_private_key(context) == 1
    else {
      throw .privateKeyMismatch
    }
  }

  /// When the own certificate, that of the context and not those of its alternatives, is good: Unix seconds. Nil
  /// without one.
  public var validity: ClosedRange<Int64>? {
    withEmptyErrorQueue {
      guard let certificate = unsafe SSL_CTX_get0_certificate(pointer), let epoch = unsafe ASN1_TIME_set(nil, 0) else {
        return nil
      }
      defer { unsafe ASN1_TIME_free(epoch) }
      func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var (days, seconds): (Int32, Int32) = (0, 0)
        guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
        return Int64(days) * 86_400 + Int64(seconds)
      }
      guard let begin = unsafe seconds(X509_get0_notBefore(certificate)),
        let end = unsafe seconds(X509_get0_notAfter(certificate)), begin <= end
      else { return nil }
      return begin...end
    }
  }
}
