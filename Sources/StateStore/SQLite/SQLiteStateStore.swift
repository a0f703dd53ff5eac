internal import Synchronization
public import Transport

/// The state in one SQLite file: WAL, a commit is on the disk before it is answered.
///
/// Processes on one host may share the file.
public final class SQLiteStateStore: StateStore {
  let operations: BoundedOperations
  let loop: LoopExecutor
  let atStart: Mutex<[RevocationInForce]?>

  /// Opens the file or creates it with mode 0600, checks it for damage and brings its tables up to date. Blocks: at
  /// start, before there is traffic.
  ///
  /// - Parameters:
  ///   - loop: watches over ``operationBound``; operations that hang are answered only while it runs.
  public convenience init(path: String, deadlinesOn loop: LoopExecutor) throws(StateStoreError) {
    try self.init(path: path, deadlinesOn: loop, bound: Self.operationBound)
  }

  /// Of each operation, waiting included. Above: ``StateStoreError/timedOut`` or ``StateStoreError/locked``.
  public static let operationBound = Duration.seconds(2)
  /// Operations that may wait. Above: ``StateStoreError/overloaded``.
  public static let waitingCount = 1024

  init(path: String, deadlinesOn loop: LoopExecutor, bound: Duration) throws(StateStoreError) {
    // Not `:memory:`, not `file:…?mode=memory`: names without a slash may mean something else to the library.
    let file = path.hasPrefix("/") ? path : "./" + path
    try SQLiteFile.prepare(path: file)
    do throws(StateStoreError) {
      let database = try SQLiteDatabase(path: file)
      database.waitForLocks(atMost: .seconds(10))
      try SQLiteSchema.recognise(database, path: path)
      try SQLiteSchema.prepare(database, path: path)
      // Those that have run out are recognised later, by whoever has a clock.
      atStart = Mutex(try database.revocations(at: StoredTime(seconds: 0), after: -1).entries)
      self.loop = loop
      operations = try Self.operations(on: database, bound: bound, loop: loop, path: path)
    } catch {
      switch error {
      case .cannotOpen, .foreignFile, .damagedFile, .newerSchema: throw error
      case .damaged: throw .damagedFile(path: path, detail: "not a database, or its first pages are broken")
      default: throw .cannotOpen(path: path, reason: error.description)
      }
    }
  }

  private static func operations(
    on database: consuming sending SQLiteDatabase, bound: Duration, loop: LoopExecutor, path: String
  ) throws(StateStoreError) -> BoundedOperations {
    do throws(Errno) {
      return try BoundedOperations(on: database, bound: bound, waitingCount: waitingCount, deadlinesOn: loop)
    } catch {
      throw .cannotOpen(path: path, reason: error.description)
    }
  }

  // MARK: Identity links

