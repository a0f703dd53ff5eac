internal import JOSE
internal import StateStore

extension LoginEndpoints {
  /// `POST logout`: the session of the presented token ends; with `everywhere` all tokens of its identity that were
  /// issued until now are void, whoever issued them. In force on every worker before this answers. The cookie
  /// of the login, where there is one, is deleted.
  ///
  /// - Parameter content: nothing, or `{"everywhere": true}`.
  public func logout(_ token: PresentedToken, content: [UInt8]) async -> EndpointAnswer {
    do throws(LoginReason) {
      let request = try LogoutRequest(content: content)
      let moment = now()
      var ended: [RevocationInForce]
      if let sessionID = try await session(of: token) {
        let until = max(token.validUntil, moment + configuration.sessionTokenLifetime)
        ended = [RevocationInForce(.session(id: sessionID), until: StoredTime(until + .seconds(1)))]
      } else {
        ended = [RevocationInForce(token.revocation, until: StoredTime(token.validUntil + .seconds(1)))]
      }
      if request.isEverywhere {
        let until = max(token.validUntil, moment + configuration.identityTokenLifetime)
        ended.append(
          RevocationInForce(
            .identity(issuer: token.subjectIssuer, subject: token.subject, issuedUntil: StoredTime(moment)),
            until: StoredTime(until + .seconds(1))))
      }
      let entries = ended
      try await revoking("logout") { feed throws(StateStoreError) in try await feed.revoke(entries) }
      return .done(setCookie: configuration.token.cookie?.fieldValue([], lifetime: .zero) ?? [])
    } catch {
      return .refusal(error, Self.logoutText(error))
    }
  }

  /// The session that a token of ours is of. One that was minted in another issuer's form is told by its `sid`.
  private func session(of token: PresentedToken) async throws(LoginReason) -> String? {
    guard let sessionID = token.sessionID else { return nil }
    if token.isOwn { return sessionID }
    guard configuration.token.form != nil else { return nil }
    let moment = StoredTime(now())
    let session = try await ask("session") { store throws(StateStoreError) in
      try await store.session(sessionID, at: moment)
    }
    return session?.id
  }

  private static func logoutText(_ reason: LoginReason) -> String {
    switch reason {
    case .bodyMalformed: "The content must be a JSON object; everywhere is true or false"
    case .stateUnavailable: "Temporarily unavailable"
    default: "Internal server error"
    }
  }
}

extension Configuration {
  /// How long what an identity holds may be good at most: tokens of ours, refresh tokens, tokens of its issuer, of which
  /// only that knows how long they live.
  public var identityTokenLifetime: Duration {
    max(token.lifetime, identity.revokedFor, token.refreshLifetime ?? .zero) + leeway
  }

  /// How long tokens of a session that ends may be good at most.
  public var sessionTokenLifetime: Duration { token.lifetime + leeway }

  /// Of those who judge our tokens: of an issuer whose form they have it may be longer than ours.
  private var leeway: Duration { token.form == nil ? SignedPasskeyData.leeway : AccessToken.maximumLeeway }

  /// The key of an identifier's link; nil for what can be no identifier.
  public func linkKey(of identifier: String) -> String? {
    Identifier(identifier, of: connect.identifier)?.linkKey
  }
}

/// The content of a request to logout.
struct LogoutRequest {
  let isEverywhere: Bool

  /// - Throws: `bodyMalformed`
  init(content: [UInt8]) throws(LoginReason) {
    guard !content.isEmpty else {
      isEverywhere = false
      return
    }
    let document = try JSONDocument(endpointContent: content)
    guard let node = document.member("everywhere") else {
      isEverywhere = false
      return
    }
    guard let value = document.boolean(node) else { throw .bodyMalformed }
    isEverywhere = value
  }
}
