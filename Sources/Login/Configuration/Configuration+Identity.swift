public import HTTPClient
public import JOSE

extension Configuration {
  /// What Corbado is told about a user.
  public struct Connect: Sendable {
    /// The claim that is the identifier; `sub` stands for the subject as the app sees it, `opaque` for a random ID that
    /// is kept in the link.
    public let identifier: ClaimPath
    /// Missing in the token: the identifier.
    public let displayName: ClaimPath

    public init(identifier: ClaimPath, displayName: ClaimPath) {
      self.identifier = identifier
      self.displayName = displayName
    }

    public var isOpaque: Bool { identifier.text == "opaque" }
  }

  /// From a completed passkey login to an identity.
  public struct Identity: Sendable {
    /// A login whose identifier has no link.
    public enum Unlinked: String, CaseIterable, Sendable {
      case refuse
      /// The identifier is the subject.
      case identifier
    }

    /// What of the signed passkey data names the user.
    public enum Claim: String, CaseIterable, Sendable {
      case webauthnID = "webauthnId"
      /// Corbado's own user ID, as in Corbado's example to the letter.
      case subject = "sub"
    }

    /// Who knows whom an identifier stands for.
    public enum Source: Sendable {
      /// The link that was stored when the passkey was added.
      case link
      /// Nobody needs to: the identifier is the subject.
      case identifier
      /// A service of the app's.
      case directory(Directory)
      /// The link, and then the identity provider's token instead of ours (RFC 8693).
      case exchange(Exchange)
    }

    /// A service that is asked about a user.
    public struct Service: Sendable, CustomStringConvertible, CustomReflectable {
      public let url: OutboundURL
      public let certificateAuthority: CertificateAuthority
      public let timeout: Duration
      /// Sent as bearer token.
      public let secret: [UInt8]?

      public init(
        _ url: OutboundURL, certificateAuthority: CertificateAuthority = .system, timeout: Duration = .seconds(2),
        secret: [UInt8]? = nil
      ) {
        self.url = url
        self.certificateAuthority = certificateAuthority
        self.timeout = timeout
        self.secret = secret
      }

      /// Its secret is never part of a text.
      public var description: String { url.authority }
      public var customMirror: Mirror { Mirror(self, children: []) }
    }

    public struct Directory: Sendable {
      public let service: Service
      /// How long an answer serves further logins.
      public let cache: Duration

      public init(_ service: Service, cache: Duration = .seconds(60)) {
        self.service = service
        self.cache = cache
      }
    }

    public struct Exchange: Sendable {
      /// The token endpoint; its secret is the client's.
      public let service: Service
      /// Of the token that is asked for.
      public let audience: String
      public let clientID: String

      /// - Throws: ``ConfigurationError/exchangeAudience``, ``ConfigurationError/exchangeClient``
      public init(_ service: Service, audience: String, clientID: String) throws(ConfigurationError) {
        guard !audience.isEmpty else { throw .exchangeAudience }
        guard !clientID.isEmpty, service.secret?.isEmpty == false else { throw .exchangeClient }
        self.service = service
        self.audience = audience
        self.clientID = clientID
      }
    }

    public let source: Source
    public let claim: Claim
    public let unlinked: Unlinked
    /// The app's subjects are the identifiers.
    public let identifierIsSubject: Bool
    /// Claims that are kept in the link and minted into tokens.
    public let remember: [ClaimPath]
    /// A link not confirmed by a token of its issuer for so long is void.
    public let linkMaxAge: Duration
    /// How long it is remembered that all that an identity was issued is void: no token of its issuer may live longer.
    public let revokedFor: Duration
    /// Asked at each passkey login whether the user may still come in.
    public let confirm: Service?

    /// - Throws: ``ConfigurationError/rememberedClaim(_:)`` for a claim that minted tokens have of their own,
    ///   ``ConfigurationError/rememberedTwice``
    public init(
      source: Source = .link, claim: Claim = .webauthnID, unlinked: Unlinked = .refuse,
      identifierIsSubject: Bool = false, remember: [ClaimPath], linkMaxAge: Duration = .seconds(365 * 86_400),
      revokedFor: Duration = .seconds(30 * 86_400), confirm: Service? = nil
    ) throws(ConfigurationError) {
      for path in remember where AccessToken.ownClaims.contains(path.text) { throw .rememberedClaim(path.text) }
      guard Set(remember).count == remember.count else { throw .rememberedTwice }
      self.source = source
      self.claim = claim
      self.unlinked = unlinked
      self.identifierIsSubject = identifierIsSubject
      self.remember = remember
      self.linkMaxAge = linkMaxAge
      self.revokedFor = revokedFor
      self.confirm = confirm
    }

    /// Whether some login puts an identifier into the subjects' namespace.
    var makesSubjectsOfIdentifiers: Bool {
      switch source {
      case .identifier: true
      case .link, .exchange: unlinked == .identifier
      case .directory: false
      }
    }

    /// Whether adding a passkey takes the identifier for one (issuer, subject).
    var keepsLinks: Bool { if case .identifier = source { false } else { true } }
  }
}
