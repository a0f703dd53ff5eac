internal import COpenSSL

/// The certificate authorities that a client trusts.
public enum CertificateAuthorities: Sendable {
  /// Those of the system: OpenSSL's directory, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name.
  case system
  /// The certificates of a PEM text, and no others.
  case pem([UInt8])
}

/// Settings that TLS sessions of one kind share: TLS 1.2 and later, no renegotiation, no compression.
///
/// `@unchecked Sendable`: the `SSL_CTX` is complete when `init` returns; making sessions of it is counted and locked by
/// the library.
@safe public final class TLSContext: @unchecked Sendable {
  let pointer: OpaquePointer
  let isServer: Bool
  /// The names for ALPN (RFC 7301 §3.1), each behind its length. At a fixed address, because the library keeps what the
  /// callback selected until the callback has returned.
  private let protocols: UnsafeMutableBufferPointer<UInt8>

  /// For sessions with servers whose certificate must be of one of `authorities`.
  ///
  /// - Parameter protocols: offered by ALPN, in order of preference; none: no ALPN.
  public static func client(
    authorities: CertificateAuthorities = .system, protocols: [String] = []
  ) throws(TLSConfigurationError) -> TLSContext {
    try unsafe TLSContext(isServer: false, protocols: protocols) { context throws(TLSConfigurationError) in
      unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
      switch authorities {
      case .system:
        guard unsafe SSL_CTX_set_default_verify_paths(context) == 1 else { throw .libraryFailed }
      case .pem(let pem):
        let store = unsafe SSL_CTX_get_cert_store(context)
        try unsafe forEachCertificate(of: pem) { certificate in unsafe X509_STORE_add_cert(store, certificate) == 1 }
      }
    }
  }

  /// For sessions with clients.
  ///
  /// - Parameters:
  ///   - certificateChain: PEM, the server's own certificate first.
  ///   - privateKey: PEM, unencrypted.
  ///   - protocols: in our order of preference. A client that offers only others is refused (RFC 7301 §3.2), one that
  ///     offers none is not.
  public static func server(
    certificateChain: [UInt8], privateKey: [UInt8], protocols: [String] = []
  ) throws(TLSConfigurationError) -> TLSContext {
    try unsafe TLSContext(isServer: true, protocols: protocols) { context throws(TLSConfigurationError) in
      // With HTTP/2 only such suites are allowed (RFC 9113 §9.2.2); those of TLS 1.3 are all of this kind.
      guard unsafe SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 else { throw .libraryFailed }
      unsafe _ = SSL_CTX_set_options(context, COPENSSL_OP_CIPHER_SERVER_PREFERENCE)
      unsafe _ = SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
      var isFirst = true
      try unsafe forEachCertificate(of: certificateChain) { certificate in
        defer { isFirst = false }
        return isFirst
          ? unsafe SSL_CTX_use_certificate(context, certificate) == 1
          : unsafe SSL_CTX_ctrl(context, SSL_CTRL_CHAIN_CERT, 1, UnsafeMutableRawPointer(certificate)) == 1
      }
      try unsafe use(privateKey: privateKey, in: context)
    }
  }

  private init(
    isServer: Bool, protocols names: [String],
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

  private static func use(privateKey pem: [UInt8], in context: OpaquePointer) throws(TLSConfigurationError) {
    let key: KeyMaterial
    do throws(KeyFailure) { key = try KeyMaterial(privatePEM: pem.span) } catch { throw .privateKeyRefused(error) }
    guard unsafe SSL_CTX_use_PrivateKey(context, key.pointer) == 1, unsafe SSL_CTX_check_private_key(context) == 1
    else {
      throw .privateKeyMismatch
    }
  }
}
