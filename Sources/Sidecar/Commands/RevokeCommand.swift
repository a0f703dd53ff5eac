import Login
import Settings
import StateStore

extension Command {
  /// In force in every process on the same state within a second.
  static let revoke = Command(
    "revoke", "--config FILE (--subject S [--issuer I] | --session SID | --token-id JTI [--issuer I])",
    "end all that a user has, one session, or one token"
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    let issuer = arguments.optional("--issuer")
    let named = [
      arguments.optional("--subject").map(Revoked.subject), arguments.optional("--session").map(Revoked.session),
      arguments.optional("--token-id").map(Revoked.tokenID),
    ].compactMap { $0 }
    try arguments.nothingFollows()
    guard named.count == 1, let what = named.first else {
      throw CommandMisuse("revoke needs one of --subject, --session and --token-id")
    }
    if case .session = what, issuer != nil { throw CommandMisuse("a session is known by its ID alone") }
    return StateCommand.perform(path, output) { command throws(StateStoreError) in
      let entries: [RevocationInForce]
      do throws(UnknownIssuer) { entries = try command.entries(what, issuer) } catch {
        return StateCommand.Ending(text: "passkey-sidecar: \(error.text)\n", code: 64)
      }
      try await command.store.revoke(entries, at: command.now)
      return StateCommand.Ending(text: "revoked\n")
    }
  }
}

private enum Revoked: Sendable {
  case subject(String)
  case session(String)
  case tokenID(String)
}

private struct UnknownIssuer: Error {
  let text: String
}

extension StateCommand {
  fileprivate func entries(_ what: Revoked, _ issuer: String?) throws(UnknownIssuer) -> [RevocationInForce] {
    let settings = loaded.settings
    switch what {
    case .session(let id):
      return [
        RevocationInForce(.session(id: id), until: expiration(of: loaded.login.sessionTokenLifetime))
      ]
    case .subject(let subject):
      let until = expiration(of: loaded.login.identityTokenLifetime)
      let moment = now
      return try subjectIssuers(issuer).map {
        RevocationInForce(.identity(issuer: $0, subject: subject, issuedUntil: moment), until: until)
      }
    case .tokenID(let id):
      let until = expiration(of: loaded.login.identityTokenLifetime)
      let all = settings.issuers.map(\.issuer) + [settings.login.token.issuer]
      if let issuer, !all.contains(issuer) { throw UnknownIssuer(text: "\(issuer) is not configured") }
      return (issuer.map { [$0] } ?? all).map {
        RevocationInForce(.token(issuer: $0, tokenID: id), until: until)
      }
    }
  }

  /// The issuers that a subject is one of: the named one, or the only one there is.
  private func subjectIssuers(_ issuer: String?) throws(UnknownIssuer) -> [String] {
    let settings = loaded.settings
    if issuer == settings.login.token.issuer { return [settings.login.token.issuer] }
    guard let issuer else {
      let all = Set(settings.issuers.map { $0.sharesSubjectsWith ?? $0.issuer })
      guard all.count == 1 else { throw UnknownIssuer(text: "with several issuers --subject needs --issuer") }
      // A user who was never linked is a subject of our own.
      return all + [settings.login.token.issuer]
    }
    guard let known = settings.issuers.first(where: { $0.issuer == issuer }) else {
      throw UnknownIssuer(text: "\(issuer) is not configured")
    }
    return [known.sharesSubjectsWith ?? known.issuer]
  }
}
