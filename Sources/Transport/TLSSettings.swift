internal import OpenSSL

/// What is wrong with a certificate, a key or a list of authorities; for the person who configured it.
public struct TLSSettingsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Which of the files.
  public enum Part: Equatable, Sendable {
    /// Of the pair with this number.
    case certificate(Int), privateKey(Int)
    case authorities
  }

  public let part: Part
  public let description: String

  init(_ part: Part, _ description: String) {
    self.part = part
    self.description = description
  }

  init(_ error: TLSConfigurationError, pair: Int) {
    switch error {
    case .certificateMalformed: self.init(.certificate(pair), "holds no PEM certificate that can be read")
    case .certificateRefused: self.init(.certificate(pair), "is refused by OpenSSL: is its key too short?")
    case .privateKeyRefused: self.init(.privateKey(pair), "holds no unencrypted PEM private key that is accepted")
    case .privateKeyMismatch: self.init(.privateKey(pair), "is not the key of the certificate")
    case .authoritiesMalformed: self.init(.authorities, "holds no PEM certificate that can be read")
    case .protocolNameInvalid, .libraryFailed: self.init(.certificate(pair), "cannot be used: \(error)")
    }
  }
}

/// Whom a client trusts and which protocols it offers. Made once, shared by all connections of that kind.
public struct ClientTLS: Sendable, Equatable {
  let context: TLSContext
  /// Of all that it was made of.
  private let digest: [UInt8]

  public enum Authorities: Sendable {
    case system
    /// The certificates of a PEM text, and no others.
    case pem([UInt8])
  }

  /// - Parameters:
  ///   - pair: PEM texts, shown to servers that ask for a client certificate.
  ///   - protocols: names for ALPN, in order of preference; none: no ALPN.
  public init(
    authorities: Authorities, pair: CertificatePair? = nil, protocols: [String]
  ) throws(TLSSettingsError) {
    var parts = [pair?.certificateChain ?? [], pair?.privateKey ?? []] + protocols.map { Array($0.utf8) }
    if case .pem(let pem) = authorities { parts.append(pem) } else { parts.append([]) }
    digest = Self.digest(of: parts)
    let identity = pair.map { TLSIdentity(certificateChain: $0.certificateChain, privateKey: $0.privateKey) }
    do throws(TLSConfigurationError) {
      switch authorities {
      case .system: context = try .client(authorities: .system, identity: identity, protocols: protocols)
      case .pem(let pem): context = try .client(authorities: .pem(pem), identity: identity, protocols: protocols)
      }
    } catch {
      throw TLSSettingsError(error, pair: 0)
    }
  }

  /// Made of the same.
  public static func == (left: ClientTLS, right: ClientTLS) -> Bool { left.digest == right.digest }

  static func digest(of parts: [[UInt8]]) -> [UInt8] {
    var digests: [UInt8] = []
    for part in parts { digests += HashFunction.sha256.digest(of: part.span) }
    return HashFunction.sha256.digest(of: digests.span)
  }

  /// When the client certificate is good, in Unix seconds; nil without one.
  public var validity: ClosedRange<Int64>? { context.validity }
}

/// A certificate with its chain, and its private key; PEM texts.
public struct CertificatePair: Equatable, Sendable {
  /// The own certificate first.
  public var certificateChain: [UInt8]
  /// Unencrypted.
  public var privateKey: [UInt8]

  public init(certificateChain: [UInt8], privateKey: [UInt8]) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
  }
}

/// A server's certificates and the protocols it accepts. Made once, shared by all connections and loops; its keys for
/// session tickets are its own, so sessions can be resumed for as long as it lives, and no longer.
public struct ServerTLS: Sendable, Equatable {
  let context: TLSContext
  /// Of all that it was made of.
  private let digest: [UInt8]

  /// - Parameters:
  ///   - pairs: the first is for clients that name no server (RFC 6066 §3), or one that no certificate is for.
  ///   - clientAuthorities: PEM; present: a client certificate of one of them is required.
  ///   - protocols: names for ALPN, in order of preference.
  public init(
    _ pairs: [CertificatePair], clientAuthorities: [UInt8]? = nil, protocols: [String] = ["h2", "http/1.1"]
  ) throws(TLSSettingsError) {
    func make(_ number: Int, _ alternatives: [TLSContext] = []) throws(TLSSettingsError) -> TLSContext {
      let identity = TLSIdentity(certificateChain: pairs[number].certificateChain, privateKey: pairs[number].privateKey)
      do throws(TLSConfigurationError) {
        return try TLSContext.server(
          identity, clientAuthorities: clientAuthorities, protocols: protocols, alternatives: alternatives)
      } catch {
        throw TLSSettingsError(error, pair: number)
      }
    }
    guard !pairs.isEmpty else { throw TLSSettingsError(.certificate(0), "is missing") }
    var alternatives: [TLSContext] = []
    for number in pairs.indices.dropFirst() { alternatives.append(try make(number)) }
    context = try make(0, alternatives)
    digest = ClientTLS.digest(
      of: pairs.flatMap { [$0.certificateChain, $0.privateKey] } + [clientAuthorities ?? []] + protocols.map { Array($0.utf8) })
  }

  /// Made of the same. Sessions can be resumed with the very one only that they began with.
  public static func == (left: ServerTLS, right: ServerTLS) -> Bool { left.digest == right.digest }

  /// When each certificate is good, in Unix seconds, in the order of the pairs.
  public var validities: [ClosedRange<Int64>] { ([context] + context.alternatives).compactMap(\.validity) }
}
