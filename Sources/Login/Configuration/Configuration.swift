public import HTTPClient
public import JOSE
public import OpenSSL

/// Everything that Login is told, valid by construction. The paths of the endpoints are the Gate's.
public struct Configuration: Sendable {
  public let corbado: Corbado
  public let connect: Connect
  public let identity: Identity
  public let token: Token

  /// - Throws: ``ConfigurationError/identifierIsNoSubject`` where a login without a link would make a subject of an
  ///   identifier that is none.
  public init(corbado: Corbado, connect: Connect, identity: Identity, token: Token) throws(ConfigurationError) {
    guard identity.unlinked == .refuse || identity.identifierIsSubject || connect.identifier.text == "sub" else {
      throw .identifierIsNoSubject
    }
    self.corbado = corbado
    self.connect = connect
    self.identity = identity
    self.token = token
  }

  /// The project at Corbado and its Backend API.
  public struct Corbado: Sendable {
    /// What is sent as `username` with signed passkey data.
    public enum VerifyUsername: String, CaseIterable, Sendable {
      /// The `webauthnId` of the data.
      case webauthnID = "webauthnId"
      /// The client's `username`, which must be there and equal to `webauthnId`.
      case request
      /// Nothing.
      case omit
    }

    public let projectID: String
    /// Without `/v2`; the target is `/` or a path without a slash at its end.
    public let backendAPI: OutboundURL
    public let certificateAuthority: CertificateAuthority
    /// Of a whole call.
    public let timeout: Duration
    public let verifyPath: String
    public let verifyUsername: VerifyUsername
    /// The `Authorization` of every call (RFC 7617).
    let authorization: String

    /// - Parameter apiSecret: the bare secret.
    /// - Throws: ``ConfigurationError/projectID``, ``ConfigurationError/apiSecret``, ``ConfigurationError/verifyPath``,
    ///   ``ConfigurationError/timeout``
    public init(
      projectID: String, apiSecret: [UInt8],
      backendAPI: OutboundURL = OutboundURL(
        isSecure: true, host: "backendapi.cloud.corbado.io", port: 443, target: "/"),
      certificateAuthority: CertificateAuthority = .system, timeout: Duration = .seconds(5),
      verifyPath: String = "/v2/passkey/verifySignedData", verifyUsername: VerifyUsername = .webauthnID
    ) throws(ConfigurationError) {
      // Part of a user name of Basic authentication: no colon (RFC 7617 §2).
      guard projectID.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }), !projectID.isEmpty else {
        throw .projectID
      }
      guard !apiSecret.isEmpty, apiSecret.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .apiSecret }
      guard verifyPath.hasPrefix("/"), verifyPath.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .verifyPath }
      guard timeout > .zero else { throw .timeout }
      self.projectID = projectID
      self.backendAPI = backendAPI
      self.certificateAuthority = certificateAuthority
      self.timeout = timeout
      self.verifyPath = verifyPath
      self.verifyUsername = verifyUsername
      authorization = "Basic " + Self.base64(Array(projectID.utf8) + [UInt8(ascii: ":")] + apiSecret)
    }

    /// RFC 4648 §4, padded, from its URL-safe sibling.
    private static func base64(_ bytes: [UInt8]) -> String {
      var text = Array(Base64URL.encode(bytes.span).utf8)
      for index in text.indices {
        if text[index] == UInt8(ascii: "-") { text[index] = UInt8(ascii: "+") }
        if text[index] == UInt8(ascii: "_") { text[index] = UInt8(ascii: "/") }
      }
      while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
      return String(decoding: text, as: UTF8.self)
    }
  }

  /// What Corbado is told about a user.
  public struct Connect: Sendable {
    /// The claim that is the identifier; `sub` stands for the subject as the app sees it.
    public let identifier: ClaimPath
    /// Missing in the token: the identifier.
    public let displayName: ClaimPath

    public init(identifier: ClaimPath, displayName: ClaimPath) {
      self.identifier = identifier
      self.displayName = displayName
    }
  }

  /// From a completed passkey login to an identity.
  public struct Identity: Sendable {
    /// A login whose identifier has no link.
    public enum Unlinked: String, CaseIterable, Sendable {
      case refuse
      /// The identifier is the subject.
      case identifier
    }

    public let unlinked: Unlinked
    /// The app's subjects are the identifiers.
    public let identifierIsSubject: Bool
    /// Claims that are kept in the link and minted into tokens.
    public let remember: [ClaimPath]
    /// A link not confirmed by a token of its issuer for so long is void.
    public let linkMaxAge: Duration

    /// - Throws: ``ConfigurationError/rememberedClaim(_:)`` for a claim that minted tokens have of their own.
    public init(
      unlinked: Unlinked = .refuse, identifierIsSubject: Bool = false, remember: [ClaimPath],
      linkMaxAge: Duration = .seconds(365 * 86_400)
    ) throws(ConfigurationError) {
      for path in remember where AccessToken.ownClaims.contains(path.text) { throw .rememberedClaim(path.text) }
      guard Set(remember).count == remember.count else { throw .rememberedTwice }
      self.unlinked = unlinked
      self.identifierIsSubject = identifierIsSubject
      self.remember = remember
      self.linkMaxAge = linkMaxAge
    }
  }

  /// The access tokens that we mint.
  public struct Token: Sendable {
    public enum KeySource: Sendable {
      /// Made once and kept in the state store.
      case generated
      case provided(PrivateKey)
    }

    public let issuer: String
    public let audience: String
    public let lifetime: Duration
    public let algorithm: Algorithm
    public let key: KeySource

    /// Above: ``ConfigurationError/tokenLifetime``.
    public static let maximumLifetime = Duration.seconds(30 * 86_400)

    /// - Throws: ``ConfigurationError/tokenIssuer``, ``ConfigurationError/tokenAudience``,
    ///   ``ConfigurationError/tokenLifetime``, ``ConfigurationError/tokenAlgorithm`` for any but ES256,
    ///   ``ConfigurationError/signingKey(_:)``
    public init(
      issuer: String, audience: String, lifetime: Duration = .seconds(3600), algorithm: Algorithm = .es256,
      key: KeySource = .generated
    ) throws(ConfigurationError) {
      guard !issuer.isEmpty else { throw .tokenIssuer }
      guard !audience.isEmpty else { throw .tokenAudience }
      guard lifetime >= .seconds(1), lifetime <= Self.maximumLifetime else { throw .tokenLifetime }
      guard algorithm == .es256 else { throw .tokenAlgorithm }
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
    }
  }
}

/// What a ``Configuration`` cannot be made of.
public enum ConfigurationError: Error, Equatable, Sendable {
  case projectID, apiSecret, verifyPath, timeout
  case identifierIsNoSubject
  case rememberedClaim(String)
  case rememberedTwice
  case tokenIssuer, tokenAudience, tokenLifetime, tokenAlgorithm
  case signingKey(KeyFailure)
}
