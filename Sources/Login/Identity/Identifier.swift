internal import JOSE

/// Corbado's name for a user, in the two forms that are needed.
struct Identifier: Equatable {
  /// As Corbado is told and as it tells.
  let text: String
  /// As links are kept: e-mail addresses without regard to ASCII case. Were `Alice@example.com` a second identifier,
  /// and Corbado held both for one, then whoever has the second would have the first one's passkeys.
  let linkKey: String

  /// Bytes. Above: no identifier.
  static let maximumBytes = 512

  /// Nil for what is empty, too long, has control characters, or white space around it.
  init?(_ text: String, of path: ClaimPath) {
    guard Self.isText(text) else { return nil }
    self.text = text
    linkKey = Self.isEmail(path) ? Self.lowered(text) : text
  }

  /// Whether it could name somebody, here and at Corbado.
  static func isText(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= maximumBytes && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
      && text.first?.isWhitespace == false && text.last?.isWhitespace == false
  }

  /// The identifier of an identity that an issuer vouches for.
  ///
  /// - Throws: `identifierMissing`, `identifierUnverified`
  init(of identity: VerifiedIdentity, at path: ClaimPath, emailsAreVerified: Bool) throws(LoginReason) {
    guard let text = Self.text(of: identity, at: path), let identifier = Identifier(text, of: path) else {
      throw .identifierMissing
    }
    if Self.isEmail(path), !emailsAreVerified {
      let sibling = ClaimPath(path.text + "_verified")
      let isVerified = sibling.flatMap { identity.claims.node(at: $0) }.flatMap { identity.claims.boolean($0) }
      guard isVerified == true else { throw .identifierUnverified }
    }
    self = identifier
  }

  /// Also nested (`user.email`) and namespaced (`https://app.example.com/email`).
  static func isEmail(_ path: ClaimPath) -> Bool {
    path.text.split { [".", "/", ":"].contains($0) }.last == "email"
  }

  private static func text(of identity: VerifiedIdentity, at path: ClaimPath) -> String? {
    // With its prefix: two issuers' subjects must not be one identifier.
    if path.text == "sub" { return identity.subject }
    guard let node = identity.claims.node(at: path) else { return nil }
    if let text = identity.claims.string(node) { return text }
    // A number may be somebody's ID, never an address.
    return isEmail(path) ? nil : identity.claims.integer(node).map { String($0) }
  }

  private static func lowered(_ text: String) -> String {
    String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
  }
}

extension String {
  /// Byte for byte; `==` finds canonically equivalent texts equal, which may be two users.
  func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
