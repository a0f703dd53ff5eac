public import JOSE

/// Whom a token that was verified speaks of: all that Login learns of a credential. The token itself is not handed on,
/// so it can never reach Corbado.
public struct VerifiedIdentity: Sendable {
  /// Where the token is from.
  public enum Origin: Sendable {
    /// An issuer of the configuration.
    case issuer(emailsAreVerified: Bool)
    /// A passkey login of our own; `sessionID` is the `sid` of its token, if it has one.
    case passkeyLogin(sessionID: String?)
  }

  /// The issuer that the subject is unique within: of subjects that issuers share the one that they are shared with, of
  /// our own tokens that of `idp`.
  public let subjectIssuer: String
  /// As the app sees it: with the prefix of its issuer.
  public let subject: String
  public let claims: JSONDocument
  public let origin: Origin

  public init(subjectIssuer: String, subject: String, claims: JSONDocument, origin: Origin) {
    self.subjectIssuer = subjectIssuer
    self.subject = subject
    self.claims = claims
    self.origin = origin
  }
}
