public import OpenSSL

/// Everything that Login is told, valid by construction. The paths of the endpoints are the Gate's.
public struct Configuration: Sendable {
  public let corbado: Corbado
  public let connect: Connect
  public let identity: Identity
  public let token: Token
  /// Calls of completeLogin a minute from one client address. Above: 429 `rate_limited`.
  public let loginAttemptsPerMinute: Int

  public static let standardLoginAttemptsPerMinute = 30

  /// - Throws: ``ConfigurationError/identifierIsNoSubject``, ``ConfigurationError/opaqueIsNoSubject``,
  ///   ``ConfigurationError/claimIsNoLink``, ``ConfigurationError/refreshSource``, ``ConfigurationError/refreshClaim``,
  ///   ``ConfigurationError/loginAttempts``
  public init(
    corbado: Corbado, connect: Connect, identity: Identity, token: Token,
    loginAttemptsPerMinute: Int = standardLoginAttemptsPerMinute
  ) throws(ConfigurationError) {
    if identity.makesSubjectsOfIdentifiers {
      // Nobody's user IDs are random IDs that we have drawn ourselves.
      guard !connect.isOpaque else { throw .opaqueIsNoSubject }
      let isSubject = connect.identifier.text == "sub" && identity.claim == .webauthnID
      guard identity.identifierIsSubject || isSubject else { throw .identifierIsNoSubject }
    }
    if identity.claim == .subject {
      switch identity.source {
      case .identifier, .directory: break
      case .link, .exchange: throw .claimIsNoLink
      }
    }
    if token.refreshLifetime != nil {
      switch identity.source {
      case .link, .identifier: break
      case .directory: if identity.claim == .subject { throw .refreshClaim }
      case .exchange: throw .refreshSource
      }
    }
    guard (1...1_000_000).contains(loginAttemptsPerMinute) else { throw .loginAttempts }
    self.corbado = corbado
    self.connect = connect
    self.identity = identity
    self.token = token
    self.loginAttemptsPerMinute = loginAttemptsPerMinute
  }
}

/// What a ``Configuration`` cannot be made of.
public enum ConfigurationError: Error, Equatable, Sendable {
  case projectID, verifyPath, timeout
  case credential(BackendCredential.Problem)
  case maximumInFlight, maximumPerSecond, connectTokenLifetime
  case loginAttempts
  /// A login would make a subject of an identifier that is none.
  case identifierIsNoSubject
  /// A login would make a subject of an ID that we have drawn.
  case opaqueIsNoSubject
  /// Links and token exchange know identifiers, not Corbado's user IDs.
  case claimIsNoLink
  case rememberedClaim(String)
  case rememberedTwice
  case exchangeAudience, exchangeClient
  case tokenIssuer, tokenAudience, tokenLifetime, tokenAlgorithm, tokenRotation
  case cookieName
  /// Neither in a cookie nor in the body.
  case tokenNowhere
  /// Refresh tokens that would not outlive an access token.
  case refreshLifetime
  /// The identity provider's token is the provider's to renew.
  case refreshSource
  /// A session does not know Corbado's user ID, by which the directory knows users.
  case refreshClaim
  case signingKey(KeyFailure)
  /// A claim of the template that every token has of its own, or one that stands there twice.
  case templateClaim(String)
}
