import JOSE
import Login
import Settings
import StateStore

extension Command {
  static let links = Command(
    "links", "list | show ID | remove ID, --config FILE",
    "identity links; before removing one, delete the user's passkeys at Corbado"
  ) { given, output throws(CommandMisuse) in
    var arguments = given
    let path = try arguments.required("--config", "FILE")
    let action = try arguments.nextWord("list, show or remove")
    switch action {
    case "list":
      try arguments.nothingFollows()
      return StateCommand.perform(path, output) { command throws(StateStoreError) in try await command.listLinks() }
    case "show", "remove":
      let identifier = try arguments.nextWord("the identifier of a link")
      try arguments.nothingFollows()
      return StateCommand.perform(path, output) { command throws(StateStoreError) in
        guard let key = command.loaded.login.linkKey(of: identifier) else {
          return StateCommand.Ending(text: "passkey-sidecar: that can be no identifier\n", code: 64)
        }
        return action == "show" ? try await command.showLink(key) : try await command.removeLink(key)
      }
    default: throw CommandMisuse("links knows list, show and remove")
    }
  }
}

extension StateCommand {
  /// One JSON object a line.
  fileprivate func listLinks() async throws(StateStoreError) -> Ending {
    var seen: Set<String> = []
    var text = ""
    var cursor: String?
    repeat {
      let page = try await store.links(from: cursor)
      for link in page.links where seen.insert(link.identifier).inserted { text += Self.line(link, hasClaims: false) }
      cursor = page.next
    } while cursor != nil
    return Ending(text: text)
  }

  fileprivate func showLink(_ identifier: String) async throws(StateStoreError) -> Ending {
    switch try await store.link(for: identifier) {
    case .linked(let link): return Ending(text: Self.line(link, hasClaims: true))
    case .removed:
      return Ending(text: "passkey-sidecar: there was a link of that identifier, and it was removed\n", code: 1)
    case .absent: return Ending(text: "passkey-sidecar: there is no link of that identifier\n", code: 1)
    }
  }

  /// The link goes, a tombstone stays, and all that its identity was issued until now is void.
  fileprivate func removeLink(_ identifier: String) async throws(StateStoreError) -> Ending {
    let removed = try await store.removeLink(
      for: identifier, at: now, revokingUntil: expiration(of: loaded.login.identityTokenLifetime))
    guard let removed else {
      return Ending(text: "passkey-sidecar: there is no link of that identifier\n", code: 1)
    }
    return Ending(
      text: Self.line(removed, hasClaims: false)
        + "removed; what this user was issued until now is revoked. A passkey that is still at Corbado leads nowhere until "
        + "somebody links this identifier anew, and then to them\n")
  }

  private static func line(_ link: IdentityLink, hasClaims: Bool) -> String {
    var line = JSONWriter()
    line.beginObject()
    line.member("identifier", link.identifier)
    line.member("issuer", link.issuer)
    line.member("subject", link.subject)
    line.member("confirmed_at", link.confirmedAt.seconds)
    if hasClaims, let claims = try? JSONDocument(link.claims.span) { line.member("claims", claims.root, of: claims) }
    line.endObject()
    return String(decoding: line.bytes, as: UTF8.self) + "\n"
  }
}
