internal import JOSE
internal import Login
internal import OpenSSL

extension SidecarSettings {
  /// What Login is told; nil when it was refused.
  func loginConfiguration(_ reading: Reading) -> Login.Configuration? {
    // All parts are made, so that all errors show.
    let corbado = part(reading) { () throws(ConfigurationError) in
      let corbado = self.corbado
      let secret = corbado.credential.secret
      return try Login.Configuration.Corbado(
        projectID: corbado.projectID,
        credential: BackendCredential(corbado.credential.form, secret.bytes, reread: secret.reread),
        backendAPI: corbado.backendAPI, certificateAuthority: corbado.certificateAuthority, timeout: corbado.timeout,
        verifyPath: corbado.verify.path, verifyUsername: corbado.verify.username,
        maximumInFlightCount: corbado.inFlightCount, maximumPerSecondCount: corbado.perSecondCount,
        connectTokenLifetime: corbado.connectTokenLifetime, frontendMembers: corbado.frontendMembers)
    }
    let identity = part(reading) { () throws(ConfigurationError) in
      let identity = login.identity
      return try Login.Configuration.Identity(
        source: try identity.source, claim: identity.claim, unlinked: identity.unlinked,
        identifierIsSubject: identity.identifierIsSubject, remember: identity.remember, linkMaxAge: identity.maxAge,
        revokedFor: identity.revokedFor, confirm: identity.confirm.map { Login.Configuration.Identity.Service($0) })
    }
    let form = tokenForm(reading)
    let token = keySource(reading).flatMap { key in
      part(reading) { () throws(ConfigurationError) in
        try Login.Configuration.Token(
          issuer: login.token.issuer, audience: login.token.audience, lifetime: login.token.lifetime,
          algorithm: login.token.algorithm, key: key, rotation: login.token.rotation, form: form,
          refreshLifetime: login.refreshLifetime, cookie: login.cookie, isInBody: login.hasTokenInBody)
      }
    }
    let connect = Login.Configuration.Connect(
      identifier: self.connect.identifier, displayName: self.connect.displayName)
    guard let corbado, let identity, let token else { return nil }
    return part(reading) { () throws(ConfigurationError) in
      try Login.Configuration(
        corbado: corbado, connect: connect, identity: identity, token: token,
        loginAttemptsPerMinute: limits.loginAttemptsPerMinute)
    }
  }

  private func part<Part>(_ reading: Reading, _ make: () throws(ConfigurationError) -> Part) -> Part? {
    do throws(ConfigurationError) {
      return try make()
    } catch {
      let (key, message) = explanation(error)
      reading.refuse(key, message)
      return nil
    }
  }

  private func keySource(_ reading: Reading) -> Login.Configuration.Token.KeySource? {
    guard case .file(let path) = login.token.key else { return .generated }
    let content: [UInt8]
    do {
      content = try reading.sources.read(path, limitBytes: 64 * 1024)
    } catch {
      reading.refuse("login.token.key", "\(quoted(path)) cannot be read: \(error)")
      return nil
    }
    guard let key = try? PrivateKey(pem: content.span) else {
      reading.refuse("login.token.key", "\(quoted(path)) holds no unencrypted private key in PEM")
      return nil
    }
    return .provided(key)
  }

  /// Nil where there is none, or it was refused.
  private func tokenForm(_ reading: Reading) -> Login.Configuration.Token.Form? {
    guard let form = login.token.form, !form.issuer.isEmpty else { return nil }
    guard let issuer = issuers.first(where: { $0.issuer == form.issuer }) else {
      reading.refuse("login.token.as.issuer", "\(quoted(form.issuer)) is no configured issuer")
      return nil
    }
    let owner = issuer.sharesSubjectsWith.flatMap { name in issuers.first { $0.issuer == name } } ?? issuer
    if !issuer.audiences.isEmpty, !issuer.audiences.contains(login.token.audience) {
      reading.refuse("login.token.audience", "is none of the audiences of \(quoted(form.issuer))")
    }
    if !issuer.algorithms.contains(form.algorithm) {
      reading.refuse("login.token.as.algorithm", "\(form.algorithm.name) is not among the algorithms of that issuer")
    }
    if identity.authorization == .remove {
      reading.warn("login.token.as", "identity.authorization is remove: the app never sees the tokens that it could verify")
    }
    let key: SigningKey
    do throws(KeyFailure) {
      let content = form.key.bytes
      if form.algorithm.messageAuthentication != nil {
        key = try SigningKey(secret: content.span, algorithm: form.algorithm, keyID: form.keyID)
      } else {
        key = try SigningKey(PrivateKey(pem: content.span), algorithm: form.algorithm, named: form.keyID)
      }
    } catch {
      let what = form.algorithm.messageAuthentication == nil ? "an unencrypted private key in PEM" : "a secret as long as its hash"
      reading.refuse("login.token.as.key", "does not fit the algorithm: \(form.algorithm.name) needs \(what)")
      return nil
    }
    return part(reading) { () throws(ConfigurationError) in
      try Login.Configuration.Token.Form(
        issuer: form.issuer, subjectIssuer: owner.issuer, subjectPrefix: owner.subjectPrefix, type: form.type, key: key,
        claims: form.claims.map { ($0.name, $0.path) })
    }
  }

