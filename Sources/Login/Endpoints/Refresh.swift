internal import JOSE
internal import OpenSSL
internal import StateStore

extension LoginEndpoints {
  /// `POST refresh`: another access token of a session, and the refresh token for the next time. Each is good once; one
  /// that comes again ends the session, for then two have had it.
  ///
  /// - Parameters:
  ///   - content: `{"refreshToken": "…"}`
  ///   - client: the address that refusals are counted by.
  public func refresh(content: [UInt8], client: String = "") async -> EndpointAnswer {
    if let wait = refusedRefreshes.wait(client, at: monotonic()) {
      return .refusal(.rateLimited, Self.refreshText(.rateLimited), retryAfter: wait)
    }
    do throws(LoginReason) {
      let presented = try RefreshToken(content: content)
      let (access, next) = try await withRoomToRefresh { () async throws(LoginReason) in try await renew(presented) }
      var content = JSONWriter()
      content.beginObject()
      if configuration.token.isInBody {
        content.name("accessToken")
        content.string(access.span)
      }
      content.member("refreshToken", next.text)
      content.endObject()
      let cookie = configuration.token.cookie?.fieldValue(access, lifetime: configuration.token.lifetime)
      return EndpointAnswer(content, setCookie: cookie ?? [])
    } catch {
      if error.status == 401 { _ = refusedRefreshes.take(client, at: monotonic()) }
      return .refusal(error, Self.refreshText(error))
    }
  }

  private static func refreshText(_ reason: LoginReason) -> String {
    switch reason {
    case .bodyMalformed: "The content must be a JSON object with refreshToken"
    case .refreshTokenRefused, .refreshTokenReused, .identityUnlinked: "Invalid refresh token"
    case .rateLimited: "Too many requests"
    case .stateUnavailable: "Temporarily unavailable"
    default: "Internal server error"
    }
  }

  private func renew(_ presented: RefreshToken) async throws(LoginReason) -> ([UInt8], RefreshToken) {
    let key = try await signingKeys().active
    let (id, moment) = (presented.sessionID, now())
    let stored = StoredTime(moment)
    let session = try await ask("session") { store throws(StateStoreError) in try await store.session(id, at: stored) }
    guard let session, let known = session.refresh, known.family == presented.digests.family else {
      throw .refreshTokenRefused
    }
    guard known.current == presented.digests.current else { throw try await reused(session) }
    // Before the exchange: whoever does not get an answer comes again with the same token.
    let identity = try await passkeyIdentity(of: session)

    let next = try minting { () throws(KeyFailure) in try presented.successor() }
    let token = try minting { () throws(KeyFailure) in
      var token = AccessToken(
        issuer: configuration.token.issuer, audience: configuration.token.audience, subject: identity.subject,
        clientID: configuration.corbado.projectID, origin: identity.issuer, sessionID: session.id,
        tokenID: try AccessToken.randomID(), issuedAt: moment, lifetime: configuration.token.lifetime,
        remembered: identity.remembered)
      token.authenticatedAt = UnixTime(seconds: session.startedAt.seconds)
      return token
    }
    let (current, following) = (known.current, next.digests.current)
    let isRotated = try await ask("rotate_refresh") { store throws(StateStoreError) in
      try await store.rotateRefresh(of: id, from: current, to: following, at: stored)
    }
    guard isRotated else { throw try await reused(session) }
    let form = configuration.token.form
    let access = try minting { () throws(KeyFailure) in
      if let form { return try token.mint(as: form) }
      return try token.mint(with: key)
    }
    return (access, next)
  }

  /// Ends the session.
  private func reused(_ session: Session) async throws(LoginReason) -> LoginReason {
    log.warn("refresh_token_reused", ["issuer": .text(session.issuer)])
    let until = StoredTime(now() + configuration.sessionTokenLifetime + .seconds(1))
    try await revoking("end_session") { feed throws(StateStoreError) in
      try await feed.revoke([RevocationInForce(.session(id: session.id), until: until)])
    }
    return .refreshTokenReused
  }
}

extension RefreshToken {
  /// The content of a request to refresh.
  ///
  /// - Throws: `bodyMalformed`, `refreshTokenRefused`
  init(content: [UInt8]) throws(LoginReason) {
    let document = try JSONDocument(endpointContent: content)
    guard let node = document.member("refreshToken"), let text = document.string(node) else { throw .bodyMalformed }
    guard let token = RefreshToken(text) else { throw .refreshTokenRefused }
    self = token
  }
}
