internal import Synchronization
internal import Transport

/// Sessions and their end.
extension SQLiteStateStore {
  /// Between two looks for what other processes have revoked.
  static let followingPause = Duration.milliseconds(250)

  public nonisolated(nonsending) func session(
    _ id: String, at now: StoredTime
  ) async throws(StateStoreError) -> Session? {
    try await operations.perform { database throws(StateStoreError) in
      // A session that began while its identity was being revoked was stored after that, and is void all the same.
      try database.rows(
        """
        SELECT issuer, subject, identifier, started_at, expires_at, refresh_family, refresh_current FROM sessions
        WHERE id = ? AND expires_at >= ? AND NOT EXISTS (
          SELECT 1 FROM revocations WHERE kind = 'identity' AND revocations.issuer = sessions.issuer
          AND value = CAST(subject AS BLOB) AND issued_until >= started_at)
        """,
        .text(id), .integer(now.seconds)
      ) { row in
        let (family, current) = (row.bytes(5), row.bytes(6))
        return Session(
          id: id, issuer: row.text(0), subject: row.text(1), identifier: row.text(2),
          startedAt: StoredTime(seconds: row.integer(3)), expiresAt: StoredTime(seconds: row.integer(4)),
          refresh: family.isEmpty ? nil : RefreshDigests(family: family, current: current))
      }.first
    }
  }

  public nonisolated(nonsending) func rotateRefresh(
    of sessionID: String, from current: [UInt8], to next: [UInt8], at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        try database.run(
          "UPDATE sessions SET refresh_current = ? WHERE id = ? AND refresh_current = ? AND expires_at >= ?",
          .blob(next), .text(sessionID), .blob(current), .integer(now.seconds)) == 1
      }
    }
  }

  public nonisolated(nonsending) func revoke(
    _ revocations: [RevocationInForce], at now: StoredTime
  ) async throws(StateStoreError) {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        try database.run("DELETE FROM revocations WHERE expires_at < ?", .integer(now.seconds))
        try database.revoke(revocations)
      }
    }
  }

  public nonisolated(nonsending) func revocations(
    at now: StoredTime
  ) async throws(StateStoreError) -> [RevocationInForce] {
    try await operations.perform { database throws(StateStoreError) in
      try database.revocations(at: now, after: -1).entries
    }
  }

  public func takeRevocationsAtStart() -> [RevocationInForce]? { atStart.withLock { $0.take() } }

  public func followRevocations(
    at now: @escaping @Sendable () -> StoredTime, _ heard: @escaping @Sendable (RevocationNews) -> Void
  ) {
    Task(executorPreference: loop) { [weak self, loop] in
      var mark: Int64 = -1
      var version: Int64 = -1
      while !loop.isStopping {
        let known = (mark, version)
        do throws(StateStoreError) {
          guard let changes = try await self?.changes(at: now(), after: known.0, version: known.1) else { return }
          (mark, version) = (changes.mark, changes.version)
          heard(.inForce(changes.entries))
        } catch {
          heard(.unheard(error))
        }
        await loop.sleep(for: Self.followingPause)
      }
    }
  }

  /// What is new since the last look. `PRAGMA data_version` costs no reading of the file and says whether another
  /// connection has written anything.
  private nonisolated(nonsending) func changes(
    at now: StoredTime, after mark: Int64, version: Int64
  ) async throws(StateStoreError) -> (entries: [RevocationInForce], mark: Int64, version: Int64) {
    try await operations.perform { database throws(StateStoreError) in
      let current = try database.rows("PRAGMA data_version") { row in row.integer(0) }.first ?? 0
      if current == version { return ([], mark, version) }
      let found = try database.revocations(at: now, after: mark)
      return (found.entries, max(mark, found.mark), current)
    }
  }
}

extension SQLiteDatabase {
  /// Those in force with a number beyond `mark`, and the last number given out.
  func revocations(
    at now: StoredTime, after mark: Int64
  ) throws(StateStoreError) -> (entries: [RevocationInForce], mark: Int64) {
    // First the number: what is added meanwhile is then found once more, and never missed.
    let last = try rows("SELECT value FROM revocation_counter") { row in row.integer(0) }.first ?? 0
    let entries = try rows(
      "SELECT kind, issuer, value, issued_until, expires_at FROM revocations WHERE sequence > ? AND expires_at >= ?",
      .integer(mark), .integer(now.seconds)
    ) { row throws(StateStoreError) in
      let revocation: Revocation =
        switch row.text(0) {
        case "session": .session(id: row.text(2))
        case "identity":
          .identity(issuer: row.text(1), subject: row.text(2), issuedUntil: StoredTime(seconds: row.integer(3)))
        case "token": .token(issuer: row.text(1), tokenID: row.text(2))
        case "digest": .digest(row.bytes(2))
        // Not to be understood is not to be ignored: something else would be let through.
        default: throw .damaged
        }
      return RevocationInForce(revocation, until: StoredTime(seconds: row.integer(4)))
    }
    return (entries, last)
  }

  /// Inside of a transaction.
  func revoke(_ revocations: [RevocationInForce]) throws(StateStoreError) {
    try run("UPDATE revocation_counter SET value = value + 1")
    for entry in revocations {
      let (kind, issuer, value, issuedUntil): (String, String, [UInt8], Int64) =
        switch entry.revocation {
        case .session(let id): ("session", "", Array(id.utf8), 0)
        case .identity(let issuer, let subject, let moment):
          ("identity", issuer, Array(subject.utf8), moment.seconds)
        case .token(let issuer, let tokenID): ("token", issuer, Array(tokenID.utf8), 0)
        case .digest(let digest): ("digest", "", digest, 0)
        }
      try run(
        """
        INSERT INTO revocations (kind, issuer, value, issued_until, expires_at, sequence)
        VALUES (?, ?, ?, ?, ?, (SELECT value FROM revocation_counter))
        ON CONFLICT DO UPDATE SET issued_until = max(issued_until, excluded.issued_until),
          expires_at = max(expires_at, excluded.expires_at), sequence = excluded.sequence
        """,
        .text(kind), .text(issuer), .blob(value), .integer(issuedUntil), .integer(entry.until.seconds))
      switch entry.revocation {
      case .session(let id): try run("DELETE FROM sessions WHERE id = ?", .text(id))
      case .identity(let issuer, let subject, let moment):
        try run(
          "DELETE FROM sessions WHERE issuer = ? AND subject = ? AND started_at <= ?", .text(issuer), .text(subject),
          .integer(moment.seconds))
      case .token, .digest: break
      }
    }
  }
}
