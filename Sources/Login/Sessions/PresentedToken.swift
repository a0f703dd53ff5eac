public import JOSE
internal import StateStore

/// A verified access token that its bearer wants to be void, by all the names that it can be revoked by.
public struct PresentedToken: Sendable {
  /// As configured.
  public let issuer: String
  /// In our own form.
  public let isOwn: Bool
  /// Of the identity; see ``VerifiedIdentity``.
  public let subjectIssuer: String
  public let subject: String
  /// Its `sid`, whosever that is.
  public let sessionID: String?
  public let tokenID: String?
  public let digest: TokenDigest
  /// Leeway included.
  public let validUntil: UnixTime

  public init(
    issuer: String, isOwn: Bool, subjectIssuer: String, subject: String, sessionID: String?, tokenID: String?,
    digest: TokenDigest, validUntil: UnixTime
  ) {
    self.issuer = issuer
    self.isOwn = isOwn
    self.subjectIssuer = subjectIssuer
    self.subject = subject
    self.sessionID = sessionID
    self.tokenID = tokenID
    self.digest = digest
    self.validUntil = validUntil
  }

  /// The revocation of this token alone.
  var revocation: Revocation {
    if let tokenID, !tokenID.isEmpty { return .token(issuer: issuer, tokenID: tokenID) }
    return .digest(digest.bytes)
  }
}
