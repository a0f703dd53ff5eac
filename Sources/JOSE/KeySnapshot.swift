/// The keys of every issuer at one moment: immutable, published to all workers, replaced as a whole.
public final class KeySnapshot: Sendable {
  /// The keys of one issuer.
  public struct IssuerKeys: Sendable {
    /// As configured, without regard to other spellings that tokens may use.
    public let issuer: String
    public let availability: Availability

    public init(issuer: String, availability: Availability) {
      self.issuer = issuer
      self.availability = availability
    }
  }

  public enum Availability: Sendable {
    /// No keys have arrived yet: requests wait for them.
    case pending
    /// Keys that verify tokens until the moment given, for good if it is nil (file, secret, our own).
    case usable([VerificationKey], until: UnixTime?)
    /// The keys had to be dropped: the issuer has been unreachable for too long.
    case expired
  }

  public let issuers: [IssuerKeys]

  public init(_ issuers: [IssuerKeys]) { self.issuers = issuers }

  /// No issuer, so no key.
  public static let empty = KeySnapshot([])

  /// The keys of that issuer; pending if it is not in the snapshot (yet).
  public func availability(of issuer: String) -> Availability {
    for keys in issuers where keys.issuer.utf8.span.hasSameBytes(as: issuer.utf8.span) { return keys.availability }
    return .pending
  }
}
