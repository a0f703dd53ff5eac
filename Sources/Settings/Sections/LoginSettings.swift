public import JOSE
public import Login

/// `connect`: what Corbado is told about a user who adds a passkey.
public struct ConnectSettings: Equatable, Sendable {
  public let identifier: ClaimPath
  /// Missing in the token: the identifier.
  public let displayName: ClaimPath

  init(_ keys: Section) {
    identifier = keys.value(
      "identifier",
      Kind.claimPath.checked { $0.text == "opaque" ? "opaque is not available in this version" : nil }, default: "email"
    )
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

  public struct Identity: Equatable, Sendable {
    public enum Mode: String, CaseIterable, Sendable {
      /// The identity link that was stored when the passkey was added.
      case link
    }

    public let mode: Mode
    public let unlinked: Login.Configuration.Identity.Unlinked
    public let identifierIsSubject: Bool
    /// Claims kept in the link.
    public let remember: [ClaimPath]

    init(_ keys: Section) {
      mode = keys.value("mode", .choice(notYet: ["identifier", "directory", "exchange"]), default: "link")
      unlinked = keys.value("unlinked", .choice(), default: "refuse")
      identifierIsSubject = keys.value("identifierIsSubject", .flag, default: "false")
      remember = keys.value("remember", .list(of: .claimPath), default: "[email, name]")
      keys.notYet("maxAge", "confirm", "directory", "exchange", "claim")
    }
  }

  public struct Token: Equatable, Sendable {
    public enum SigningKey: Equatable, Sendable {
      /// Made at first start, kept in the state store.
      case generated
      /// Path of a PEM file.
      case file(String)
    }

    public let issuer: String
    public let audience: String
    public let lifetime: Duration
    public let algorithm: Algorithm
    public let key: SigningKey

    init(_ keys: Section) {
      issuer = keys.value("issuer", .text("an issuer of our own (https://app.example.com)"))
      audience = keys.value("audience", .text("an audience"))
      lifetime = keys.value("lifetime", .duration(.seconds(10)...(.seconds(30 * 86_400))), default: "1h")
      algorithm = keys.value("algorithm", .algorithm(among: [.es256]), default: "ES256")
      key = keys.value("key", .signingKey, default: "generated")
      keys.notYet("rotation", "as")
      if lifetime > .seconds(86_400) {
        keys.warn("lifetime", "longer than a day: a copied token stays good for so long")
      }
    }
  }
}

extension Kind where Value == LoginSettings.Token.SigningKey {
  static var signingKey: Kind {
    let form = "generated, or {file: PATH}"
    return Kind(form, placeholder: .generated) { place in
      switch place.node.content {
      case .scalar(let scalar):
        if scalar.text == "generated" { return .generated }
        return scalar.isNumber || scalar.isTruthValue || place.node.isNull
          ? place.expected(form) : place.refuse("expected \(form)")
      case .mapping(let entries):
        guard entries.count == 1, let source = entries.first, source.key == "file" else {
          return place.refuse("expected \(form)")
        }
        guard let name = place.member(source).text("a path") else { return nil }
        let path = place.reading.sources.resolved(name)
        place.reading.watch(path)
        return .file(path)
      default: return place.expected(form)
      }
    }
  }
}
