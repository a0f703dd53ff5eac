internal import JOSE
internal import OpenSSL
internal import StateStore
internal import Telemetry

/// Which identifier a credential may speak to Corbado of: the heart of who can become whom.
extension LoginEndpoints {
  /// The identifier, once it is known to be this identity's.
  ///
  /// - Throws: `identifierMissing`, `identifierUnverified`, `identifierTaken`, `stateUnavailable`
  func identifier(
    of identity: VerifiedIdentity, for type: ConnectTokenType
  ) async throws(LoginReason) -> Identifier {
    let claimed: (identifier: Identifier, isOwn: Bool)
    switch identity.origin {
    case .passkeyLogin(let sessionID): claimed = try await identifier(of: identity, session: sessionID)
    case .issuer(let emailsAreVerified):
      if let session = try await session(of: identity) {
        claimed = try await identifier(of: identity, in: session)
      } else {
        claimed = try await claim(by: identity, for: type, emailsAreVerified)
      }
    }
    guard claimed.isOwn else {
      log.warn(
        "identifier_taken", ["issuer": .text(identity.subjectIssuer), "connect_token_type": .text(type.rawValue)])
      throw .identifierTaken
    }
    return claimed.identifier
  }

  /// A token of an issuer makes the link when a passkey is added, and confirms it whenever it passes by.
  private func claim(
    by identity: VerifiedIdentity, for type: ConnectTokenType, _ emailsAreVerified: Bool
  ) async throws(LoginReason) -> (Identifier, isOwn: Bool) {
    let identifier = try await identifier(by: identity, for: type, emailsAreVerified)
    guard configuration.identity.keepsLinks else { return (identifier, true) }
    let link = IdentityLink(
      identifier: identifier.linkKey, issuer: identity.subjectIssuer, subject: identity.subject,
      claims: RememberedClaims.object(from: identity.claims, at: configuration.identity.remember),
      confirmedAt: StoredTime(now()))
    if type == .append {
      let claim = try await ask("claim_link") { store throws(StateStoreError) in try await store.claimLink(link) }
      return (identifier, claim != .takenByOther)
    }
    // Listing and deleting somebody else's passkeys is no less an attack than adding to them.
    let found = try await ask("confirm_link") { store throws(StateStoreError) in try await store.confirmLink(link) }
    return (identifier, found != .takenByOther)
  }

  private func identifier(
    by identity: VerifiedIdentity, for type: ConnectTokenType, _ emailsAreVerified: Bool
  ) async throws(LoginReason) -> Identifier {
    let path = configuration.connect.identifier
    guard configuration.connect.isOpaque else {
      return try Identifier(of: identity, at: path, emailsAreVerified: emailsAreVerified)
    }
    let known = try await ask("link_of") { store throws(StateStoreError) in
      try await store.link(of: identity.subjectIssuer, subject: identity.subject)
    }
    if let known, let identifier = Identifier(known.identifier, of: path) { return identifier }
    // Without a link there are no passkeys, so there is nothing to list or delete.
    guard type == .append else { throw .identifierMissing }
    let drawn = try minting { () throws(KeyFailure) in try AccessToken.randomID() }
    guard let identifier = Identifier(drawn, of: path) else { throw .internalError }
    return identifier
  }

  /// The passkey login that a token in an issuer's own form came from: it is told by its session, and must not make links
  /// as the issuer's own tokens do.
  private func session(of identity: VerifiedIdentity) async throws(LoginReason) -> Session? {
    guard let form = configuration.token.form, identity.subjectIssuer.hasSameBytes(as: form.subjectIssuer),
      let id = identity.claims.member("sid").flatMap({ identity.claims.string($0) })
    else { return nil }
    let now = StoredTime(now())
    return try await ask("session") { store throws(StateStoreError) in try await store.session(id, at: now) }
  }

  private func identifier(
    of identity: VerifiedIdentity, session id: String?
  ) async throws(LoginReason) -> (Identifier, isOwn: Bool) {
    let now = StoredTime(now())
    guard let id,
      let session = try await ask("session", { store throws(StateStoreError) in try await store.session(id, at: now) })
    else { throw .identifierMissing }
    return try await identifier(of: identity, in: session)
  }

  /// A token of our own never touches a link: its identifier is the one that its session began with, as long as that
  /// still stands for the same identity.
  private func identifier(
    of identity: VerifiedIdentity, in session: Session
  ) async throws(LoginReason) -> (Identifier, isOwn: Bool) {
    guard session.issuer.hasSameBytes(as: identity.subjectIssuer), session.subject.hasSameBytes(as: identity.subject),
      let identifier = Identifier(session.identifier, of: configuration.connect.identifier)
    else { throw .identifierMissing }
    guard configuration.identity.keepsLinks else { return (identifier, true) }
    let key = identifier.linkKey
    switch try await ask("link", { store throws(StateStoreError) in try await store.link(for: key) }) {
    case .linked(let link):
      // The directory's subject is not the link's; that the identifier has an owner is all that the link says there.
      if case .directory = configuration.identity.source { return (identifier, true) }
      return (identifier, link.belongs(to: identity))
    case .removed:
      throw .identifierMissing
    case .absent:
      guard session.issuer.hasSameBytes(as: configuration.token.issuer) || configuration.token.form != nil else {
        throw .identifierMissing
      }
      return (identifier, true)
    }
  }
}
