internal import JOSE
internal import OpenSSL
internal import StateStore

/// A refresh token of ours: the session, a secret that all tokens of the session share, and one of its own. The store has
/// digests only.
struct RefreshToken {
  let sessionID: String
  private let family: String
  private let own: String

  /// Bytes. Above: none of ours.
  static let maximumBytes = 256

  /// The first one of a session.
  init(startingWith sessionID: String) throws(KeyFailure) {
    self.sessionID = sessionID
    family = try AccessToken.randomID()
    own = try AccessToken.randomID()
  }

  private init(after earlier: RefreshToken) throws(KeyFailure) {
    sessionID = earlier.sessionID
    family = earlier.family
    own = try AccessToken.randomID()
  }

  /// Nil for a text that is none of ours.
  init?(_ text: String) {
    guard text.utf8.count <= Self.maximumBytes else { return nil }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    (sessionID, family, own) = (parts[0], parts[1], parts[2])
  }

  func successor() throws(KeyFailure) -> RefreshToken { try RefreshToken(after: self) }

  var text: String { "\(sessionID).\(family).\(own)" }

  var digests: RefreshDigests {
    RefreshDigests(
      family: HashFunction.sha256.digest(of: family.utf8.span), current: HashFunction.sha256.digest(of: own.utf8.span))
  }
}
