/// A passkey login in force: what a minted token's `sid` stands for.
public struct Session: Equatable, Sendable {
  public var id: String
  /// Of the identity, so the origin's where a link led to it.
  public var issuer: String
  public var subject: String
  /// Under which Corbado knows the user.
  public var identifier: String
  public var startedAt: StoredTime
  /// Not before the tokens of the session have expired.
  public var expiresAt: StoredTime
  /// Of the refresh token that is good now; nil where sessions are not refreshed.
  public var refresh: RefreshDigests?

  public init(
    id: String, issuer: String, subject: String, identifier: String, startedAt: StoredTime, expiresAt: StoredTime,
    refresh: RefreshDigests? = nil
  ) {
    self.id = id
    self.issuer = issuer
    self.subject = subject
    self.identifier = identifier
    self.startedAt = startedAt
    self.expiresAt = expiresAt
    self.refresh = refresh
  }
}

/// A session's refresh token, by SHA-256 digests of its two secrets: nobody who reads the store can present it.
public struct RefreshDigests: Equatable, Sendable {
  /// Of what all refresh tokens of the session have in common: who knows it has had one.
  public var family: [UInt8]
  /// Of what only the last one has.
  public var current: [UInt8]

  public init(family: [UInt8], current: [UInt8]) {
    self.family = family
    self.current = current
  }
}

/// What is no longer accepted, although its signature and times are good.
public enum Revocation: Hashable, Sendable {
  /// Tokens with this `sid`.
  case session(id: String)
  /// Tokens of the identity that were issued up to and including that moment.
  case identity(issuer: String, subject: String, issuedUntil: StoredTime)
  /// The token of this `jti`.
  case token(issuer: String, tokenID: String)
  /// The token whose signing input has this SHA-256 digest.
  case digest([UInt8])

  /// Byte for byte, as every home of state compares: `String` also finds canonically equivalent texts equal, which may be
  /// two users.
  public static func == (left: Revocation, right: Revocation) -> Bool {
    func isSame(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
    return switch (left, right) {
    case (.session(let one), .session(let other)): isSame(one, other)
    case (.identity(let issuer, let subject, let moment), .identity(let otherIssuer, let otherSubject, let otherMoment)):
      isSame(issuer, otherIssuer) && isSame(subject, otherSubject) && moment == otherMoment
    case (.token(let issuer, let tokenID), .token(let otherIssuer, let otherID)):
      isSame(issuer, otherIssuer) && isSame(tokenID, otherID)
    case (.digest(let one), .digest(let other)): one == other
    default: false
    }
  }
}

/// A revocation and when it may be forgotten: not before the tokens that it is about have expired.
public struct RevocationInForce: Hashable, Sendable {
  public var revocation: Revocation
  public var until: StoredTime

  public init(_ revocation: Revocation, until: StoredTime) {
    self.revocation = revocation
    self.until = until
  }
}

/// What a follower of revocations hears, in no particular order: revocations are only ever added to and extended.
public enum RevocationNews: Sendable {
  /// The store is in reach. These are in force; the first time these are all, later those that are new.
  case inForce([RevocationInForce])
  /// These too. Whether they are all nobody says, nor whether there were others before.
  case added([RevocationInForce])
  /// The store is out of reach: others may have revoked something meanwhile.
  case unheard(StateStoreError)
}

/// SHA-256 of signed passkey data, exactly as it is sent to Corbado.
public struct PasskeyDataDigest: Hashable, Sendable {
  public let bytes: [UInt8]

  /// Nil unless there are 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == 32 else { return nil }
    self.bytes = bytes
  }
}

/// A signing key that this product generated.
public struct StoredSigningKey: Equatable, Sendable {
  public enum State: String, CaseIterable, Sendable {
    /// Signs. At most one an algorithm.
    case active
    /// Signs no more; its public half is still published.
    case retired
  }

  public var keyID: String
  /// The `alg` that it signs with.
  public var algorithm: String
  /// A `PRIVATE KEY` block (RFC 7468 §10).
  public var pem: [UInt8]
  public var createdAt: StoredTime
  public var state: State

  public init(keyID: String, algorithm: String, pem: [UInt8], createdAt: StoredTime, state: State = .active) {
    self.keyID = keyID
    self.algorithm = algorithm
    self.pem = pem
    self.createdAt = createdAt
    self.state = state
  }
}
