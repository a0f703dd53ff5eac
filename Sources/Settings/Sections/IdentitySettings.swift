public import JOSE

/// `identity`: what the app is told about the user.
public struct IdentitySettings: Equatable, Sendable {
  public enum Format: String, CaseIterable, Sendable {
    case text, json
  }

  /// One field of identity.
  public struct Field: Equatable, Hashable, Sendable {
    /// As written.
    public let name: String
    public let claim: ClaimPath
    /// Between the elements of a list, in format text.
    public let separator: String
    public let format: Format
  }

  public enum Authorization: String, CaseIterable, Sendable {
    case remove, keep
  }

  /// In the order of the file.
  public let fields: [Field]
  public let authorization: Authorization
  /// Names that the removal list does not take.
  public let passThrough: [String]
  /// Nil: the app takes our word without proof.
  public let assertion: Assertion?

  /// A signed statement of who the user is.
  public struct Assertion: Equatable, Sendable {
    public let field: String
    public let audience: String
    public let lifetime: Duration
  }

  init(_ keys: Section) {
    fields = keys.value("fields", .identityFields, default: "{X-User-ID: sub, X-User-Email: email}")
    authorization = keys.value("authorization", .choice(), default: "remove")
    passThrough = keys.value("passThrough", .list(of: .text("a field name")), default: "[]")
    assertion = keys.value("assertion", Kind.assertion.orNull, default: "null")
    if authorization == .keep {
      keys.warn(
        "authorization", "keep: the app sees the access token of every user, and so does whatever it logs or calls")
    }
    if !fields.contains(where: { $0.claim.text == "sub" }) {
      keys.warn("fields", "no field carries sub: the app is not told who the user is")
    }
    for field in fields where field.name.contains("_") {
      keys.warn("fields.\(field.name)", "many servers drop fields with an underscore, or take - and _ for the same")
    }
  }
}

extension Kind where Value == [IdentitySettings.Field] {
  static var identityFields: Kind {
    let form = "a mapping of field names to claim paths or {claim, separator, format}"
    return Kind(form, placeholder: []) { place in
      guard case .mapping(let entries) = place.node.content else { return place.expected(form) }
      let fields = entries.compactMap { entry in
        let member = place.member(entry)
        place.reading.locate(member.path, entry.keyPosition)
        return field(entry.key, member)
      }
      return fields.count == entries.count ? fields : nil
    }
  }

  private static func field(_ name: String, _ place: Place) -> IdentitySettings.Field? {
    guard case .mapping = place.node.content else {
      return Kind<ClaimPath>.claimPath.read(place).map {
        IdentitySettings.Field(name: name, claim: $0, separator: ",", format: .text)
      }
    }
    return Section.read(place) { keys in
      IdentitySettings.Field(
        name: name, claim: keys.value("claim", .claimPath),
        separator: keys.value("separator", .separator, default: #"",""#),
        format: keys.value("format", .choice(), default: "text"))
    }
  }
}

extension Kind where Value == IdentitySettings.Assertion {
  static var assertion: Kind {
    let none = IdentitySettings.Assertion(field: "X-Identity-Assertion", audience: "", lifetime: .seconds(60))
    return Kind("{field: X-Identity-Assertion, audience, lifetime: 60s}", placeholder: none) { place in
      Section.read(place) { keys in
        IdentitySettings.Assertion(
          field: keys.value("field", .text("a field name"), default: "X-Identity-Assertion"),
          audience: keys.value("audience", .text("an audience that is the app's alone")),
          lifetime: keys.value("lifetime", .duration(.seconds(10)...(.seconds(600))), default: "60s"))
      }
    }
  }
}

extension Kind where Value == String {
  /// Text that may be of spaces.
  static var separator: Kind {
    let form = "the characters between the elements of a list"
    return Kind(form, placeholder: ",") { place in
      guard case .scalar(let scalar) = place.node.content, !place.node.isNull else { return place.expected(form) }
      return scalar.text
    }
  }
}
