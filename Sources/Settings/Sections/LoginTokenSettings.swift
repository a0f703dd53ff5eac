public import JOSE
internal import Login

extension LoginSettings {
  /// `login.token`: the access tokens of passkey logins.
  public struct Token: Equatable, Sendable {
    public enum SigningKey: Equatable, Sendable {
      /// Made at first start and kept in the state store, another one each ``Token/rotation``.
      case generated
      /// Path of a PEM file.
      case file(String)
    }

    /// `as`: tokens in the form of a configured issuer.
    public struct Form: Equatable, Sendable {
      /// One claim of the template.
      public struct Claim: Equatable, Sendable {
        public let name: String
        public let path: ClaimPath
      }

      public let issuer: String
      public let algorithm: Algorithm
      /// A secret for HMAC, else a private key in PEM.
      public let key: Secret
      /// `kid`; nil: none.
      public let keyID: String?
      /// `typ`.
      public let type: String
      public let claims: [Claim]
    }

    public let issuer: String
    public let audience: String
    public let lifetime: Duration
    public let algorithm: Algorithm
    public let key: SigningKey
    public let rotation: Duration
    public let form: Form?

    init(_ keys: Section) {
      issuer = keys.value("issuer", .text("an issuer of our own (https://app.example.com)"))
      audience = keys.value("audience", .text("an audience"))
      lifetime = keys.value("lifetime", .duration(.seconds(10)...(.seconds(30 * 86_400))), default: "1h")
      algorithm = keys.value("algorithm", .algorithm(among: Login.Configuration.Token.algorithms), default: "ES256")
      key = keys.value("key", .signingKey, default: "generated")
      rotation = keys.value("rotation", .duration(.seconds(3600)...(.seconds(3650 * 86_400))), default: "30d")
      form = keys.value("as", Kind.tokenForm.orNull, default: "null")
      if lifetime > .seconds(86_400) {
        keys.warn("lifetime", "longer than a day: a copied token stays good for so long")
      }
    }
  }
}

extension Kind where Value == LoginSettings.Token.Form {
  static var tokenForm: Kind {
    let none = LoginSettings.Token.Form(
      issuer: "", algorithm: .hs256, key: Secret(bytes: []), keyID: nil, type: "JWT", claims: [])
    return Kind("{issuer, algorithm, key, keyID: null, type: JWT, claims: {}}", placeholder: none) { place in
      Section.read(place) { keys in
        LoginSettings.Token.Form(
          issuer: keys.value("issuer", .text("a configured issuer")),
          algorithm: keys.value(
            "algorithm", .algorithm(among: [.hs256, .hs384, .hs512, .rs256, .rs384, .rs512, .es256, .es384])),
          key: keys.value("key", .keyContent),
          keyID: keys.value("keyID", Kind<String>.text("a key ID").orNull, default: "null"),
          type: keys.value("type", .text("a type"), default: "JWT"),
          claims: keys.value("claims", .claimTemplate, default: "{}"))
      }
    }
  }
}

extension Kind where Value == [LoginSettings.Token.Form.Claim] {
  static var claimTemplate: Kind {
    let form = "a mapping of claim names to claim paths"
    return Kind(form, placeholder: []) { place in
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      let claims = entries.compactMap { entry -> LoginSettings.Token.Form.Claim? in
        let member = place.member(entry)
        place.reading.locate(member.path, entry.keyPosition)
        return Kind<ClaimPath>.claimPath.read(member).map { .init(name: entry.key, path: $0) }
      }
      return claims.count == entries.count ? claims : nil
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
