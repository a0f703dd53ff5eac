/// The tables, and the way from each earlier form of them to the present one.
enum SQLiteSchema {
  /// In the file's header: "PKSC".
  static let applicationID: Int64 = 0x504B_5343

  /// Number n brings a file from version n to n + 1. Published ones are never edited.
  static let migrations: [String] = [
    """
    CREATE TABLE identity_links (
      identifier   TEXT PRIMARY KEY,
      issuer       TEXT NOT NULL,
      subject      TEXT NOT NULL,
      claims       BLOB NOT NULL,
      created_at   INTEGER NOT NULL,
      confirmed_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE removed_links (
      identifier TEXT NOT NULL,
      issuer     TEXT NOT NULL,
      subject    TEXT NOT NULL,
      removed_at INTEGER NOT NULL,
      PRIMARY KEY (identifier, removed_at, issuer, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE used_passkey_data (
      digest     BLOB PRIMARY KEY,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX used_passkey_data_by_expiry ON used_passkey_data (expires_at);
    CREATE TABLE sessions (
      id         TEXT PRIMARY KEY,
      issuer     TEXT NOT NULL,
      subject    TEXT NOT NULL,
      identifier TEXT NOT NULL,
      started_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX sessions_by_expiry ON sessions (expires_at);
    CREATE TABLE revocations (
      kind         TEXT NOT NULL CHECK (kind IN ('session', 'identity', 'token', 'digest')),
      issuer       TEXT NOT NULL,
      value        BLOB NOT NULL,
      issued_until INTEGER NOT NULL,
      expires_at   INTEGER NOT NULL,
      PRIMARY KEY (kind, issuer, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX revocations_by_expiry ON revocations (expires_at);
    CREATE TABLE signing_keys (
      key_id     TEXT PRIMARY KEY,
      algorithm  TEXT NOT NULL,
      pem        BLOB NOT NULL,
      created_at INTEGER NOT NULL,
      state      TEXT NOT NULL CHECK (state IN ('active', 'retired'))
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX one_active_signing_key ON signing_keys (algorithm) WHERE state = 'active';
    """,
    "CREATE INDEX identity_links_by_identity ON identity_links (issuer, subject, created_at);",
    // Other processes find what is new by a number that never goes back, whatever has been forgotten meanwhile.
    """
    CREATE TABLE revocation_counter (
      id    INTEGER PRIMARY KEY CHECK (id = 1),
      value INTEGER NOT NULL
    ) STRICT;
    INSERT INTO revocation_counter VALUES (1, 0);
    ALTER TABLE revocations ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX revocations_by_sequence ON revocations (sequence);
    ALTER TABLE sessions ADD COLUMN refresh_family BLOB;
    ALTER TABLE sessions ADD COLUMN refresh_current BLOB;
    CREATE INDEX sessions_by_identity ON sessions (issuer, subject);
    """,
    // The library's quick_check takes columns for missing that stand in another order than in such a table's key.
    """
    CREATE TABLE links_removed (
      identifier TEXT NOT NULL,
      removed_at INTEGER NOT NULL,
      issuer     TEXT NOT NULL,
      subject    TEXT NOT NULL,
      PRIMARY KEY (identifier, removed_at, issuer, subject)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO links_removed SELECT identifier, removed_at, issuer, subject FROM removed_links;
    DROP TABLE removed_links;
    ALTER TABLE links_removed RENAME TO removed_links;
    """,
  ]

  static func prepare(_ database: borrowing SQLiteDatabase, path: String) throws(StateStoreError) {
    // WAL survives kill -9, FULL survives power loss: a commit is on the disk before it is answered.
    let mode = try database.rows("PRAGMA journal_mode = WAL") { row in row.text(0) }
    guard mode == ["wal"] else { throw .cannotOpen(path: path, reason: "its file system does not allow WAL") }
    try database.execute(
      "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA cache_size = -512")
    let findings = try database.rows("PRAGMA quick_check(1)") { row in row.text(0) }
    guard findings == ["ok"] else { throw .damagedFile(path: path, detail: findings.first ?? "no finding") }
    // Inside the transaction, because another process may be starting as well.
    try database.transaction { () throws(StateStoreError) in
      let version = try database.integer("PRAGMA user_version")
      guard version <= Int64(migrations.count) else {
        throw .newerSchema(path: path, found: Int(version), supported: migrations.count)
      }
      for migration in migrations[Int(max(version, 0))...] { try database.execute(migration) }
      try database.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(migrations.count)")
    }
  }

  /// Before anything is written: a file of ours, or an empty one.
  static func recognise(_ database: borrowing SQLiteDatabase, path: String) throws(StateStoreError) {
    guard try database.integer("PRAGMA application_id") != applicationID else { return }
    guard try database.integer("SELECT count(*) FROM sqlite_schema") == 0 else { throw .foreignFile(path: path) }
  }
}

extension SQLiteDatabase {
  fileprivate func integer(_ query: String) throws(StateStoreError) -> Int64 {
    try rows(query) { row in row.integer(0) }.first ?? 0
  }
}
