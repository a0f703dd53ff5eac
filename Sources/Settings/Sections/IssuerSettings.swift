public import HTTPClient
public import JOSE
internal import Keys

/// `issuers[]`: whose tokens are accepted.
public struct IssuerSettings: Equatable, Sendable {
  public struct KeySource: Equatable, Sendable {
    public let url: OutboundURL
    /// Upper bound; Cache-Control may shorten it.
    public let refresh: Duration
    public let certificateAuthority: CertificateAuthority
    /// `url` may be http although its host is another one.
    public let allowsCleartext: Bool

    init(_ keys: Section) {
      allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
      url = keys.value("url", .serviceURL(allowsCleartext: allowsCleartext))
      refresh = keys.value("refresh", .duration(.seconds(10)...(.seconds(86_400))), default: "10m")
      certificateAuthority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
      keys.notYet("discovery", "file", "secret", "allowShortSecret", "keepWhenUnreachable")
      if allowsCleartext, !url.isSecure, !url.isLoopback {
        keys.warn("allowCleartext", "whoever can change what \(url.host) answers on its way can sign in as anyone")
      }
    }
  }

  /// Compared exactly with `iss`.
  public let issuer: String
  /// One must be in `aud`.
  public let audiences: [String]
  public let algorithms: [Algorithm]
  public let leeway: Duration
  public let keys: KeySource
  /// `email` needs no `email_verified: true` to serve as an identifier.
  public let emailsAreVerified: Bool
  /// Put before `sub`.
  public let subjectPrefix: String
  public let sharesSubjectsWith: String?

  init(_ keys: Section) {
    issuer = keys.value("issuer", .text("an issuer, as in the claim iss"))
    audiences = keys.value("audiences", .list(of: .text("an audience"), atLeast: 1))
    algorithms = keys.value(
      "algorithms", .list(of: .algorithm(among: [.rs256, .es256]), atLeast: 1), default: "[RS256]")
    leeway = keys.value("leeway", .duration(.zero...(.seconds(300))), default: "30s")
    self.keys = keys.section("keys", KeySource.init)
    emailsAreVerified = keys.value("emailsAreVerified", .flag, default: "false")
    subjectPrefix = keys.value("subjectPrefix", .subjectPrefix, default: #""""#)
    sharesSubjectsWith = keys.value(
      "sharesSubjectsWith", Kind<String>.text("a configured issuer").orNull, default: "null")
    keys.notYet("anyAudience", "types", "claims", "stepUp", "corbadoComplete")
  }
}

extension Kind where Value == Algorithm {
  static func algorithm(among allowed: [Algorithm]) -> Kind {
    let form = allowed.map(\.name).joined(separator: " | ")
    return Kind(form, placeholder: .rs256) { place in
      guard let text = place.text(form) else { return nil }
      guard let algorithm = Algorithm(name: text) else {
        if text.lowercased() == "none" { return place.refuse("none is never accepted") }
        return place.refuse("expected \(form), found \(quoted(text))")
      }
      return allowed.contains(algorithm) ? algorithm : place.refuse("\(text) is not available in this version")
    }
  }
}

extension Kind where Value == String {
  /// Text that may be empty.
  static var subjectPrefix: Kind {
    let form = "text to put before sub"
    return Kind(form, placeholder: "") { place in
      if case .scalar(let scalar) = place.node.content, !scalar.isPlain, scalar.text.isEmpty { return "" }
      return place.text(form)
    }
  }
}

extension Kind where Value == ClaimPath {
  /// `name`, or `a.b` for nested members.
  static var claimPath: Kind {
    let form = "a claim path"
    return Kind(form, placeholder: ClaimPath("sub")!) { place in
      guard let text = place.text(form) else { return nil }
      return ClaimPath(text) ?? place.refuse("expected \(form), found \(quoted(text))")
    }
  }
}
