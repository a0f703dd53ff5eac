internal import JOSE
internal import Login
internal import OpenSSL

extension SidecarSettings {
  /// What Login is told; nil when it was refused.
  func loginConfiguration(_ reading: Reading) -> Login.Configuration? {
    // All parts are made, so that all errors show.
    let corbado = part(reading) { () throws(ConfigurationError) in
      try Login.Configuration.Corbado(
        projectID: self.corbado.projectID, apiSecret: self.corbado.apiSecret.bytes, backendAPI: self.corbado.backendAPI,
        certificateAuthority: self.corbado.certificateAuthority, timeout: self.corbado.timeout,
        verifyPath: self.corbado.verify.path, verifyUsername: self.corbado.verify.username)
    }
    let identity = part(reading) { () throws(ConfigurationError) in
      try Login.Configuration.Identity(
        unlinked: login.identity.unlinked, identifierIsSubject: login.identity.identifierIsSubject,
        remember: login.identity.remember)
    }
    let token = keySource(reading).flatMap { key in
      part(reading) { () throws(ConfigurationError) in
        try Login.Configuration.Token(
          issuer: login.token.issuer, audience: login.token.audience, lifetime: login.token.lifetime,
          algorithm: login.token.algorithm, key: key)
      }
    }
    let connect = Login.Configuration.Connect(
      identifier: self.connect.identifier, displayName: self.connect.displayName)
    guard let corbado, let identity, let token else { return nil }
    return part(reading) { () throws(ConfigurationError) in
      try Login.Configuration(corbado: corbado, connect: connect, identity: identity, token: token)
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

  private func explanation(_ error: ConfigurationError) -> (key: String, message: String) {
    switch error {
    case .projectID: ("corbado.projectID", "is no project ID")
    case .apiSecret: ("corbado.apiSecret", "is no API secret")
    case .verifyPath: ("corbado.verify.path", "is no path")
    case .timeout: ("corbado.timeout", "must be longer than nothing")
    case .identifierIsNoSubject:
      (
        "login.identity.unlinked",
        "identifier puts \(connect.identifier.text) into the place of the subject: "
          + "set identifierIsSubject: true if your app's user IDs are that"
      )
    case .rememberedClaim(let claim):
      ("login.identity.remember", "\(quoted(claim)) is a claim that minted tokens have of their own")
    case .rememberedTwice: ("login.identity.remember", "names a claim twice")
    case .tokenIssuer: ("login.token.issuer", "is empty")
    case .tokenAudience: ("login.token.audience", "is empty")
    case .tokenLifetime: ("login.token.lifetime", "is out of range")
    case .tokenAlgorithm: ("login.token.algorithm", "is not available in this version")
    case .signingKey: ("login.token.key", "does not fit the algorithm: ES256 needs a key on P-256")
    }
  }
}