  private func explanation(_ error: ConfigurationError) -> (key: String, message: String) {
    switch error {
    case .projectID: ("corbado.projectID", "is no project ID")
    case .credential(let problem): ("corbado.\(corbado.credential.form.rawValue)", explanation(problem))
    case .verifyPath: ("corbado.verify.path", "is no path")
    case .timeout: ("corbado.timeout", "must be longer than nothing")
    case .maximumInFlight: ("corbado.maxInFlight", "is out of range")
    case .maximumPerSecond: ("corbado.maxPerSecond", "is out of range")
    case .connectTokenLifetime: ("corbado.connectTokenLifetime", "is shorter than a second")
    case .loginAttempts: ("limits.loginAttempts", "is out of range")
    case .identifierIsNoSubject:
      (
        login.identity.mode == .identifier ? "login.identity.mode" : "login.identity.unlinked",
        "identifier puts \(login.identity.claim == .subject ? "Corbado's user ID" : connect.identifier.text) into the place of "
          + "the subject: set identifierIsSubject: true if your app's user IDs are that"
      )
    case .opaqueIsNoSubject: ("connect.identifier", "opaque is a random ID: it cannot be the subject")
    case .claimIsNoLink:
      ("login.identity.claim", "sub is Corbado's user ID, which no link knows: it needs mode identifier or directory")
    case .rememberedClaim(let claim):
      ("login.identity.remember", "\(quoted(claim)) is a claim that minted tokens have of their own")
    case .rememberedTwice: ("login.identity.remember", "names a claim twice")
    case .exchangeAudience: ("login.identity.exchange.audience", "is missing")
    case .exchangeClient: ("login.identity.exchange.clientID", "is missing, or its secret is")
    case .tokenIssuer: ("login.token.issuer", "is empty")
    case .refreshLifetime: ("login.refresh", "lifetime is shorter than login.token.lifetime")
    case .refreshSource:
      ("login.refresh", "is not there with mode exchange: what clients get is the identity provider's token, which is renewed there")
    case .refreshClaim:
      ("login.refresh", "is not there with mode directory and claim sub: a session does not keep Corbado's user ID")
    case .tokenAudience: ("login.token.audience", "is empty")
    case .tokenLifetime: ("login.token.lifetime", "is out of range")
    case .cookieName: ("login.cookie.name", "is no name of a cookie")
    case .tokenNowhere: ("login.tokenInBody", "false leaves the token nowhere: login.cookie is needed beside it")
    case .tokenAlgorithm: ("login.token.algorithm", "is not one that tokens are minted with")
    case .tokenRotation: ("login.token.rotation", "is shorter than an hour")
    case .signingKey:
      ("login.token.key", "does not fit the algorithm: ES256 needs a key on P-256, EdDSA one of Ed25519, RS256 one of RSA")
    case .templateClaim(let name):
      ("login.token.as.claims", "\(quoted(name)) is a claim that minted tokens have of their own, or stands there twice")
    }
  }

  private func explanation(_ problem: BackendCredential.Problem) -> String {
    switch (problem, corbado.credential.form) {
    case (.isPair, .apiSecret):
      "holds the pair of project ID and secret, bare or in base64; the secret alone belongs here, the base64 under basic"
    case (.isPair, _): "holds the pair of project ID and secret; a versioned API key belongs here"
    case (.isNoPair, _): "holds something other than base64(projectID:secret); a bare secret belongs under apiSecret"
    case (.ofOtherProject, _): "holds the pair of another project than corbado.projectID"
    case (.malformed, _): "is empty, or not one word of visible ASCII"
    }
  }
}

extension LoginSettings.Identity {
  fileprivate var source: Login.Configuration.Identity.Source {
    get throws(ConfigurationError) {
      switch mode {
      case .link: return .link
      case .identifier: return .identifier
      case .directory:
        // Its absence was reported.
        guard let directory else { return .link }
        return .directory(.init(directory.service.service, cache: directory.cache))
      case .exchange:
        guard let exchange else { return .link }
        return .exchange(
          try .init(exchange.service.service, audience: exchange.audience, clientID: exchange.clientID))
      }
    }
  }
}

extension LoginSettings.Identity.Service {
  fileprivate var service: Login.Configuration.Identity.Service {
    .init(url, certificateAuthority: certificateAuthority, timeout: timeout, secret: secret?.bytes)
  }
}

extension SigningKey {
  /// Without an ID the tokens get no `kid`: apps that know one key do not look at it.
  fileprivate init(_ privateKey: PrivateKey, algorithm: Algorithm, named keyID: String?) throws(KeyFailure) {
    try self.init(privateKey, algorithm: algorithm, keyID: keyID, isAnonymous: keyID == nil)
  }
}
