internal import JOSE
internal import OpenSSL
internal import StateStore

extension LoginEndpoints {
  /// `POST completeLogin`: an access token for whom Corbado vouches.
  ///
  /// - Parameters:
  ///   - content: at most 64 KiB, `{"signedPasskeyData": "…", "username"?: "…"}`.
  ///   - client: the address that attempts are counted by.
  public func completeLogin(content: [UInt8], client: String = "") async -> EndpointAnswer {
    if let wait = attempts.take(client, at: monotonic()) { return Self.completeLoginRefusal(.rateLimited, retryAfter: wait) }
    do throws(LoginReason) {
      let request = try CompleteLoginRequest(content: content)
      if configuration.corbado.verifyUsername == .request, request.username == nil { throw .bodyMalformed }
      let data = try read(request)
      let (token, refreshToken) = try await withRoom { () async throws(LoginReason) in
        try await reserving(data.digest) { () async throws(LoginReason) in try await login(with: data) }
      }
      var content = JSONWriter()
      content.beginObject()
      content.member("success", true)
      if configuration.token.isInBody {
        content.name("accessToken")
        content.string(token.span)
      }
      if let refreshToken { content.member("refreshToken", refreshToken.text) }
      content.endObject()
      let cookie = configuration.token.cookie?.fieldValue(token, lifetime: configuration.token.lifetime)
      return EndpointAnswer(content, setCookie: cookie ?? [])
    } catch {
      return Self.completeLoginRefusal(error)
    }
  }

  private static func completeLoginRefusal(
    _ reason: LoginReason, retryAfter: Duration = .seconds(1)
  ) -> EndpointAnswer {
    var content = JSONWriter()
    content.beginObject()
    content.member("success", false)
    content.member("error", completeLoginText(reason))
    content.endObject()
    return EndpointAnswer(content, reason: reason, retryAfter: retryAfter)
  }

  private static func completeLoginText(_ reason: LoginReason) -> String {
    switch reason {
    case .bodyMalformed: "The content must be a JSON object with signedPasskeyData"
    case .passkeyDataMalformed, .passkeyDataRefused, .passkeyDataReplayed, .identityUnlinked, .refreshTokenRefused, .refreshTokenReused:
      "Invalid signedPasskeyData"
    case .rateLimited: "Too many requests"
    case .corbadoRefused, .corbadoAnswerInvalid, .corbadoMisconfigured, .corbadoUnreachable, .identityUnavailable,
      .stateUnavailable, .internalError, .connectTokenTypeRefused, .identifierMissing, .identifierUnverified, .identifierTaken:
      "Verification failed"
    }
  }

  private func read(_ request: CompleteLoginRequest) throws(LoginReason) -> SignedPasskeyData {
    do throws(SignedPasskeyData.Problem) {
      let data = try SignedPasskeyData(
        request.signedPasskeyData, projectID: configuration.corbado.projectID,
        identifierPath: configuration.connect.identifier, now: now())
      if let username = request.username, !username.hasSameBytes(as: data.webauthnID) { throw .user }
      return data
    } catch {
      log.info("passkey_data_malformed", ["problem": .text(error.rawValue)])
      throw .passkeyDataMalformed
    }
  }

  /// The order is the point: nothing is asked of Corbado that could not be finished here, nothing is looked up before
  /// Corbado has vouched, and the use is on the disk before there is a token.
  private func login(with data: SignedPasskeyData) async throws(LoginReason) -> ([UInt8], RefreshToken?) {
    let key = try await signingKeys().active
    let digest = data.digest
    let isUsed = try await ask("is_used") { store throws(StateStoreError) in try await store.isUsed(digest) }
    guard !isUsed else { throw .passkeyDataReplayed }

    try await checkSignature(of: data)
    try await corbado.verify(data, username: configuration.corbado.verifyUsername == .omit ? nil : data.webauthnID)

    guard let identifier = Identifier(data.webauthnID, of: configuration.connect.identifier) else {
      throw .passkeyDataMalformed
    }
    let identity = try await passkeyIdentity(of: identifier, corbadoUserID: data.corbadoUserID)
    let token = try accessToken(for: identity, at: await beginning(of: identity))
    let refreshToken = try minting { () throws(KeyFailure) in
      configuration.token.refreshLifetime == nil ? nil : try RefreshToken(startingWith: token.sessionID)
    }
    try await use(data, for: token, of: identifier, refreshToken)
    if case .exchange(let exchange) = configuration.identity.source {
      return (try await self.exchange(token, identifier, with: key, at: exchange), nil)
    }
    let form = configuration.token.form
    let minted = try minting { () throws(KeyFailure) in
      if let form { return try token.mint(as: form) }
      return try token.mint(with: key)
    }
    return (minted, refreshToken)
  }

