/// The address of the peer that connected to us, as an IPv6 address: IPv4 in its mapped form ::ffff:a.b.c.d (RFC 4291
/// §2.5.5.2).
public struct PeerAddress: Equatable, Sendable {
  public let high: UInt64
  public let low: UInt64
  /// False for a Unix domain socket: such a peer has no address.
  public let isKnown: Bool

  /// Both halves in the order of the address.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
    isKnown = true
  }

  public init(ipv4: UInt32) { self.init(high: 0, low: 0xFFFF_0000_0000 | UInt64(ipv4)) }

  private init() {
    high = 0
    low = 0
    isKnown = false
  }

  public static let none = PeerAddress()

  var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }
}

/// What the Gate needs to know of a connection. Made once for each by
/// ``Policy/facts(peer:listener:isTLS:clientCertificateSubject:)``.
public struct ConnectionFacts: Sendable {
  public let peer: PeerAddress
  /// The scheme of the listener, whatever the client says.
  public let isTLS: Bool
  /// The peer is one of the listener's trusted proxies: its forwarded fields are believed.
  public let isTrustedProxy: Bool
  /// The subject of the client certificate, where the listener asks for one.
  public let clientCertificateSubject: String?
  /// The peer as the forwarded fields call it, written once for all requests.
  let forwarded: ForwardedPeer
  /// What the app gets of the certificate's subject.
  let certificateFields: CertificateFields?

  init(
    peer: PeerAddress, isTLS: Bool, isTrustedProxy: Bool, clientCertificateSubject: String?,
    certificateFields: CertificateFields? = nil
  ) {
    self.certificateFields = certificateFields
    self.peer = peer
    self.isTLS = isTLS
    self.isTrustedProxy = isTrustedProxy
    self.clientCertificateSubject = clientCertificateSubject
    forwarded = ForwardedPeer(peer)
  }
}

/// Where the connection's last token is in the worker's cache: the next one is compared with it before anything is
/// hashed. A guess that is always checked, so a stale one is harmless. The connection owns it.
public struct TokenHint: Sendable {
  var slot: UInt32 = .max

  public init() {}
}
