/// A verified set of claims (RFC 7519 §4); the registered ones have their types or are absent.
public struct Claims: Sendable {
  public let document: JSONDocument
  private let issuerNode: JSONDocument.Node?
  private let subjectNode: JSONDocument.Node?
  private let audienceNode: JSONDocument.Node?
  private let tokenIDNode: JSONDocument.Node?
  /// `exp`
  public let expiration: UnixTime?
  /// `nbf`
  public let notBefore: UnixTime?
  /// `iat`
  public let issuedAt: UnixTime?

  /// - Throws: ``TokenError/claimInvalid`` for a registered claim of another type or out of range,
  ///   ``TokenError/malformed`` if the document is no object.
  init(_ document: JSONDocument) throws(TokenError) {
    guard document.kind(of: document.root) == .object else { throw .malformed }
    issuerNode = try Self.string("iss", document)
    subjectNode = try Self.string("sub", document)
    tokenIDNode = try Self.string("jti", document)
    expiration = try Self.numericDate("exp", document)
    notBefore = try Self.numericDate("nbf", document)
    issuedAt = try Self.numericDate("iat", document)
    audienceNode = document.member("aud")
    if let node = audienceNode {
      let isValid =
        document.kind(of: node) == .string
        || document.kind(of: node) == .array
          && document.elements(of: node).allSatisfy { document.kind(of: $0) == .string }
      guard isValid else { throw .claimInvalid }
    }
    self.document = document
  }

  private static func string(_ name: String, _ document: JSONDocument) throws(TokenError) -> JSONDocument.Node? {
    guard let node = document.member(name) else { return nil }
    guard document.kind(of: node) == .string else { throw .claimInvalid }
    return node
  }

  private static func numericDate(_ name: String, _ document: JSONDocument) throws(TokenError) -> UnixTime? {
    guard let node = document.member(name) else { return nil }
    guard let time = document.numericDate(node) else { throw .claimInvalid }
    return time
  }

  /// `iss`
  public var issuer: String? { issuerNode.flatMap { document.string($0) } }
  /// `sub`
  public var subject: String? { subjectNode.flatMap { document.string($0) } }
  /// `jti`
  public var tokenID: String? { tokenIDNode.flatMap { document.string($0) } }
  /// `aud`, a single string being a list of one.
  public var audiences: [String] {
    guard let node = audienceNode else { return [] }
    if let single = document.string(node) { return [single] }
    return document.elements(of: node).compactMap { document.string($0) }
  }

  /// The claim at a path; nil if there is none, or if the path can be read in two ways.
  public func claim(at path: ClaimPath) -> JSONDocument.Node? { document.node(at: path) }

  /// The claim of that name.
  public func claim(_ name: String) -> JSONDocument.Node? { document.member(name) }
}

/// Where a claim is: a name, or names of nested members joined by dots.
///
/// Names may have dots of their own (`https://app.example.com/roles`, `https://app.example.com/claims.role`): whichever
/// split leads to a value is taken, and if more than one does, none is.
public struct ClaimPath: Hashable, Sendable {
  public let text: String

  /// Dots in a path; bounds the splits that are tried.
  public static let maximumDotCount = 8

  /// Nil for an empty path or one with more than ``maximumDotCount`` dots.
  public init?(_ text: String) {
    guard !text.isEmpty, text.utf8.count(where: { $0 == UInt8(ascii: ".") }) <= Self.maximumDotCount else { return nil }
    self.text = text
  }
}

extension JSONDocument {
  /// The value at a path, seen from the outermost object.
  public func node(at path: ClaimPath) -> Node? {
    var found: Node?
    var isAmbiguous = false
    search(path.text.utf8.span, of: root) { node in
      isAmbiguous = isAmbiguous || found != nil
      found = node
    }
    return isAmbiguous ? nil : found
  }

  /// Reports the value of every way to split `path` that leads to one.
  private func search(_ path: Span<UInt8>, of object: Node, _ report: (Node) -> Void) {
    if let node = member(path, of: object) { report(node) }
    for index in path.indices where path[index] == UInt8(ascii: ".") {
      guard let node = member(path.extracting(..<index), of: object), kind(of: node) == .object else { continue }
      search(path.extracting((index + 1)...), of: node, report)
    }
  }
}
