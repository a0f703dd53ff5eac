public import Gate

/// `routes[]`: the first rule that matches decides; none: a token is required.
public struct RouteSettings: Equatable, Sendable {
  public enum Access: String, CaseIterable, Sendable {
    /// The credential is not looked at.
    case `public`
    /// Without a token the request is anonymous.
    case optional
    case required
  }

  public enum BadToken: String, CaseIterable, Sendable {
    case refuse, anonymous
  }

  public enum Preflight: String, CaseIterable, Sendable {
    case refuse, forward
  }

  /// Exact, `*` for one segment, `**` at the end for the rest.
  public let path: String
  /// Empty: all.
  public let methods: [String]
  public let access: Access
  /// A final `.ext` of the request's path is not ignored.
  public let isExact: Bool
  public let claims: [ClaimRule]
  /// Empty: all.
  public let issuers: [String]
  /// One must be in `aud`; empty: what the issuer's own rule accepts.
  public let audiences: [String]
  /// Age of the last passkey login.
  public let passkeyWithin: Duration?
  public let badToken: BadToken
  /// Of CORS.
  public let preflight: Preflight
  /// Path of this origin.
  public let loginPage: String?
  /// From the end of the request to the response head; nil: `upstream.timeouts.responseHead`.
  public let responseHead: Duration?
  /// Streams and WebSockets end when their token does.
  public let endsWithToken: Bool

  init(_ keys: Section) {
    path = keys.value("path", .text("a path (/health, /items/*, /assets/**)"))
    methods = keys.value("methods", .list(of: .method), default: "[]")
    access = keys.value("access", .choice(), default: "required")
    isExact = keys.value("exact", .flag, default: "false")
    claims = keys.value("claims", .claimRules, default: "{}")
    issuers = keys.value("issuers", .list(of: .text("a configured issuer")), default: "[]")
    audiences = keys.value("audiences", .list(of: .text("an audience")), default: "[]")
    passkeyWithin = keys.value(
      "passkeyWithin", Kind.duration(.seconds(1)...(.seconds(365 * 86_400))).orNull, default: "null")
    badToken = keys.value("badToken", .choice(), default: "refuse")
    preflight = keys.value("preflight", .choice(), default: "refuse")
    loginPage = keys.value("loginPage", Kind<String>.text("a path of this origin (/login)").orNull, default: "null")
    responseHead = keys.value(
      "responseHead", Kind<Duration>.durationOrOff(.milliseconds(100)...(.seconds(86_400))).orNull, default: "null")
    endsWithToken = keys.value("endWithToken", .flag, default: "false")
    if endsWithToken, access == .public { keys.refuse("endWithToken", "no token is asked for here") }
    if access == .public, path == "/**" || path == "/*" {
      keys.warn("path", "everything beneath it is public: no token is asked for")
    }
    if access == .public, loginPage != nil {
      keys.warn("loginPage", "nobody is sent there: a public route refuses no token")
    }
    if access == .public, preflight == .forward {
      keys.warn("preflight", "changes nothing: everything passes on a public route")
    }
  }
}

extension Kind where Value == String {
  /// Methods are compared byte for byte (RFC 9110 §9.1), so a rule for `get` is a rule for nothing that is sent.
  static var method: Kind {
    text("a method (GET, POST)").checked { text in
      let usual = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]
      guard !usual.contains(text), usual.contains(text.uppercased()) else { return nil }
      return "methods have capital letters: \(text.uppercased())"
    }
  }
}
