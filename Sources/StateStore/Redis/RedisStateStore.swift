internal import Synchronization
public import Transport

/// The state in Redis or Valkey, for more than one replica. Each operation is one command, most of them a script that the
/// server runs as one.
///
/// Generated signing keys are not kept there.
public final class RedisStateStore: StateStore {
  let commands: RedisConnection
  private let subscription: RedisConnection
  private let hearing: HeardEvents
  let prefix: String
  let loop: LoopExecutor

  /// - Parameters:
  ///   - prefix: of all keys, so that several products can share a server.
  ///   - loop: the control loop, on which the connections live.
  public init(
    _ server: RedisServer, prefix: String, on loop: LoopExecutor, resolver: NameResolver
  ) throws(StateStoreError) {
    self.prefix = prefix
    self.loop = loop
    do throws(Errno) {
      commands = try RedisConnection(server, on: loop, resolver: resolver)
      let hearing = HeardEvents()
      self.hearing = hearing
      subscription = try RedisConnection(
        server, subscribingTo: Array("\(prefix)revoked".utf8), on: loop, resolver: resolver, hear: { hearing.hear($0) })
    } catch {
      throw .unreachable(error.description)
    }
    commands.start()
  }

  /// Calls `hear` on the control loop with what the subscription hears from now on.
  func listen(_ hear: @escaping @Sendable (RedisConnection.Event) -> Void) {
    hearing.target.withLock { $0 = hear }
    subscription.start()
  }

  /// Stands between the subscription and whoever follows later.
  private final class HeardEvents: Sendable {
    let target = Mutex<(@Sendable (RedisConnection.Event) -> Void)?>(nil)
    func hear(_ event: RedisConnection.Event) { target.withLock { $0 }?(event) }
  }

  func key(_ kind: String, _ name: String = "") -> RedisWord { RedisWord("\(prefix)\(kind)\(name)") }

  func key(_ kind: String, _ name: [UInt8]) -> RedisWord { RedisWord(Array("\(prefix)\(kind)".utf8) + name) }

  private func identityKey(_ issuer: String, _ subject: String) -> RedisWord {
    key("identity:", RevocationInForce.identityText(issuer: issuer, subject: subject))
  }

  nonisolated(nonsending) func run(
    _ script: String, keys: [RedisWord], _ arguments: [RedisWord]
  ) async throws(StateStoreError) -> RedisReply {
    try await commands.send(["EVAL", RedisWord(script), RedisWord(Int64(keys.count))] + keys + arguments)
  }

  // MARK: Identity links

  public nonisolated(nonsending) func claimLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkClaim {
    switch try await claim(link, makes: true) {
    case "created": .created
    case "confirmed": .confirmed
    case "taken": .takenByOther
    default: throw .damaged
    }
  }

  public nonisolated(nonsending) func confirmLink(
    _ link: IdentityLink
  ) async throws(StateStoreError) -> LinkConfirmation {
    switch try await claim(link, makes: false) {
    case "confirmed": .confirmed
    case "taken": .takenByOther
    case "absent": .absent
    default: throw .damaged
    }
  }

  private nonisolated(nonsending) func claim(
    _ link: IdentityLink, makes: Bool
  ) async throws(StateStoreError) -> String? {
    try await run(
      RedisScripts.claimLink,
      keys: [key("link:", link.identifier), identityKey(link.issuer, link.subject)],
      [
        RedisWord(link.issuer), RedisWord(link.subject), RedisWord(link.claims), RedisWord(link.confirmedAt),
        RedisWord(link.identifier), makes ? "1" : "0",
      ]
    ).text
  }

  public nonisolated(nonsending) func link(for identifier: String) async throws(StateStoreError) -> LinkLookup {
    let reply = try await run(
      RedisScripts.link, keys: [key("link:", identifier), key("removed:", identifier)], [])
    if let isRemoved = reply.integer { return isRemoved == 1 ? .removed : .absent }
    return .linked(try Self.link(identifier, reply))
  }

  public nonisolated(nonsending) func link(
    of issuer: String, subject: String
  ) async throws(StateStoreError) -> IdentityLink? {
    let first = try await commands.send(["ZRANGE", identityKey(issuer, subject), "0", "0"])
    guard let identifier = first.elements?.first?.text else { return nil }
    guard case .linked(let found) = try await link(for: identifier) else { return nil }
    return found
  }

