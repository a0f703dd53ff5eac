internal import JOSE
internal import StateStore

/// Whom an identifier that Corbado vouched for stands for.
struct PasskeyIdentity: Sendable {
  /// The origin's where a link led here, else our own.
  var issuer: String
  var subject: String
  var remembered = JSONDocument()

  init(issuer: String, subject: String, remembered: JSONDocument = JSONDocument()) {
    self.issuer = issuer
    self.subject = subject
    self.remembered = remembered
  }

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
      self.init(
        issuer: link.issuer, subject: link.subject,
        remembered: (try? JSONDocument(link.claims.span)) ?? JSONDocument())
    case .removed:
      throw .identityUnlinked
    case .absent:
      guard configuration.identity.unlinked == .identifier else { throw .identityUnlinked }
      self.init(issuer: configuration.token.issuer, subject: identifier.text)
    }
  }
}

extension LoginEndpoints {
  /// Asks whom the configuration names, then whether they may still come in.
  ///
  /// - Throws: `identityUnlinked`, `identityUnavailable`, `stateUnavailable`
  func passkeyIdentity(
    of identifier: Identifier, corbadoUserID: String?
  ) async throws(LoginReason) -> PasskeyIdentity {
    let identity = try await namedIdentity(of: identifier, corbadoUserID: corbadoUserID)
    if let service = configuration.identity.confirm { try await confirm(identity, identifier, service) }
    return identity
  }

  /// As ``passkeyIdentity(of:corbadoUserID:)``, of somebody who came in before and must still be the same.
  func passkeyIdentity(of session: Session) async throws(LoginReason) -> PasskeyIdentity {
    guard let identifier = Identifier(session.identifier, of: configuration.connect.identifier) else {
      throw .identityUnlinked
    }
    var identity = PasskeyIdentity(issuer: session.issuer, subject: session.subject)
    // Where the identifier is the subject there is nobody to ask.
    if case .identifier = configuration.identity.source {} else {
      identity = try await namedIdentity(of: identifier, corbadoUserID: nil)
    }
    guard identity.issuer.hasSameBytes(as: session.issuer), identity.subject.hasSameBytes(as: session.subject) else {
      throw .identityUnlinked
    }
    if let service = configuration.identity.confirm { try await confirm(identity, identifier, service) }
    return identity
  }

  private func namedIdentity(
    of identifier: Identifier, corbadoUserID: String?
  ) async throws(LoginReason) -> PasskeyIdentity {
    var identity = try await sourceIdentity(of: identifier, corbadoUserID: corbadoUserID)
    if let form = configuration.token.form {
      // A token in that issuer's form speaks of that issuer's subjects; another's would be somebody else there.
      guard identity.issuer.hasSameBytes(as: form.subjectIssuer) || identity.issuer.hasSameBytes(as: configuration.token.issuer),
        identity.subject.utf8.starts(with: form.subjectPrefix.utf8),
        identity.subject.utf8.count > form.subjectPrefix.utf8.count
      else { throw .identityUnlinked }
      identity.issuer = form.subjectIssuer
    }
    return identity
  }

  private func sourceIdentity(
    of identifier: Identifier, corbadoUserID: String?
  ) async throws(LoginReason) -> PasskeyIdentity {
    if case .identifier = configuration.identity.source {
      let subject = configuration.identity.claim == .subject ? corbadoUserID : identifier.text
      guard let subject else { throw .identityUnlinked }
      return PasskeyIdentity(issuer: configuration.token.issuer, subject: subject)
    }
    let linkKey = identifier.linkKey
    let lookup = try await ask("link") { store throws(StateStoreError) in try await store.link(for: linkKey) }
    guard case .directory(let directory) = configuration.identity.source else {
      return try PasskeyIdentity(of: identifier, lookup, configuration, now: now())
    }
    // Whoever removed the link wants nobody in by it, whatever the directory says.
    if case .removed = lookup { throw .identityUnlinked }
    return try await self.identity(of: identifier, corbadoUserID: corbadoUserID, directory)
  }
}

extension IdentityLink {
  /// Byte for byte, as the store compares.
  func belongs(to identity: VerifiedIdentity) -> Bool {
    issuer.hasSameBytes(as: identity.subjectIssuer) && subject.hasSameBytes(as: identity.subject)
  }
}
