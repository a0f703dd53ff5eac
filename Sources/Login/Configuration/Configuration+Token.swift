internal import HTTP
public import JOSE
public import OpenSSL

extension Configuration {
  /// The access tokens that we mint.
  public struct Token: Sendable {
    public enum KeySource: Sendable {
      /// Made and kept in the state store, another one each `rotation`.
      case generated
      case provided(PrivateKey)
    }

    /// Tokens in the form of a configured issuer, for apps that verify their own.
    public struct Form: Sendable {
      /// `iss`.
      public let issuer: String
      /// The issuer whose subjects its tokens speak of.
      public let subjectIssuer: String
      /// Put before `sub` on our side only.
      public let subjectPrefix: String
      /// `typ` of the header.
      public let type: String
      /// What its app verifies with, or the private half of that.
      public let key: SigningKey
      /// Further claims: name, and where the value is found among the claims that the token has otherwise.
      public let claims: [(name: String, path: ClaimPath)]

      /// - Throws: ``ConfigurationError/tokenIssuer``, ``ConfigurationError/templateClaim(_:)``
      public init(
        issuer: String, subjectIssuer: String, subjectPrefix: String = "", type: String = "JWT", key: SigningKey,
        claims: [(name: String, path: ClaimPath)] = []
      ) throws(ConfigurationError) {
        guard !issuer.isEmpty else { throw .tokenIssuer }
        var names: Set<String> = []
        for (name, _) in claims {
          guard !name.isEmpty, !AccessToken.ownClaims.contains(name), names.insert(name).inserted else {
            throw .templateClaim(name)
          }
        }
        self.issuer = issuer
        self.subjectIssuer = subjectIssuer
        self.subjectPrefix = subjectPrefix
        self.type = type
        self.key = key
        self.claims = claims
      }
    }

    public let issuer: String
    public let audience: String
    public let lifetime: Duration
    public let algorithm: Algorithm
    public let key: KeySource
    /// Age at which a generated key is followed by another.
    public let rotation: Duration
    /// Nil: our own form (RFC 9068).
    public let form: Form?
    /// The cookie that completeLogin sets to the token; nil for none.
    public let cookie: Cookie?
    /// completeLogin answers with the token.
    public let isInBody: Bool
    /// Of a session's refresh tokens, counted from the login; nil: there are none.
    public let refreshLifetime: Duration?

    /// Above: ``ConfigurationError/tokenLifetime``.
    public static let maximumLifetime = Duration.seconds(30 * 86_400)
    /// Of our own form.
    public static let algorithms: [Algorithm] = [.es256, .edDSA, .rs256]
    /// Below: ``ConfigurationError/tokenRotation``.
    public static let minimumRotation = Duration.seconds(3600)

    /// - Throws: ``ConfigurationError/tokenIssuer``, ``ConfigurationError/tokenAudience``,
    ///   ``ConfigurationError/tokenLifetime``, ``ConfigurationError/tokenAlgorithm`` for any but ``algorithms``,
    ///   ``ConfigurationError/tokenRotation``, ``ConfigurationError/refreshLifetime``,
    ///   ``ConfigurationError/signingKey(_:)``, ``ConfigurationError/cookieName``, ``ConfigurationError/tokenNowhere``
    public init(
      issuer: String, audience: String, lifetime: Duration = .seconds(3600), algorithm: Algorithm = .es256,
      key: KeySource = .generated, rotation: Duration = .seconds(30 * 86_400), form: Form? = nil,
      refreshLifetime: Duration? = nil, cookie: Cookie? = nil, isInBody: Bool = true
    ) throws(ConfigurationError) {
      guard !issuer.isEmpty else { throw .tokenIssuer }
      guard !audience.isEmpty else { throw .tokenAudience }
      guard lifetime >= .seconds(1), lifetime <= Self.maximumLifetime else { throw .tokenLifetime }
      guard Self.algorithms.contains(algorithm) else { throw .tokenAlgorithm }
      if let refreshLifetime, refreshLifetime < lifetime { throw .refreshLifetime }
      guard rotation >= Self.minimumRotation else { throw .tokenRotation }
      if let cookie {
        let name = Array(cookie.name.utf8)
        guard FieldSyntax.isToken(name.span) else { throw .cookieName }
      }
      guard isInBody || cookie != nil else { throw .tokenNowhere }
      if case .provided(let privateKey) = key {
        do throws(KeyFailure) { _ = try SigningKey(privateKey, algorithm: algorithm) } catch {
          throw .signingKey(error)
        }
      }
      self.issuer = issuer
      self.audience = audience
      self.lifetime = lifetime
      self.algorithm = algorithm
      self.key = key
      self.rotation = rotation
      self.form = form
      self.cookie = cookie
      self.isInBody = isInBody
      self.refreshLifetime = refreshLifetime
    }
  }
}
