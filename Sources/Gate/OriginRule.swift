import HTTP

/// Who may make a browser send what it keeps for this origin.
struct OriginRule: Sendable {
  /// Serialised origins (RFC 6454 §6.2) whose pages may.
  let origins: [[UInt8]]

  /// One `Origin` of the list, or a browser's word that the page is of this origin.
  func isMet(by head: borrowing RequestHead) -> Bool {
    if let site = head.fields.only(.secFetchSite), head.fields.bytes.span.extracting(site.range).matches("same-origin")
    {
      return true
    }
    return Self.origin(of: head, in: origins) != nil
  }

  /// The one `Origin` of the head, if it is in the list.
  static func origin(of head: borrowing RequestHead, in list: [[UInt8]]) -> Slice? {
    guard !list.isEmpty, let origin = head.fields.only(.origin) else { return nil }
    let bytes = head.fields.bytes.span.extracting(origin.range)
    for accepted in list where bytes.hasSameBytes(as: accepted.span) { return origin }
    return nil
  }

  /// A CORS preflight as browsers send it (Fetch §3.2.2): without credentials.
  static func isPreflight(_ head: borrowing RequestHead) -> Bool {
    head.method == .options && head.fields.only(.origin) != nil && head.fields.only(.accessControlRequestMethod) != nil
      && head.fields.count(of: .authorization) == 0
  }

  /// A serialised origin: scheme, host, port unless it is the scheme's, nothing else.
  static func bytes(_ text: String) -> [UInt8]? {
    for scheme in ["https://", "http://"] where text.hasPrefix(scheme) {
      let authority = [UInt8](text.utf8.dropFirst(scheme.utf8.count))
      guard Authority.isValid(authority.span), !authority.contains(where: { FieldSyntax.lowerCased($0) != $0 }) else {
        return nil
      }
      let defaultPort = scheme == "https://" ? ":443" : ":80"
      return text.hasSuffix(defaultPort) ? nil : [UInt8](text.utf8)
    }
    return nil
  }
}
