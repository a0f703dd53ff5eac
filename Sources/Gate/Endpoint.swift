/// The endpoints that this gateway serves itself. The raw value is the last part of the path.
public enum Endpoint: String, CaseIterable, Sendable {
  case createConnectToken
  case completeLogin
  case logout
  case refresh
  case jwks = "jwks.json"

  /// `Allow` of a 405.
  public var allowedMethods: StaticString {
    switch self {
    case .createConnectToken, .completeLogin, .logout, .refresh: "POST, OPTIONS"
    case .jwks: "GET, HEAD, OPTIONS"
    }
  }

  /// A valid token is needed.
  var requiresToken: Bool { self == .createConnectToken || self == .logout }

  /// Reads or writes cookies where setting them is on, so that another site's page must not be able to call it.
  var isOriginBound: Bool { self == .completeLogin || self == .logout || self == .refresh }

  /// The content, where there is any, is JSON.
  var takesContent: Bool { self != .jwks }
}

/// The path of an endpoint: served as it is written, kept from the app in every spelling.
struct EndpointPath: Sendable {
  let endpoint: Endpoint
  private let bytes: [UInt8]
  private let pattern: PathPattern

  /// - Throws: `pathMalformed`, `wildcardMisplaced`
  init(_ text: String, _ endpoint: Endpoint) throws(PolicyError.Problem) {
    guard text.count > 1, !text.contains("*") else { throw .pathMalformed }
    self.endpoint = endpoint
    bytes = [UInt8](text.utf8)
    pattern = try PathPattern(text)
  }

  func isWritten(_ path: Span<UInt8>) -> Bool { path.hasSameBytes(as: bytes.span) }

  func matches(_ path: borrowing PathReadings) -> Bool { pattern.matchesWide(path) }

  func overlaps(_ other: EndpointPath) -> Bool {
    var readings = PathReadings()
    // Both are canonical, or there would be no such values.
    guard (try? readings.read(bytes.span)) != nil else { return true }
    return other.matches(readings)
  }
}
