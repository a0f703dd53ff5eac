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
    path = keys.value("path", .text("a path (/health, /items/*, /assets/**)").checked(routePathProblem))
    access = keys.value("access", .choice(notYet: ["optional"]), default: "required")
    keys.notYet(
      "methods", "exact", "claims", "issuers", "audiences", "passkeyWithin", "badToken", "preflight", "responseHead",
      "endWithToken", "loginPage")
    if access == .public, path == "/**" || path == "/*" {
      keys.warn("path", "everything beneath it is public: no token is asked for")
    }
  }
}

private func routePathProblem(_ path: String) -> String? {
  if path == "/" { return nil }
  let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
  for (index, segment) in segments.enumerated() where segment.contains("*") {
    if segment != "*" && segment != "**" { return "\(quoted(path)): * stands for a whole segment" }
    if segment == "**" && index != segments.count - 1 { return "\(quoted(path)): ** stands at the end" }
  }
  let trimmed = path.hasSuffix("/") ? String(path.dropLast()) : path
  return pathProblem(trimmed.replacing("*", with: "a"))
}
