internal import CSQLite

/// A value that goes into a statement.
enum SQLiteValue {
  case integer(Int64)
  case text(String)
  case blob([UInt8])
}

/// Owns one connection. One thread at a time may use it: the library is opened without locks of its own.
@safe struct SQLiteDatabase: ~Copyable {
  private let connection: OpaquePointer

  /// Opens an existing file for reading and writing.
  init(path: String) throws(StateStoreError) {
    var opened: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE
    let code = unsafe sqlite3_open_v2(path, &opened, flags, nil)
    guard code == SQLITE_OK, let handle = unsafe opened else {
      // The library may hand out a handle together with a failure.
      unsafe sqlite3_close_v2(opened)
      throw .init(code)
    }
    unsafe connection = handle
  }

  // A statement that is still open keeps the connection until it is finalised.
  deinit { unsafe sqlite3_close_v2(connection) }

  /// How long a statement waits for another process to let go of its lock.
  func waitForLocks(atMost limit: Duration) {
    let milliseconds = limit.components.seconds * 1000 + limit.components.attoseconds / 1_000_000_000_000_000
    _ = unsafe sqlite3_busy_timeout(connection, CInt(clamping: max(milliseconds, 1)))
  }

  /// Runs statements that give no rows.
  func execute(_ statements: String) throws(StateStoreError) {
    try check(unsafe sqlite3_exec(connection, statements, nil, nil, nil))
  }

  /// Runs one statement to its end. Returns how many rows it inserted, changed or deleted.
  @discardableResult
  func run(_ statement: String, _ values: SQLiteValue...) throws(StateStoreError) -> Int {
    let prepared = try prepare(statement, values)
    while try prepared.step() {}
    return Int(unsafe sqlite3_changes64(connection))
  }

  /// The rows of a query, each made into a value.
  func rows<Value>(
    _ query: String, _ values: SQLiteValue..., as value: (borrowing SQLiteStatement) throws(StateStoreError) -> Value
  ) throws(StateStoreError) -> [Value] {
    let prepared = try prepare(query, values)
    var found: [Value] = []
    while try prepared.step() { found.append(try value(prepared)) }
    return found
  }

  /// All or nothing; the write lock is taken at once, so what was read stays true until the end.
  func transaction<Value>(_ body: () throws(StateStoreError) -> Value) throws(StateStoreError) -> Value {
    try execute("BEGIN IMMEDIATE")
    do throws(StateStoreError) {
      let value = try body()
      try execute("COMMIT")
      return value
    } catch {
      // Some failures have rolled back already, then this one fails and changes nothing.
      try? execute("ROLLBACK")
      throw error
    }
  }

  private func prepare(_ statement: String, _ values: [SQLiteValue]) throws(StateStoreError) -> SQLiteStatement {
    var prepared: OpaquePointer?
    try check(unsafe sqlite3_prepare_v2(connection, statement, -1, &prepared, nil))
    guard let handle = unsafe prepared else { throw .failed(code: Int(SQLITE_MISUSE)) }
    let result = unsafe SQLiteStatement(owning: handle)
    for (index, value) in values.enumerated() { try result.bind(value, at: CInt(index + 1)) }
    return result
  }

  private func check(_ code: CInt) throws(StateStoreError) {
    guard code == SQLITE_OK else { throw .init(code) }
  }
}

/// Owns one prepared statement.
@safe struct SQLiteStatement: ~Copyable {
  private let handle: OpaquePointer

  fileprivate init(owning handle: OpaquePointer) { unsafe self.handle = unsafe handle }

  deinit { unsafe sqlite3_finalize(handle) }

  fileprivate func bind(_ value: SQLiteValue, at index: CInt) throws(StateStoreError) {
    // SQLITE_TRANSIENT: the library keeps a copy.
    let copying = unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    let code =
      switch value {
      case .integer(let integer):
        unsafe sqlite3_bind_int64(handle, index, integer)
      case .text(let text):
        unsafe sqlite3_bind_text(handle, index, text, CInt(clamping: text.utf8.count), copying)
      case .blob(let bytes):
        unsafe bytes.withUnsafeBytes { content in
          unsafe sqlite3_bind_blob64(handle, index, content.baseAddress, UInt64(content.count), copying)
        }
      }
    guard code == SQLITE_OK else { throw .init(code) }
  }

  /// True for a row, false at the end.
  fileprivate func step() throws(StateStoreError) -> Bool {
    switch unsafe sqlite3_step(handle) {
    case SQLITE_ROW: true
    case SQLITE_DONE: false
    case let code: throw .init(code)
    }
  }

  func integer(_ column: CInt) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

  /// The bytes of a text or a blob.
  func bytes(_ column: CInt) -> [UInt8] {
    guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
    return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
  }

  func text(_ column: CInt) -> String { String(decoding: bytes(column), as: UTF8.self) }
}

extension StateStoreError {
  fileprivate init(_ code: CInt) {
    self =
      switch code & 0xFF {
      case SQLITE_BUSY, SQLITE_LOCKED: .locked
      case SQLITE_FULL: .diskFull
      case SQLITE_READONLY, SQLITE_PERM: .readOnly
      case SQLITE_CORRUPT, SQLITE_NOTADB: .damaged
      case SQLITE_IOERR, SQLITE_CANTOPEN: .inputOutput(code: Int(code))
      default: .failed(code: Int(code))
      }
  }
}
