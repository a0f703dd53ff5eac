/// Where a certificate and its private key stand.
public struct CertificateFiles: Equatable, Hashable, Sendable {
  /// Bytes of one file. Above: refused.
  static let limitBytes = 4 << 20

  public var certificate: String
  public var privateKey: String

  public init(certificate: String, privateKey: String) {
    self.certificate = certificate
    self.privateKey = privateKey
  }

  public func read(number: Int = 0) throws(TLSSettingsError) -> CertificatePair {
    CertificatePair(
      certificateChain: try Self.content(certificate, .certificate(number)),
      privateKey: try Self.content(privateKey, .privateKey(number)))
  }

  static func content(_ path: String, _ part: TLSSettingsError.Part) throws(TLSSettingsError) -> [UInt8] {
    do throws(Errno) {
      return try FileContent.read(path, limitBytes: limitBytes)
    } catch {
      throw TLSSettingsError(part, "cannot be read: \(error)")
    }
  }
}

/// Where all that a TLS listener shows and asks for stands. Read anew when files change.
public struct ServerTLSFiles: Equatable, Sendable {
  /// The first is for clients that name no server, or one that no certificate is for.
  public var pairs: [CertificateFiles]
  /// Present: a client certificate is required.
  public var clientAuthorities: String?

  public init(pairs: [CertificateFiles], clientAuthorities: String? = nil) {
    self.pairs = pairs
    self.clientAuthorities = clientAuthorities
  }

  /// Of what stands in the files at this moment.
  public func read() throws(TLSSettingsError) -> ServerTLS {
    var read: [CertificatePair] = []
    for (number, files) in pairs.enumerated() { read.append(try files.read(number: number)) }
    guard let clientAuthorities else { return try ServerTLS(read) }
    return try ServerTLS(read, clientAuthorities: try CertificateFiles.content(clientAuthorities, .authorities))
  }
}

/// Where all that a TLS client shows and trusts stands. Read anew when files change.
public struct ClientTLSFiles: Equatable, Sendable {
  /// PEM; nil: the authorities of the system.
  public var authorities: String?
  /// The client certificate, if there is one.
  public var pair: CertificateFiles?

  public init(authorities: String? = nil, pair: CertificateFiles? = nil) {
    self.authorities = authorities
    self.pair = pair
  }

  /// Of what stands in the files at this moment.
  /// - Parameter protocols: names for ALPN, in order of preference.
  public func read(protocols: [String]) throws(TLSSettingsError) -> ClientTLS {
    let pair = if let pair { try pair.read() as CertificatePair? } else { nil as CertificatePair? }
    guard let authorities else { return try ClientTLS(authorities: .system, pair: pair, protocols: protocols) }
    let pem = try CertificateFiles.content(authorities, .authorities)
    return try ClientTLS(authorities: .pem(pem), pair: pair, protocols: protocols)
  }
}