  /// When a session of that identity begins: `iat` has whole seconds, so one that follows the revocation of everything until
  /// now waits for the next second.
  private func beginning(of identity: PasskeyIdentity) async -> UnixTime {
    guard let revoked = await revocations.revokedUntil(issuer: identity.issuer, subject: identity.subject) else { return now() }
    let wait = UnixTime(seconds: revoked.seconds + 1).microseconds - now().microseconds
    // More than that is another process' clock.
    if (1...Self.longestWait).contains(wait) { await executor.sleep(for: .microseconds(wait)) }
    return now()
  }

  /// Microseconds.
  private static let longestWait: Int64 = 2_000_000

  private func accessToken(for identity: PasskeyIdentity, at moment: UnixTime) throws(LoginReason) -> AccessToken {
    try minting { () throws(KeyFailure) in
      AccessToken(
        issuer: configuration.token.issuer, audience: configuration.token.audience, subject: identity.subject,
        clientID: configuration.corbado.projectID, origin: identity.issuer, sessionID: try AccessToken.randomID(),
        tokenID: try AccessToken.randomID(), issuedAt: moment, lifetime: configuration.token.lifetime,
        remembered: identity.remembered)
    }
  }

  func minting<Value>(_ body: () throws(KeyFailure) -> Value) throws(LoginReason) -> Value {
    do throws(KeyFailure) { return try body() } catch {
      log.error("token_not_minted", ["detail": .text("\(error)")])
      throw .internalError
    }
  }

  /// - Throws: `passkeyDataReplayed` if somebody, in whatever process, was faster.
  private func use(
    _ data: SignedPasskeyData, for token: AccessToken, of identifier: Identifier, _ refreshToken: RefreshToken?
  ) async throws(LoginReason) {
    // Longer than any issuer's leeway: while a token is good, it is known to be ours.
    let leeway = configuration.token.form == nil ? SignedPasskeyData.leeway : AccessToken.maximumLeeway
    let session = Session(
      id: token.sessionID, issuer: token.origin, subject: token.subject, identifier: identifier.text,
      startedAt: StoredTime(token.issuedAt),
      expiresAt: StoredTime(token.issuedAt + max(token.lifetime + leeway, configuration.token.refreshLifetime ?? .zero)),
      refresh: refreshToken?.digests)
    let (digest, expiration, moment) = (data.digest, StoredTime(data.forgettable), StoredTime(token.issuedAt))
    let isNew = try await ask("mark_used") { store throws(StateStoreError) in
      try await store.markUsed(digest, until: expiration, starting: session, at: moment)
    }
    guard isNew else { throw .passkeyDataReplayed }
  }
}

/// The content of a request to completeLogin.
struct CompleteLoginRequest {
  let signedPasskeyData: String
  let username: String?

  /// - Throws: `bodyMalformed`
  init(content: [UInt8]) throws(LoginReason) {
    let document = try JSONDocument(endpointContent: content)
    guard let node = document.member("signedPasskeyData"), let data = document.string(node) else {
      throw .bodyMalformed
    }
    signedPasskeyData = data
    guard let node = document.member("username") else {
      username = nil
      return
    }
    guard let name = document.string(node) else { throw .bodyMalformed }
    username = name
  }
}
