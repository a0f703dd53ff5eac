internal import Glibc

/// The file that holds signing keys: of its owner alone. SQLite gives its companions (-wal, -shm) the same mode.
enum SQLiteFile {
  /// Creates the file with mode 0600, or takes group's and others' access from the one that is there.
  ///
  /// An existing file is never opened here: closing it would drop the locks that SQLite holds for this process.
  static func prepare(path: String) throws(StateStoreError) {
    let created = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    if created >= 0 {
      close(created)
      return
    }
    guard errno == EEXIST else { throw failure(path) }
    var attributes = stat()
    guard unsafe stat(path, &attributes) == 0 else { throw failure(path) }
    guard attributes.st_mode & S_IFMT == S_IFREG else { throw .cannotOpen(path: path, reason: "not a regular file") }
    if attributes.st_mode & 0o077 != 0 {
      guard unsafe chmod(path, 0o600) == 0 else {
        throw .cannotOpen(path: path, reason: "others can read it, and its mode cannot be changed to 0600")
      }
    }
  }

  private static func failure(_ path: String) -> StateStoreError {
    let code = errno
    return .cannotOpen(path: path, reason: unsafe strerror(code).map { unsafe String(cString: $0) } ?? "errno \(code)")
  }
}
