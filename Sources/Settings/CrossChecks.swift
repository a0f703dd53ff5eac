internal import Gate

/// What shows only when several keys are seen together.
extension SidecarSettings {
  /// - Parameter policy: what the file's rules were compiled to; nil if they were refused.
  func check(_ reading: Reading, _ policy: Policy?) {
    checkIssuers(reading)
    checkLogin(reading)
    checkCookies(reading)
    checkAssertion(reading)
    checkRoutes(reading, policy)
    checkAddresses(reading)
    if state.redis == nil, !reading.sources.isFolderWritable(of: state.sqlite) {
      reading.warn("state.sqlite", "its folder is missing, or this user may not write there")
    }
  }

  private func checkLogin(_ reading: Reading) {
    if endpoints.hasRefresh, login.refreshLifetime == nil {
      reading.refuse("endpoints.refresh", "needs login.refresh: {lifetime: 30d}")
    }
    if !endpoints.hasRefresh, login.refreshLifetime != nil {
      reading.warn("login.refresh", "nobody can use the refresh tokens: endpoints.refresh is false")
    }
    if state.redis != nil, login.token.key == .generated {
      reading.refuse(
        "login.token.key", "generated keys are kept in a SQLite file only: with state.redis name one, {file: PATH}")
    }
    let rights: Set<String> = [
      "role", "roles", "group", "groups", "scope", "scopes", "scp", "permission", "permissions", "entitlements",
      "admin",
    ]
    for (index, claim) in login.identity.remember.enumerated() {
      let words = claim.text.lowercased().split { !$0.isLetter }.map(String.init)
      guard !rights.isDisjoint(with: words) else { continue }
      reading.warn(
        "login.identity.remember[\(index)]",
        "\(claim.text) is kept as it was when the passkey was added: rights that are taken away stay in force")
    }
  }

  /// A cookie that the login sets must be one that the Gate reads, else it reaches nobody but the app.
  private func checkCookies(_ reading: Reading) {
    guard let cookie = login.cookie else {
      if !login.hasTokenInBody {
        reading.refuse("login.tokenInBody", "false leaves the token nowhere: login.cookie is needed beside it")
      }
      return
    }
    if credential.cookie != cookie.name {
      reading.refuse("login.cookie", "is not read again: credential.cookie must have the same name")
    }
  }

  /// What proves an identity to the app must not be taken for an access token by anybody.
  private func checkAssertion(_ reading: Reading) {
    guard let assertion = identity.assertion else { return }
    if ([login.token.audience] + issuers.flatMap(\.audiences)).contains(assertion.audience) {
      reading.refuse("identity.assertion.audience", "\(quoted(assertion.audience)) is an audience of access tokens")
    }
    if !endpoints.hasJWKSet {
      reading.warn("identity.assertion", "its keys are published only with endpoints.jwks: true")
    }
  }

  private func checkAddresses(_ reading: Reading) {
    let asksClients = listeners.contains { $0.tls?.files.clientAuthorities != nil }
    for field in identity.fields where field.claim.text == "tls.subject" && !asksClients {
      reading.warn("identity.fields.\(field.name)", "never there: no listener has a clientCertificateAuthority")
    }
    var listening = listeners.enumerated().map { ("listen[\($0.offset)].address", $0.element.address) }
    listening.append(("probes.address", probes.address))
    listening.append(("admin.address", admin.address))
    for (index, (key, address)) in listening.enumerated()
    where (address.port != 0 || address.family == .unix) && listening[..<index].contains(where: { $0.1 == address }) {
      reading.refuse(key, "\(address) is listened on already")
    }
  }
}