  public nonisolated(nonsending) func links(from cursor: String?) async throws(StateStoreError) -> (
    links: [IdentityLink], next: String?
  ) {
    let pattern = Self.literal(prefix) + "link:*"
    let reply = try await commands.send(
      ["SCAN", RedisWord(cursor ?? "0"), "MATCH", RedisWord(pattern), "COUNT", "500"])
    guard let parts = reply.elements, parts.count == 2, let next = parts[0].text, let keys = parts[1].elements else {
      throw .damaged
    }
    var links: [IdentityLink] = []
    for key in keys {
      guard let name = key.bytes else { throw .damaged }
      let identifier = String(decoding: name.dropFirst("\(prefix)link:".utf8.count), as: UTF8.self)
      // One that was removed meanwhile is none.
      if case .linked(let found) = try await link(for: identifier) { links.append(found) }
    }
    return (links, next == "0" ? nil : next)
  }

  /// A text that means itself in a pattern.
  private static func literal(_ text: String) -> String {
    text.map { "*?[]\\^".contains($0) ? "\\\($0)" : "\($0)" }.joined()
  }

  public nonisolated(nonsending) func removeLink(
    for identifier: String, at now: StoredTime, revokingUntil expiration: StoredTime
  ) async throws(StateStoreError) -> IdentityLink? {
    let reply = try await run(
      RedisScripts.removeLink,
      keys: [
        key("link:", identifier), key("removed:", identifier), key("revocations"), key("revocations:expiries"),
        key("identity:"),
      ],
      [RedisWord(now), RedisWord(expiration), key("revoked"), RedisWord(identifier)])
    if reply == .null { return nil }
    return try Self.link(identifier, reply)
  }

  private static func link(_ identifier: String, _ reply: RedisReply) throws(StateStoreError) -> IdentityLink {
    guard let parts = reply.elements, parts.count == 4, let issuer = parts[0].text, let subject = parts[1].text,
      let claims = parts[2].bytes, let confirmedAt = parts[3].integer
    else { throw .damaged }
    return IdentityLink(
      identifier: identifier, issuer: issuer, subject: subject, claims: claims,
      confirmedAt: StoredTime(seconds: confirmedAt))
  }

  // MARK: Passkey data

  public nonisolated(nonsending) func isUsed(_ digest: PasskeyDataDigest) async throws(StateStoreError) -> Bool {
    guard let count = try await commands.send(["EXISTS", key("used:", digest.bytes)]).integer else { throw .damaged }
    return count != 0
  }

  public nonisolated(nonsending) func markUsed(
    _ digest: PasskeyDataDigest, until expiration: StoredTime, starting session: Session, at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    // The server counts the seconds itself, so that its clock may differ from ours; one more, since ours were cut.
    func seconds(until moment: StoredTime) -> RedisWord { RedisWord(max(1, moment.seconds - now.seconds + 1)) }
    let reply = try await run(
      RedisScripts.markUsed, keys: [key("used:", digest.bytes), key("session:", session.id)],
      [
        seconds(until: expiration), seconds(until: session.expiresAt), "issuer", RedisWord(session.issuer), "subject",
        RedisWord(session.subject), "identifier", RedisWord(session.identifier), "started_at",
        RedisWord(session.startedAt), "expires_at", RedisWord(session.expiresAt), "family",
        RedisWord(session.refresh?.family ?? []), "current", RedisWord(session.refresh?.current ?? []),
      ])
    guard let isNew = reply.integer else { throw .damaged }
    return isNew == 1
  }

  // MARK: Signing keys

  public nonisolated(nonsending) func signingKeys() async throws(StateStoreError) -> [StoredSigningKey] { [] }

  public nonisolated(nonsending) func storeSigningKey(
    _ key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey { throw .keysNotKept }

  public nonisolated(nonsending) func replaceSigningKey(
    _ keyID: String, with key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey { throw .keysNotKept }

  public nonisolated(nonsending) func removeSigningKeys(_ keyIDs: [String]) async throws(StateStoreError) {}
}
