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
  /// Names, in lower case, that the removal list does not take.
  public let passThrough: [String]

  init(_ keys: Section) {
    fields = keys.value("fields", .identityFields, default: "{X-User-ID: sub, X-User-Email: email}")
    authorization = keys.value("authorization", .choice(), default: "remove")
    passThrough = keys.value("passThrough", .list(of: .passedField), default: "[]")
    keys.notYet("assertion")
    if authorization == .keep {
      keys.warn("authorization", "keep: the app sees the access token of every user, and so does whatever it logs or calls")
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
      var fields: [IdentitySettings.Field] = []
      var names: [String: String] = [:]
      for entry in entries {
        let member = place.member(entry)
        let name = Place(
          reading: place.reading, path: member.path,
          node: Node(content: .scalar(Node.Scalar(text: entry.key, isPlain: true)), position: entry.keyPosition))
        place.reading.locate(member.path, entry.keyPosition)
        if let problem = fieldNameProblem(entry.key) ?? reservedFieldProblem(entry.key) { let _: Value? = name.refuse(problem) }
        let folded = foldedFieldName(entry.key)
        if let other = names.updateValue(entry.key, forKey: folded) {
          let _: Value? = name.refuse("is the same as \(quoted(other)) to servers that take - and _ for each other")
        }
        if let field = field(entry.key, member) { fields.append(field) }
      }
      return fields.count == entries.count ? fields : nil
    }
  }

  private static func field(_ name: String, _ place: Place) -> IdentitySettings.Field? {
    guard case .mapping = place.node.content else {
      return Kind<ClaimPath>.claimPath.read(place).map { IdentitySettings.Field(name: name, claim: $0, separator: ",", format: .text) }
    }
    return Section.read(place) { keys in
      IdentitySettings.Field(
        name: name, claim: keys.value("claim", .claimPath),
        separator: keys.value("separator", .separator, default: #"",""#),
        format: keys.value("format", .choice(), default: "text"))
    }
  }
}

extension Kind where Value == String {
  static var separator: Kind {
    let form = "one or more visible characters or spaces"
    return Kind(form, placeholder: ",") { place in
      guard case .scalar(let scalar) = place.node.content, !place.node.isNull else { return place.expected(form) }
      let isValid = !scalar.text.isEmpty && scalar.text.utf8.count <= 8 && scalar.text.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != 0x25 }
      return isValid ? scalar.text : place.refuse("expected \(form), at most 8, no %")
    }
  }

  /// A field name in lower case.
  static var passedField: Kind {
    let form = "a field name"
    return Kind(form, placeholder: "") { place in
      guard let name = place.text(form) else { return nil }
      if let problem = fieldNameProblem(name) { return place.refuse(problem) }
      return name.lowercased()
    }
  }
}

/// RFC 9110 §5.6.2: a token.
func fieldNameProblem(_ name: String) -> String? {
  let isToken = !name.isEmpty && name.utf8.allSatisfy { byte in
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
  return isToken ? nil : "\(quoted(name)) is not a field name"
}

/// Names that carry the message itself or that this gateway writes: an identity in them would break one or the other.
func reservedFieldProblem(_ name: String) -> String? {
  let reserved: Set<String> = [
    "host", "connection", "keep-alive", "proxy-connection", "transfer-encoding", "te", "trailer", "upgrade", "expect",
    "content-length", "content-type", "content-encoding", "content-range", "range", "accept", "accept-encoding",
    "authorization", "proxy-authorization", "cookie", "set-cookie", "origin", "referer", "date", "via", "max-forwards",
    "forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "traceparent", "tracestate",
    "http2-settings", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
  ]
  let folded = foldedFieldName(name)
  let isReserved = reserved.contains(folded) || folded.hasPrefix("sec-") || folded.hasPrefix("access-control-")
  return isReserved ? "\(quoted(name)) is reserved and cannot carry identity" : nil
}

/// As the loosest server reads it: lower case, every byte outside `[a-z0-9]` a `-`.
func foldedFieldName(_ name: String) -> String {
  String(decoding: name.utf8.map { byte -> UInt8 in
    switch byte {
    case 0x61...0x7A, 0x30...0x39: byte
    case 0x41...0x5A: byte | 0x20
    default: 0x2D
    }
  }, as: UTF8.self)
}
