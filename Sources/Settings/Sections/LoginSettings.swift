public import JOSE

/// `connect`: what Corbado is told about a user who adds a passkey.
public struct ConnectSettings: Equatable, Sendable {
  /// `opaque`: a random ID that is kept in the link.
  public let identifier: ClaimPath
  /// Missing in the token: the identifier.
  public let displayName: ClaimPath

  init(_ keys: Section) {
    identifier = keys.value("identifier", .claimPath, default: "email")
    displayName = keys.value("displayName", .claimPath, default: "name")
  }
}

/// `login`: from a completed passkey login to an identity and a token.
public struct LoginSettings: Equatable, Sendable {
  public let identity: Identity
  public let token: Token

  init(_ keys: Section) {
    identity = keys.section("identity", Identity.init)
    token = keys.section("token", Token.init)
    keys.notYet("refresh", "cookie", "tokenInBody")
  }

  /// Whether logins end in tokens of our own, which only then are accepted; else in those of a configured issuer.
  public var mintsOwnTokens: Bool { token.form == nil && identity.mode != .exchange }
  public var ownIssuer: String? { mintsOwnTokens ? token.issuer : nil }
}
