/// What shows only when several keys are seen together.
extension SidecarSettings {
  func check(_ reading: Reading) {
    checkIssuers(reading)
    checkSubjects(reading)
    checkOwnIssuer(reading)
    checkIdentity(reading)
    checkLogin(reading)
    checkRoutes(reading)
    checkAddresses(reading)
    if !reading.sources.isFolderWritable(of: state.sqlite) {
      reading.warn("state.sqlite", "its folder is missing, or this user may not write there")
    }
  }

  private func checkIssuers(_ reading: Reading) {
    for (index, issuer) in issuers.enumerated() where !issuer.issuer.isEmpty && issuers[..<index].contains(where: { $0.issuer == issuer.issuer }) {
      reading.refuse("issuers[\(index)].issuer", "\(quoted(issuer.issuer)) is configured a second time")
    }
  }

  /// A subject is unique only within its issuer (RFC 7519 §4.1.2). Two issuers that neither share their subjects nor have
  /// prefixes that keep them apart would let one name the other's users.
  private func checkSubjects(_ reading: Reading) {
    for (index, issuer) in issuers.enumerated() {
      guard let shared = issuer.sharesSubjectsWith else { continue }
      let key = "issuers[\(index)].sharesSubjectsWith"
      if shared == issuer.issuer {
        reading.refuse(key, "names the issuer itself")
      } else if let other = issuers.first(where: { $0.issuer == shared }) {
        if other.sharesSubjectsWith != nil { reading.refuse(key, "names an issuer that shares another's subjects; name that one") }
      } else {
        reading.refuse(key, "\(quoted(shared)) is not a configured issuer")
      }
      if !issuer.subjectPrefix.isEmpty {
        reading.refuse("issuers[\(index)].subjectPrefix", "cannot stand beside sharesSubjectsWith: the prefix is that of the other issuer")
      }
    }
    let apart = issuers.enumerated().filter { $0.element.sharesSubjectsWith == nil }
    guard apart.count > 1 else { return }
    for (position, (index, issuer)) in apart.enumerated() {
      let key = "issuers[\(index)].subjectPrefix"
      if issuer.subjectPrefix.isEmpty {
        reading.refuse(key, "with several issuers each needs a subjectPrefix of its own, or sharesSubjectsWith: their subjects could be equal")
        continue
      }
      for (_, other) in apart[..<position] where !other.subjectPrefix.isEmpty {
        if issuer.subjectPrefix.hasPrefix(other.subjectPrefix) || other.subjectPrefix.hasPrefix(issuer.subjectPrefix) {
          reading.refuse(key, "begins as that of \(quoted(other.issuer)), or that as this: subjects of the two could be equal")
        }
      }
    }
  }

  private func checkOwnIssuer(_ reading: Reading) {
    guard !login.token.issuer.isEmpty, issuers.contains(where: { $0.issuer == login.token.issuer }) else { return }
    reading.refuse("login.token.issuer", "is also a configured issuer; tokens of the two could not be told apart")
  }

  private func checkLogin(_ reading: Reading) {
    if login.identity.unlinked == .identifier, !login.identity.identifierIsSubject {
      let key = "login.identity.unlinked"
      if connect.identifier.text != "sub" {
        reading.refuse(
          key, "identifier puts \(connect.identifier.text) into the place of the subject: set identifierIsSubject: true if your app's user IDs are that")
      } else if issuers.contains(where: { !$0.subjectPrefix.isEmpty }) {
        reading.refuse(
          key, "identifier is sub without its subjectPrefix, another user to the app: set identifierIsSubject: true if that is meant")
      }
    }
    for (index, claim) in login.identity.remember.enumerated() {
      let words = claim.text.lowercased().split { !$0.isLetter }.map(String.init)
      if words.contains(where: { ["role", "roles", "group", "groups", "scope", "scopes", "scp", "permission", "permissions", "entitlements", "admin"].contains($0) }) {
        reading.warn("login.identity.remember[\(index)]", "\(claim.text) is kept as it was when the passkey was added: rights that are taken away stay in force")
      }
    }
  }

  private func checkIdentity(_ reading: Reading) {
    for (index, name) in identity.passThrough.enumerated() {
      if identity.fields.contains(where: { foldedFieldName($0.name) == foldedFieldName(name) }) {
        reading.refuse("identity.passThrough[\(index)]", "is a field of identity: a client could then write it")
      }
    }
  }

  private func checkRoutes(_ reading: Reading) {
    for (index, route) in routes.enumerated() {
      if routes[..<index].contains(where: { $0.path == route.path }) {
        reading.warn("routes[\(index)].path", "never decides: an earlier rule has the same path")
      }
      if route.path == endpoints.prefix || route.path.hasPrefix(endpoints.prefix + "/") {
        reading.warn("routes[\(index)].path", "lies under endpoints.prefix: our own endpoints there come first")
      }
    }
  }

  private func checkAddresses(_ reading: Reading) {
    let listening = listeners.enumerated().map { ("listen[\($0.offset)].address", $0.element.address) } + [("probes.address", probes.address)]
    for (index, (key, address)) in listening.enumerated() where address.port != 0 && listening[..<index].contains(where: { $0.1 == address }) {
      reading.refuse(key, "\(address) is listened on already")
    }
  }
}
