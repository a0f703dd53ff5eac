internal import Transport

/// Sessions and their end.
extension RedisStateStore {
  /// Between two attempts to read all revocations.
  static let readingPause = Duration.milliseconds(250)

  public nonisolated(nonsending) func session(
    _ id: String, at now: StoredTime
  ) async throws(StateStoreError) -> Session? {
    let reply = try await run(RedisScripts.session, keys: [key("session:", id), key("revocations")], [])
    if reply == .null { return nil }
    guard let parts = reply.elements, parts.count == 7, let issuer = parts[0].text, let subject = parts[1].text,
      let identifier = parts[2].text, let startedAt = parts[3].integer, let expiresAt = parts[4].integer,
      let family = parts[5].bytes, let current = parts[6].bytes
    else { throw .damaged }
    guard expiresAt >= now.seconds else { return nil }
    return Session(
      id: id, issuer: issuer, subject: subject, identifier: identifier, startedAt: StoredTime(seconds: startedAt),
      expiresAt: StoredTime(seconds: expiresAt),
      refresh: family.isEmpty ? nil : RefreshDigests(family: family, current: current))
  }

  public nonisolated(nonsending) func rotateRefresh(
    of sessionID: String, from current: [UInt8], to next: [UInt8], at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    let reply = try await run(
      RedisScripts.rotateRefresh, keys: [key("session:", sessionID)],
      [RedisWord(current), RedisWord(next), RedisWord(now)])
    return reply.integer == 1
  }

  public nonisolated(nonsending) func revoke(
    _ revocations: [RevocationInForce], at now: StoredTime
  ) async throws(StateStoreError) {
    var words: [RedisWord] = [RedisWord(now), key("revoked")]
    for entry in revocations {
      words += [RedisWord(entry.redisField), RedisWord(entry.until), RedisWord(entry.redisMoment)]
      if case .session(let id) = entry.revocation { words.append(key("session:", id)) } else { words.append("") }
    }
    _ = try await run(RedisScripts.revoke, keys: [key("revocations"), key("revocations:expiries")], words)
  }

  public nonisolated(nonsending) func revocations(
    at now: StoredTime
  ) async throws(StateStoreError) -> [RevocationInForce] {
    var found: [RevocationInForce] = []
    var cursor = RedisWord("0")
    repeat {
      let reply = try await commands.send(["HSCAN", key("revocations"), cursor, "COUNT", "1000"])
      guard let parts = reply.elements, parts.count == 2, let next = parts[0].bytes, let page = parts[1].elements else {
        throw .damaged
      }
      for index in stride(from: 0, to: page.count - 1, by: 2) {
        guard let field = page[index].bytes, let value = page[index + 1].bytes,
          let entry = RevocationInForce(redisField: field, value: value)
        else { throw .damaged }
        if entry.until >= now { found.append(entry) }
      }
      cursor = RedisWord(next)
    } while cursor.bytes != Array("0".utf8)
    return Array(Set(found))
  }

  public func takeRevocationsAtStart() -> [RevocationInForce]? { nil }

  /// At each connect all are read, after the subscription stands: what comes meanwhile is heard twice, and nothing is
  /// missed.
  public func followRevocations(
    at now: @escaping @Sendable () -> StoredTime, _ heard: @escaping @Sendable (RevocationNews) -> Void
  ) {
    listen { [weak self] event in
      guard let self else { return }
      switch event {
      case .lost(let error): heard(.unheard(error))
      case .message(let message):
        if let entry = RevocationInForce(redisMessage: message) { heard(.added([entry])) } else { readAll(now, heard) }
      case .subscribed: readAll(now, heard)
      }
    }
  }

  private func readAll(
    _ now: @escaping @Sendable () -> StoredTime, _ heard: @escaping @Sendable (RevocationNews) -> Void
  ) {
    Task(executorPreference: loop) { [weak self, loop] in
      while !loop.isStopping {
        do throws(StateStoreError) {
          guard let all = try await self?.revocations(at: now()) else { return }
          return heard(.inForce(all))
        } catch {
          heard(.unheard(error))
        }
        await loop.sleep(for: Self.readingPause)
      }
    }
  }
}