  public nonisolated(nonsending) func claimLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkClaim {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        let created = try database.run(
          """
          INSERT INTO identity_links (identifier, issuer, subject, claims, created_at, confirmed_at)
          VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT DO NOTHING
          """,
          .text(link.identifier), .text(link.issuer), .text(link.subject), .blob(link.claims),
          .integer(link.confirmedAt.seconds))
        if created == 1 { return .created }
        return try database.confirm(link) ? .confirmed : .takenByOther
      }
    }
  }

  public nonisolated(nonsending) func confirmLink(
    _ link: IdentityLink
  ) async throws(StateStoreError) -> LinkConfirmation {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        if try database.confirm(link) { return .confirmed }
        return try database.link(for: link.identifier) == nil ? .absent : .takenByOther
      }
    }
  }

  public nonisolated(nonsending) func link(for identifier: String) async throws(StateStoreError) -> LinkLookup {
    try await operations.perform { database throws(StateStoreError) in
      if let link = try database.link(for: identifier) { return .linked(link) }
      let removed = try database.rows(
        "SELECT 1 FROM removed_links WHERE identifier = ? LIMIT 1", .text(identifier)) { row in row.integer(0) }
      return removed.isEmpty ? .absent : .removed
    }
  }

  public nonisolated(nonsending) func link(
    of issuer: String, subject: String
  ) async throws(StateStoreError) -> IdentityLink? {
    try await operations.perform { database throws(StateStoreError) in
      let identifiers = try database.rows(
        "SELECT identifier FROM identity_links WHERE issuer = ? AND subject = ? ORDER BY created_at, identifier LIMIT 1",
        .text(issuer), .text(subject)
      ) { row in row.text(0) }
      guard let identifier = identifiers.first else { return nil }
      return try database.link(for: identifier)
    }
  }

  public nonisolated(nonsending) func links(from cursor: String?) async throws(StateStoreError) -> (
    links: [IdentityLink], next: String?
  ) {
    let count = 200
    let found = try await operations.perform { database throws(StateStoreError) in
      try database.rows(
        """
        SELECT identifier, issuer, subject, claims, confirmed_at FROM identity_links
        WHERE ?1 = 0 OR identifier > ?2 ORDER BY identifier LIMIT ?3
        """, .integer(cursor == nil ? 0 : 1), .text(cursor ?? ""), .integer(Int64(count))
      ) { row in
        IdentityLink(
          identifier: row.text(0), issuer: row.text(1), subject: row.text(2), claims: row.bytes(3),
          confirmedAt: StoredTime(seconds: row.integer(4)))
      }
    }
    return (found, found.count < count ? nil : found.last?.identifier)
  }

  public nonisolated(nonsending) func removeLink(
    for identifier: String, at now: StoredTime, revokingUntil expiration: StoredTime
  ) async throws(StateStoreError) -> IdentityLink? {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        guard let link = try database.link(for: identifier) else { return nil }
        try database.run("DELETE FROM identity_links WHERE identifier = ?", .text(identifier))
        try database.run(
          "INSERT OR IGNORE INTO removed_links (identifier, issuer, subject, removed_at) VALUES (?, ?, ?, ?)",
          .text(identifier), .text(link.issuer), .text(link.subject), .integer(now.seconds))
        try database.revoke(
          [
            RevocationInForce(
              .identity(issuer: link.issuer, subject: link.subject, issuedUntil: now), until: expiration)
          ])
        return link
      }
    }
  }

  // MARK: Passkey data and sessions

  public nonisolated(nonsending) func isUsed(_ digest: PasskeyDataDigest) async throws(StateStoreError) -> Bool {
    try await operations.perform { database throws(StateStoreError) in
      try !database.rows("SELECT 1 FROM used_passkey_data WHERE digest = ?", .blob(digest.bytes)) { row in
        row.integer(0)
      }.isEmpty
    }
  }

  public nonisolated(nonsending) func markUsed(
    _ digest: PasskeyDataDigest, until expiration: StoredTime, starting session: Session, at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        try database.run("DELETE FROM used_passkey_data WHERE expires_at < ?", .integer(now.seconds))
        try database.run("DELETE FROM sessions WHERE expires_at < ?", .integer(now.seconds))
        let isNew = try database.run(
          "INSERT INTO used_passkey_data (digest, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
          .blob(digest.bytes), .integer(expiration.seconds)) == 1
        guard isNew else { return false }
        try database.run(
          """
          INSERT INTO sessions
            (id, issuer, subject, identifier, started_at, expires_at, refresh_family, refresh_current)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """,
          .text(session.id), .text(session.issuer), .text(session.subject), .text(session.identifier),
          .integer(session.startedAt.seconds), .integer(session.expiresAt.seconds),
          .blob(session.refresh?.family ?? []), .blob(session.refresh?.current ?? []))
        return true
      }
    }
  }

  // MARK: Signing keys

  public nonisolated(nonsending) func signingKeys() async throws(StateStoreError) -> [StoredSigningKey] {
    try await operations.perform { database throws(StateStoreError) in try database.signingKeys() }
  }

  public nonisolated(nonsending) func storeSigningKey(
    _ key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        let keys = try database.signingKeys()
        if let active = keys.first(where: { $0.algorithm == key.algorithm && $0.state == .active }) { return active }
        return try database.insert(key)
      }
    }
  }

  public nonisolated(nonsending) func replaceSigningKey(
    _ keyID: String, with key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        let active = try database.signingKeys().first { $0.algorithm == key.algorithm && $0.state == .active }
        if let active, active.keyID != keyID { return active }
        try database.run("UPDATE signing_keys SET state = 'retired' WHERE key_id = ?", .text(keyID))
        return try database.insert(key)
      }
    }
  }

  public nonisolated(nonsending) func removeSigningKeys(_ keyIDs: [String]) async throws(StateStoreError) {
    try await operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        for keyID in keyIDs {
          try database.run("DELETE FROM signing_keys WHERE key_id = ? AND state = 'retired'", .text(keyID))
        }
      }
    }
  }
}

extension SQLiteDatabase {
  /// Renews the link if it is this (issuer, subject)'s. False if it is not, or not there.
  fileprivate func confirm(_ link: IdentityLink) throws(StateStoreError) -> Bool {
    try run(
      """
      UPDATE identity_links SET claims = ?4, confirmed_at = max(confirmed_at, ?5)
      WHERE identifier = ?1 AND issuer = ?2 AND subject = ?3
      """,
      .text(link.identifier), .text(link.issuer), .text(link.subject), .blob(link.claims),
      .integer(link.confirmedAt.seconds)) == 1
  }

  fileprivate func link(for identifier: String) throws(StateStoreError) -> IdentityLink? {
    try rows(
      "SELECT issuer, subject, claims, confirmed_at FROM identity_links WHERE identifier = ?", .text(identifier)
    ) { row in
      IdentityLink(
        identifier: identifier, issuer: row.text(0), subject: row.text(1), claims: row.bytes(2),
        confirmedAt: StoredTime(seconds: row.integer(3)))
    }.first
  }

  /// As the active one.
  fileprivate func insert(_ key: StoredSigningKey) throws(StateStoreError) -> StoredSigningKey {
    try run(
      "INSERT INTO signing_keys (key_id, algorithm, pem, created_at, state) VALUES (?, ?, ?, ?, 'active')",
      .text(key.keyID), .text(key.algorithm), .blob(key.pem), .integer(key.createdAt.seconds))
    var stored = key
    stored.state = .active
    return stored
  }

  fileprivate func signingKeys() throws(StateStoreError) -> [StoredSigningKey] {
    try rows("SELECT key_id, algorithm, pem, created_at, state FROM signing_keys ORDER BY created_at, key_id") {
      row throws(StateStoreError) in
      guard let state = StoredSigningKey.State(rawValue: row.text(4)) else { throw .damaged }
      return StoredSigningKey(
        keyID: row.text(0), algorithm: row.text(1), pem: row.bytes(2),
        createdAt: StoredTime(seconds: row.integer(3)), state: state)
    }
  }
}
