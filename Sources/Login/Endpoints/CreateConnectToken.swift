internal import JOSE
internal import StateStore

extension LoginEndpoints {
  /// `POST createConnectToken`: a connect token of Corbado's for whom the credential speaks of.
  ///
  /// - Parameters:
  ///   - identity: of the verified credential; nothing in the content can choose another.
  ///   - content: at most 64 KiB, `{"connectTokenType": "passkey-append" | "passkey-list" | "passkey-delete"}`.
  public func createConnectToken(for identity: VerifiedIdentity, content: [UInt8]) async -> EndpointAnswer {
    do throws(LoginReason) {
      let type = try ConnectTokenType(content: content)
      let secret = try await withRoom { () async throws(LoginReason) in
        let identifier = try await identifier(of: identity, for: type)
        return try await corbado.createConnectToken(
          type, identifier: identifier.text,
          displayName: type == .append ? displayName(of: identity) ?? identifier.text : nil)
      }
      var content = JSONWriter()
      content.beginObject()
      content.member("connectToken", secret)
      content.endObject()
      return EndpointAnswer(content)
    } catch {
      return .refusal(error, Self.createConnectTokenText(error))
    }
  }

  private static func createConnectTokenText(_ reason: LoginReason) -> String {
    switch reason {
    case .bodyMalformed: "The content must be a JSON object"
    case .connectTokenTypeRefused: "connectTokenType must be passkey-append, passkey-list or passkey-delete"
    case .identifierMissing: "The identity has no identifier"
    case .identifierUnverified: "The e-mail address is not verified"
    case .identifierTaken: "The identifier belongs to another user"
    case .stateUnavailable: "Temporarily unavailable"
    case .rateLimited: "Too many requests"
    case .corbadoRefused, .corbadoAnswerInvalid, .corbadoMisconfigured: "Failed to get connect token"
    case .corbadoUnreachable, .internalError: "Internal server error"
    case .passkeyDataMalformed, .passkeyDataRefused, .passkeyDataReplayed, .identityUnlinked: "Invalid request"
    }
  }

  /// The identifier, once it is known to be this identity's.
  private func identifier(
    of identity: VerifiedIdentity, for type: ConnectTokenType
  ) async throws(LoginReason) -> Identifier {
    let (identifier, isOwn): (Identifier, Bool) =
      switch identity.origin {
      case .issuer(let emailsAreVerified): try await claim(by: identity, for: type, emailsAreVerified)
      case .passkeyLogin(let sessionID): try await claim(by: identity, session: sessionID)
      }
    guard isOwn else {
      log.warn(
        "identifier_taken", ["issuer": .text(identity.subjectIssuer), "connect_token_type": .text(type.rawValue)])
      throw .identifierTaken
    }
    return identifier
  }

  /// A token of an issuer makes the link when a passkey is added, and confirms it whenever it passes by.
  private func claim(
    by identity: VerifiedIdentity, for type: ConnectTokenType, _ emailsAreVerified: Bool
  ) async throws(LoginReason) -> (Identifier, isOwn: Bool) {
    let identifier = try Identifier(
      of: identity, at: configuration.connect.identifier, emailsAreVerified: emailsAreVerified)
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

  /// A token of our own never touches a link: its identifier is the one that its session began with, as long as that
  /// still stands for the same identity.
  private func claim(
    by identity: VerifiedIdentity, session id: String?
  ) async throws(LoginReason) -> (Identifier, isOwn: Bool) {
    let now = StoredTime(now())
    guard let id,
      let session = try await ask("session", { store throws(StateStoreError) in try await store.session(id, at: now) }),
      session.issuer.hasSameBytes(as: identity.subjectIssuer), session.subject.hasSameBytes(as: identity.subject),
      let identifier = Identifier(session.identifier, of: configuration.connect.identifier)
    else { throw .identifierMissing }
    let key = identifier.linkKey
    switch try await ask("link", { store throws(StateStoreError) in try await store.link(for: key) }) {
    case .linked(let link):
      return (identifier, link.belongs(to: identity))
    case .removed:
      throw .identifierMissing
    case .absent:
      guard session.issuer.hasSameBytes(as: configuration.token.issuer) else { throw .identifierMissing }
      return (identifier, true)
    }
  }

  private func displayName(of identity: VerifiedIdentity) -> String? {
    guard let node = identity.claims.node(at: configuration.connect.displayName),
      let name = identity.claims.string(node), !name.isEmpty, name.utf8.count <= Identifier.maximumBytes,
      name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else { return nil }
    return name
  }
}

extension ConnectTokenType {
  /// - Throws: `bodyMalformed`, `connectTokenTypeRefused`
  init(content: [UInt8]) throws(LoginReason) {
    let document = try JSONDocument(endpointContent: content)
    guard let node = document.member("connectTokenType"), let name = document.string(node),
      let type = ConnectTokenType(rawValue: name)
    else { throw .connectTokenTypeRefused }
    self = type
  }
}

extension JSONDocument {
  /// - Throws: `bodyMalformed` for whatever is no JSON object.
  init(endpointContent content: [UInt8]) throws(LoginReason) {
    do throws(JSONError) { try self.init(content.span) } catch { throw .bodyMalformed }
    guard kind(of: root) == .object else { throw .bodyMalformed }
  }
}
