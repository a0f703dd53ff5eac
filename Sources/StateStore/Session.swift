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

  public init(
    id: String, issuer: String, subject: String, identifier: String, startedAt: StoredTime, expiresAt: StoredTime
  ) {
    self.id = id
    self.issuer = issuer
    self.subject = subject
    self.identifier = identifier
    self.startedAt = startedAt
    self.expiresAt = expiresAt
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
  /// The token whose text has this SHA-256 digest.
  case digest([UInt8])
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
