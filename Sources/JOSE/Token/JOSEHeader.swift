/// The JOSE header of a compact JWS (RFC 7515 §4), parameters judged that no policy could allow.
public struct JOSEHeader: Sendable {
  private var document = JSONDocument()
  public private(set) var algorithm = Algorithm.hs256
  private var keyIDNode: JSONDocument.Node?
  private var typeNode: JSONDocument.Node?

  /// Bytes of a key ID. Above: ``TokenError/malformed``.
  public static let maximumKeyIDBytes = 1024
  /// Bytes of the header's JSON. Above: ``TokenError/malformed``.
  static let limits = JSONLimits(textBytes: 8192, depthCount: 8)

  init() {}

  /// Parses the first part of a compact JWS.
  mutating func parse(encoded text: Span<UInt8>) throws(TokenError) {
    keyIDNode = nil
    typeNode = nil
    document.removeAll()
    do {
      try Base64URL.decode(text, appendingTo: &document.bytes)
      try document.parseBytes(limits: Self.limits)
    } catch { throw .malformed }
    guard document.kind(of: document.root) == .object else { throw .malformed }
    try judgeAlgorithm()
    if document.member("crit") != nil || document.member("b64") != nil { throw .criticalRefused }
    // Keys come from the issuer's configuration alone. `zip` is defined for JWE only.
    if document.member("jwk") != nil || document.member("jku") != nil || document.member("x5u") != nil
      || document.member("x5c") != nil || document.member("zip") != nil
    {
      throw .malformed
    }
    keyIDNode = try string("kid", maximumBytes: Self.maximumKeyIDBytes)
    typeNode = try string("typ", maximumBytes: 256)
  }

  private mutating func judgeAlgorithm() throws(TokenError) {
    guard let node = document.member("alg"), let range = document.stringRange(node) else { throw .malformed }
    // A JWE has it (RFC 7516 §4.1.2), whatever the number of parts.
    guard document.member("enc") == nil else { throw .malformed }
    guard let algorithm = Algorithm(name: document.bytes.span.extracting(range)) else { throw .algorithmRefused }
    self.algorithm = algorithm
  }

  private func string(_ name: String, maximumBytes: Int) throws(TokenError) -> JSONDocument.Node? {
    guard let node = document.member(name) else { return nil }
    guard let range = document.stringRange(node), range.count <= maximumBytes else { throw .malformed }
    return node
  }

  /// `kid`, if there is one.
  public var keyID: String? { keyIDNode.flatMap { document.string($0) } }

  public var hasKeyID: Bool { keyIDNode != nil }

  /// Byte for byte.
  public func isKeyID(_ keyID: String) -> Bool {
    keyIDNode.map { document.isString($0, equalTo: keyID) } ?? false
  }

  /// `typ`, if there is one.
  public var type: String? { typeNode.flatMap { document.string($0) } }

  /// Whether `typ` is one of `types`: ASCII case and the prefix `application/` are ignored (RFC 7515 §4.1.9).
  ///
  /// - Throws: ``TokenError/typeRefused``
  public func checkType(_ accepted: TokenTypes) throws(TokenError) {
    guard let node = typeNode, let range = document.stringRange(node) else {
      guard accepted.acceptsAbsent else { throw .typeRefused }
      return
    }
    let type = document.bytes.span.extracting(range)
    for name in accepted.names {
      let name = name.utf8.span
      if type.hasSameLetters(as: name) { return }
      let prefix = "application/".utf8.span
      if type.count > prefix.count, type.extracting(..<prefix.count).hasSameLetters(as: prefix),
        type.extracting(prefix.count...).hasSameLetters(as: name)
      {
        return
      }
    }
    throw .typeRefused
  }
}

/// Accepted values of `typ`.
public struct TokenTypes: Sendable {
  /// In lower case, without `application/`.
  let names: [String]
  let acceptsAbsent: Bool

  public init(_ names: [String], acceptsAbsent: Bool) {
    self.names = names.map { name in
      let name = name.lowercased()
      return name.hasPrefix("application/") ? String(name.dropFirst("application/".count)) : name
    }
    self.acceptsAbsent = acceptsAbsent
  }

  /// `JWT`, `at+jwt` (RFC 9068 §2.1), or none.
  public static let standard = TokenTypes(["JWT", "at+jwt"], acceptsAbsent: true)
  /// Only `at+jwt`.
  public static let accessToken = TokenTypes(["at+jwt"], acceptsAbsent: false)
}
