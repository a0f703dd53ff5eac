/// `routes[]`: the first rule that matches decides; none: a token is required.
public struct RouteSettings: Equatable, Sendable {
  public enum Access: String, CaseIterable, Sendable {
    /// The credential is not looked at.
    case `public`
    case required
  }

  /// Exact, `*` for one segment, `**` at the end for the rest.
  public let path: String
  public let access: Access
  /// From the end of the request to the response head; nil: `upstream.timeouts.responseHead`.
  public let responseHead: Duration?
  /// Streams and WebSockets end when their token does.
  public let endsWithToken: Bool

  init(_ keys: Section) {
    path = keys.value("path", .text("a path (/health, /items/*, /assets/**)"))
    access = keys.value("access", .choice(notYet: ["optional"]), default: "required")
    responseHead = keys.value(
      "responseHead", Kind<Duration>.durationOrOff(.milliseconds(100)...(.seconds(86_400))).orNull, default: "null")
    endsWithToken = keys.value("endWithToken", .flag, default: "false")
    if endsWithToken, access == .public { keys.refuse("endWithToken", "no token is asked for here") }
    keys.notYet(
      "methods", "exact", "claims", "issuers", "audiences", "passkeyWithin", "badToken", "preflight", "loginPage")
    if access == .public, path == "/**" || path == "/*" {
      keys.warn("path", "everything beneath it is public: no token is asked for")
    }
  }
}
