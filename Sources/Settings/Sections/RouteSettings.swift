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

  init(_ keys: Section) {
    path = keys.value("path", .text("a path (/health, /items/*, /assets/**)"))
    access = keys.value("access", .choice(notYet: ["optional"]), default: "required")
    keys.notYet(
      "methods", "exact", "claims", "issuers", "audiences", "passkeyWithin", "badToken", "preflight", "responseHead",
      "endWithToken", "loginPage")
    if access == .public, path == "/**" || path == "/*" {
      keys.warn("path", "everything beneath it is public: no token is asked for")
    }
  }
}
