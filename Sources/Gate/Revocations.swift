public import JOSE

/// What has been revoked, at one moment: immutable, published to all workers. The next one shares all parts with it that
/// have not changed, so that one more among a quarter of a million costs microseconds.
public final class Revocations: Sendable {
  /// A value that is unique within an issuer.
  public struct Key: Hashable, Sendable {
    public let issuer: String
    public let value: String

    public init(issuer: String, value: String) {
      self.issuer = issuer
      self.value = value
    }

    /// Byte for byte: `String` also finds canonically equivalent texts equal, which may be two users.
    public static func == (left: Key, right: Key) -> Bool {
      left.value.utf8.elementsEqual(right.value.utf8) && left.issuer.utf8.elementsEqual(right.issuer.utf8)
    }
  }

  /// Of a subject: tokens issued in that second or before are void.
  public struct Subject: Equatable, Sendable {
    public var issuedUntil: UnixTime
    /// When the last of these has expired. A token that does not say when it was issued is taken for one of them if it
    /// expires by then; one of ours always.
    public var expiredBy: UnixTime

    public init(issuedUntil: UnixTime, expiredBy: UnixTime) {
      self.issuedUntil = issuedUntil
      self.expiredBy = expiredBy
    }
  }

  /// What of the entries has the same hash.
  fileprivate struct Part: Sendable {
    var sessions: Set<String> = []
    var tokenIDs: Set<Key> = []
    var digests: Set<TokenDigest> = []
    var subjects: [Key: Subject] = [:]
  }

  /// A power of two. A part has some 256 entries when there are as many as may be.
  fileprivate static let partCount = 1024
  fileprivate static func index(_ hash: Int) -> Int { hash & (partCount - 1) }

  /// The kinds of which there may be some: nothing is looked up of another.
  fileprivate struct Kinds: OptionSet {
    let rawValue: UInt8
    static let sessions = Kinds(rawValue: 1)
    static let tokenIDs = Kinds(rawValue: 2)
    static let digests = Kinds(rawValue: 4)
    static let subjects = Kinds(rawValue: 8)
  }

  private let parts: [Part]
  private let kinds: Kinds

  /// False until they were read once: then nobody can say of a token that it is good.
  public let isKnown: Bool

  private init(parts: [Part] = [], kinds: Kinds = [], isKnown: Bool) {
    self.parts = parts
    self.kinds = kinds
    self.isKnown = isKnown
  }

  public static let none = Revocations(isKnown: true)
  /// They could not be read yet: whatever needs a token is refused with `stateUnavailable`.
  public static let unknown = Revocations(isKnown: false)

  /// The next ones. Where nobody knew what is in force, nobody does afterwards.
  public func changed(_ change: (inout Draft) -> Void) -> Revocations {
    var draft = Draft(parts: parts.isEmpty ? [Part](repeating: Part(), count: Self.partCount) : parts, kinds: kinds)
    change(&draft)
    return Revocations(parts: draft.kinds.isEmpty ? [] : draft.parts, kinds: draft.kinds, isKnown: isKnown)
  }

  /// Revocations to come.
  public struct Draft {
    fileprivate var parts: [Part]
    fileprivate var kinds: Kinds

    /// `sid` of an ended session: random enough to be ours, whoever's name a token is minted in.
    public mutating func insert(session: String) {
      parts[index(session.hashValue)].sessions.insert(session)
      kinds.insert(.sessions)
    }
    public mutating func remove(session: String) { parts[index(session.hashValue)].sessions.remove(session) }

    /// `jti` of a single token.
    public mutating func insert(tokenID: Key) {
      parts[index(tokenID.hashValue)].tokenIDs.insert(tokenID)
      kinds.insert(.tokenIDs)
    }
    public mutating func remove(tokenID: Key) { parts[index(tokenID.hashValue)].tokenIDs.remove(tokenID) }

    /// A single token without `jti`.
    public mutating func insert(digest: TokenDigest) {
      parts[index(digest.hashValue)].digests.insert(digest)
      kinds.insert(.digests)
    }
    public mutating func remove(digest: TokenDigest) { parts[index(digest.hashValue)].digests.remove(digest) }

    /// A subject, by ``VerifiedToken/subjectIssuer`` and ``VerifiedToken/subject``.
    public mutating func set(_ subject: Subject?, of key: Key) {
      parts[index(key.hashValue)].subjects[key] = subject
      kinds.insert(.subjects)
    }
  }

  func revoke(_ token: VerifiedToken) -> Bool {
    if kinds.isEmpty { return false }
    if kinds.contains(.sessions), let node = token.claims.claim("sid"), let session = token.claims.document.string(node),
      parts[Self.index(session.hashValue)].sessions.contains(session)
    {
      return true
    }
    if kinds.contains(.tokenIDs), let tokenID = token.claims.tokenID {
      let key = Key(issuer: token.issuer, value: tokenID)
      if parts[Self.index(key.hashValue)].tokenIDs.contains(key) { return true }
    }
    if kinds.contains(.digests), parts[Self.index(token.digest.hashValue)].digests.contains(token.digest) { return true }
    guard kinds.contains(.subjects) else { return false }
    let key = Key(issuer: token.subjectIssuer, value: token.subject)
    guard let subject = parts[Self.index(key.hashValue)].subjects[key] else { return false }
    guard let issuedAt = token.claims.issuedAt else {
      return token.isOwn || token.claims.expiration.map { $0 <= subject.expiredBy } ?? true
    }
    return issuedAt.seconds <= subject.issuedUntil.seconds
  }
}

extension Revocations.Draft {
  private func index(_ hash: Int) -> Int { Revocations.index(hash) }
}
