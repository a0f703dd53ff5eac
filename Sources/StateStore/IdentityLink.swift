/// Who an identifier, Corbado's name for a user, belongs to.
///
/// Identifiers, issuers and subjects are compared byte for byte.
public struct IdentityLink: Equatable, Sendable {
  public var identifier: String
  /// Whose subjects `subject` is one of.
  public var issuer: String
  /// As the application sees it.
  public var subject: String
  /// The remembered claims: one JSON object.
  public var claims: [UInt8]
  /// When a token of the issuer last proved that the identifier is the subject's.
  public var confirmedAt: StoredTime

  public init(identifier: String, issuer: String, subject: String, claims: [UInt8], confirmedAt: StoredTime) {
    self.identifier = identifier
    self.issuer = issuer
    self.subject = subject
    self.claims = claims
    self.confirmedAt = confirmedAt
  }
}

public enum LinkClaim: Hashable, Sendable {
  case created, confirmed
  /// The identifier is linked to another (issuer, subject).
  case takenByOther
}

public enum LinkConfirmation: Hashable, Sendable {
  case confirmed
  /// The identifier is linked to another (issuer, subject).
  case takenByOther
  case absent
}

public enum LinkLookup: Equatable, Sendable {
  case linked(IdentityLink)
  /// There was a link and it was removed: the identifier stands for nobody until somebody claims it anew.
  case removed
  case absent
}
