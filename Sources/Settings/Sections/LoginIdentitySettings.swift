public import HTTPClient
public import JOSE
public import Login

extension LoginSettings {
  /// `login.identity`: whom a completed passkey login stands for.
  public struct Identity: Equatable, Sendable {
    public enum Mode: String, CaseIterable, Sendable {
      /// The identity link that was stored when the passkey was added.
      case link
      /// The identifier is the subject.
      case identifier
      /// A service of the app's says.
      case directory
      /// The link, and a token of the identity provider's instead of ours.
      case exchange
    }

    /// A service that is asked about a user.
    public struct Service: Equatable, Sendable {
      public let url: OutboundURL
      public let certificateAuthority: CertificateAuthority
      public let timeout: Duration
      public let secret: Secret?

      init(_ keys: Section, secret name: String, timeout preset: String) {
        let allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
        url = keys.value("url", .serviceURL(allowsCleartext: allowsCleartext))
        certificateAuthority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
        timeout = keys.value("timeout", .duration(.milliseconds(100)...(.seconds(30))), default: preset)
        secret = keys.value(name, Kind.secret.orNull, default: "null")
        if allowsCleartext, !url.isSecure, !url.isLoopback {
          keys.warn("allowCleartext", "whoever can change what \(url.host) answers on its way chooses who signs in")
        }
      }
    }

    public struct Directory: Equatable, Sendable {
      public let service: Service
      public let cache: Duration
    }

    public struct Exchange: Equatable, Sendable {
      public let service: Service
      public let audience: String
      public let clientID: String
    }

    public let mode: Mode
    public let claim: Login.Configuration.Identity.Claim
    public let unlinked: Login.Configuration.Identity.Unlinked
    public let identifierIsSubject: Bool
    /// Claims kept in the link.
    public let remember: [ClaimPath]
    /// Of a link that no token of its issuer confirms.
    public let maxAge: Duration
    /// How long it is remembered that all of a user's tokens are void.
    public let revokedFor: Duration
    public let confirm: OutboundURL?
    public let directory: Directory?
    public let exchange: Exchange?

    init(_ keys: Section) {
      mode = keys.value("mode", .choice(), default: "link")
      claim = keys.value("claim", .choice(), default: "webauthnId")
      unlinked = keys.value("unlinked", .choice(), default: "refuse")
      identifierIsSubject = keys.value("identifierIsSubject", .flag, default: "false")
      remember = keys.value("remember", .list(of: .claimPath), default: "[email, name]")
      maxAge = keys.value("maxAge", .duration(.seconds(60)...(.seconds(3650 * 86_400))), default: "365d")
      revokedFor = keys.value("revokedFor", .duration(.seconds(3600)...(.seconds(3650 * 86_400))), default: "30d")
      confirm = keys.value("confirm", Kind.serviceURL(allowsCleartext: false).orNull, default: "null")
      directory = keys.value("directory", Kind.directory.orNull, default: "null")
      exchange = keys.value("exchange", Kind.exchange.orNull, default: "null")
      for (name, isThere, needed) in [("directory", directory != nil, Mode.directory), ("exchange", exchange != nil, .exchange)]
      {
        if mode == needed, !keys.wasWritten(name) { keys.refuse(name, "is missing: mode is \(name)") }
        if mode != needed, isThere { keys.refuse(name, "belongs to mode: \(name)") }
      }
      if mode != .link, unlinked == .identifier, mode != .exchange {
        keys.refuse("unlinked", "belongs to the modes link and exchange")
      }
      if mode == .directory, directory != nil, directory?.service.secret == nil {
        keys.warn("directory", "has no secret: whoever reaches it can ask it who is who")
      }
    }
  }
}

extension Kind where Value == LoginSettings.Identity.Directory {
  static var directory: Kind {
    Kind(
      "{url, secret, timeout: 2s, cache: 60s, certificateAuthority: system, allowCleartext: false}",
      placeholder: silently { keys in read(keys) }
    ) { place in Section.read(place) { keys in read(keys) } }
  }

  private static func read(_ keys: Section) -> LoginSettings.Identity.Directory {
    LoginSettings.Identity.Directory(
      service: LoginSettings.Identity.Service(keys, secret: "secret", timeout: "2s"),
      cache: keys.value("cache", .duration(.zero...(.seconds(3600))), default: "60s"))
  }
}

extension Kind where Value == LoginSettings.Identity.Exchange {
  static var exchange: Kind {
    Kind(
      "{url, audience, clientID, clientSecret, timeout: 5s, certificateAuthority: system, allowCleartext: false}",
      placeholder: silently { keys in read(keys) }
    ) { place in
      Section.read(place) { keys in
        let exchange = read(keys)
        if exchange.service.secret == nil { keys.refuse("clientSecret", "is missing: {file: PATH} or {env: NAME}") }
        return exchange
      }
    }
  }

  private static func read(_ keys: Section) -> LoginSettings.Identity.Exchange {
    LoginSettings.Identity.Exchange(
      service: LoginSettings.Identity.Service(keys, secret: "clientSecret", timeout: "5s"),
      audience: keys.value("audience", .text("an audience")), clientID: keys.value("clientID", .text("a client ID")))
  }
}

/// What a mapping without keys is read as, for a value that is not used.
func silently<Value>(_ body: (Section) -> Value) -> Value {
  let reading = Reading(file: "", sources: SettingsSources(besides: "") { _ in nil })
  return Section.read(
    Place(reading: reading, path: "", node: Node(content: .mapping([]), position: Position(line: 1, column: 1))), body)
}
