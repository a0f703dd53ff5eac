public import JOSE

/// What has been revoked, at one moment: immutable, published to all workers, replaced as a whole.
public final class Revocations: Sendable {
  /// A value that is unique within an issuer.
  public struct Key: Hashable, Sendable {
    public let issuer: String
    public let value: String

    public init(issuer: String, value: String) {
      self.issuer = issuer
      self.value = value
    }
  }

  /// `sid` of ended sessions: random enough to be ours, whoever's name a token is minted in.
  public let sessions: Set<String>
  /// `jti` of single tokens.
  public let tokenIDs: Set<Key>
  /// Single tokens without `jti`.
  public let digests: Set<TokenDigest>
  /// Subjects, by ``VerifiedToken/subjectIssuer`` and ``VerifiedToken/subject``: tokens issued at that moment or before
  /// are void, and so are those of ours that do not say when they were issued.
  public let subjects: [Key: UnixTime]

  /// False until they were read once: then nobody can say of a token that it is good.
  public let isKnown: Bool

  public init(
    sessions: Set<String> = [], tokenIDs: Set<Key> = [], digests: Set<TokenDigest> = [], subjects: [Key: UnixTime] = [:],
    isKnown: Bool = true
  ) {
    self.isKnown = isKnown
    self.sessions = sessions
    self.tokenIDs = tokenIDs
    self.digests = digests
    self.subjects = subjects
  }

  public static let none = Revocations()
  /// They could not be read yet: whatever needs a token is refused with `stateUnavailable`.
  public static let unknown = Revocations(isKnown: false)

  func revoke(_ token: VerifiedToken) -> Bool {
    if !sessions.isEmpty, let node = token.claims.claim("sid"), let session = token.claims.document.string(node),
      sessions.contains(session)
    {
      return true
    }
    if !tokenIDs.isEmpty, let tokenID = token.claims.tokenID,
      tokenIDs.contains(Key(issuer: token.issuer, value: tokenID))
    {
      return true
    }
    if digests.contains(token.digest) { return true }
    if !subjects.isEmpty, let moment = subjects[Key(issuer: token.subjectIssuer, value: token.subject)] {
      guard let issuedAt = token.claims.issuedAt else { return token.isOwn }
      return issuedAt <= moment
    }
    return false
  }
}
