internal import JOSE
internal import StateStore

/// Whom an identifier that Corbado vouched for stands for.
struct PasskeyIdentity {
  /// The origin's where a link led here, else our own.
  let issuer: String
  let subject: String
  let remembered: JSONDocument

  /// Follows the link, or does what the configuration says where there never was one.
  ///
  /// - Throws: `identityUnlinked`
  init(
    of identifier: Identifier, _ lookup: LinkLookup, _ configuration: Configuration, now: UnixTime
  ) throws(LoginReason) {
    switch lookup {
    case .linked(let link):
      // A link that is void is somebody's all the same: it does not make room for another reading of the identifier.
      guard UnixTime(seconds: link.confirmedAt.seconds) + configuration.identity.linkMaxAge > now else {
        throw .identityUnlinked
      }
      issuer = link.issuer
      subject = link.subject
      remembered = (try? JSONDocument(link.claims.span)) ?? JSONDocument()
    case .removed:
      throw .identityUnlinked
    case .absent:
      guard configuration.identity.unlinked == .identifier else { throw .identityUnlinked }
      issuer = configuration.token.issuer
      subject = identifier.text
      remembered = JSONDocument()
    }
  }
}

extension IdentityLink {
  /// Byte for byte, as the store compares.
  func belongs(to identity: VerifiedIdentity) -> Bool {
    issuer.hasSameBytes(as: identity.subjectIssuer) && subject.hasSameBytes(as: identity.subject)
  }
}
