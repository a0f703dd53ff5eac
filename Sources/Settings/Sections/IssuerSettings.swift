public import Gate
internal import HTTPClient
public import JOSE

/// `issuers[]`: whose tokens are accepted.
public struct IssuerSettings: Equatable, Sendable {
  /// Compared exactly with `iss`.
  public let issuer: String
  /// Further spellings of `iss`.
  public let otherSpellings: [String]
  /// One must be in `aud`.
  public let audiences: [String]
  /// `aud` is not looked at.
  public let acceptsAnyAudience: Bool
  public let algorithms: [Algorithm]
  /// Accepted values of `typ`; a token without is accepted too.
  public let types: [String]
  public let leeway: Duration
  public let keys: KeySourceSettings
  /// Conditions on every token.
  public let claims: [ClaimRule]
  /// `email` needs no `email_verified: true` to serve as an identifier.
  public let emailsAreVerified: Bool
  /// Put before `sub`.
  public let subjectPrefix: String
  public let sharesSubjectsWith: String?
  /// `acr`, `amr` and `auth_time` of its tokens count for `passkeyWithin`.
  public let stepUp: Bool
  /// The Corbado Complete project that this stands for.
  public let corbadoComplete: String?

  init(_ keys: Section) {
    corbadoComplete = keys.value(
      "corbadoComplete", Kind<String>.text("a project ID (pro-…)").checked(completeProjectProblem).orNull,
      default: "null")
    let project = corbadoComplete.map(CompleteProject.init)
    // What a Corbado Complete project settles; a frontend API under a name of one's own is written as `issuer`.
    let settled = project == nil ? [] : ["audiences", "anyAudience", "algorithms", "types"].filter(keys.isGiven)
    if let project, !keys.isGiven("issuer") {
      issuer = project.issuers[0]
    } else {
      issuer = keys.value("issuer", .text("an issuer, as in the claim iss"))
    }
    let audiences = keys.value("audiences", .list(of: .text("an audience")), default: "[]")
    let acceptsAnyAudience = keys.value("anyAudience", .flag, default: "false")
    let algorithms = keys.value(
      "algorithms", .list(of: .algorithm(among: Algorithm.allCases), atLeast: 1), default: "[RS256]")
    let types = keys.value(
      "types", .list(of: .text("a token type (JWT, at+jwt)"), atLeast: 1), default: "[JWT, at+jwt]")
    for key in settled { keys.refuse(key, "is settled by corbadoComplete") }
    let own = issuer
    otherSpellings = project?.issuers.filter { $0 != own } ?? []
    self.audiences = project == nil ? audiences : []
    self.acceptsAnyAudience = project == nil ? acceptsAnyAudience : true
    self.algorithms = project == nil ? algorithms : [.rs256]
    self.types = types

    leeway = keys.value("leeway", .duration(.zero...(.seconds(300))), default: "30s")
    let preset = project.flatMap { _ in OutboundURL(own + "/.well-known/jwks") }
    self.keys = keys.section("keys") { KeySourceSettings($0, preset: preset) }
    claims = keys.value("claims", .claimRules, default: "{}")
    emailsAreVerified = keys.value("emailsAreVerified", .flag, default: "false")
    subjectPrefix = keys.value("subjectPrefix", .subjectPrefix, default: #""""#)
    sharesSubjectsWith = keys.value(
      "sharesSubjectsWith", Kind<String>.text("a configured issuer").orNull, default: "null")
    stepUp = keys.value("stepUp", .flag, default: "false")
    if acceptsAnyAudience, project == nil {
      keys.warn("anyAudience", "a token that this issuer made for any other app lets in here")
    }
    for type in types where foreignTypes.contains(type.lowercased()) {
      keys.warn("types", "\(type) is not made to let anybody in")
    }
  }
}

/// Values of `typ` that other uses of JWTs have.
private let foreignTypes: Set<String> = [
  "dpop+jwt", "logout+jwt", "secevent+jwt", "identity-assertion+jwt", "token-introspection+jwt", "oauth-authz-req+jwt",
]

/// What a project of Corbado Complete has for an issuer: RS256, no `aud`, and either of two names.
private struct CompleteProject {
  let issuers: [String]

  init(_ id: String) {
    issuers = ["https://\(id).frontendapi.cloud.corbado.io", "https://\(id).frontendapi.corbado.io"]
  }
}

/// It becomes part of a host name.
private func completeProjectProblem(_ text: String) -> String? {
  let rest = text.utf8.dropFirst(4)
  let isPlain = rest.allSatisfy { isDigit($0) || (0x61...0x7A).contains($0) }
  return text.hasPrefix("pro-") && isPlain && (1...59).contains(rest.count)
    ? nil : "\(quoted(text)) is not a project ID: they begin with pro-"
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
