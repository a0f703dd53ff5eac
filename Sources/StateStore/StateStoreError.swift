/// Why the store has no answer. Whatever it is, a login must not go on.
public enum StateStoreError: Error, Equatable, Sendable {
  // While running.
  /// No answer within the bound; the operation may still take effect.
  case timedOut
  /// Too many operations wait already.
  case overloaded
  /// Another process holds the lock for longer than the bound.
  case locked
  case diskFull
  case readOnly
  /// The library's extended result code.
  case inputOutput(code: Int)
  case damaged
  /// Anything else, with the library's extended result code.
  case failed(code: Int)

  // Of a server.
  /// No connection; the text says why.
  case unreachable(String)
  /// It answers with an error of this kind.
  case refused(String)
  /// Generated signing keys are kept in the embedded store only.
  case keysNotKept

  // When it is opened.
  case cannotOpen(path: String, reason: String)
  /// A file, but not a state file of this product.
  case foreignFile(path: String)
  /// Damage found by the check at start; `detail` is the library's finding.
  case damagedFile(path: String, detail: String)
  /// Written by a newer release.
  case newerSchema(path: String, found: Int, supported: Int)
}

extension StateStoreError: CustomStringConvertible {
  /// For people, in logs and at start.
  public var description: String {
    switch self {
    case .timedOut: "no answer in time"
    case .overloaded: "too many operations wait"
    case .locked: "locked by another process"
    case .diskFull: "the disk is full"
    case .readOnly: "the file, its folder or its file system is read-only"
    case .inputOutput(let code): "reading or writing failed (SQLite \(code))"
    case .damaged: "the file is damaged"
    case .failed(let code): "SQLite \(code)"
    case .unreachable(let reason): "not reachable: \(reason)"
    case .refused(let code): "the server refuses: \(code.isEmpty ? "unnamed error" : code)"
    case .keysNotKept: "generated signing keys are not kept there"
    case .cannotOpen(let path, let reason): "\(path) cannot be opened: \(reason)"
    case .foreignFile(let path): "\(path) is no state file of passkey-sidecar; it is left untouched"
    case .damagedFile(let path, let detail):
      "\(path) is damaged (\(detail)); restore a copy, or move it away to begin anew: then links, used passkey data "
        + "and generated signing keys are lost, and everybody has to sign in conventionally and add a passkey again"
    case .newerSchema(let path, let found, let supported):
      "\(path) was written by a newer release (schema \(found), this release knows up to \(supported))"
    }
  }
}
