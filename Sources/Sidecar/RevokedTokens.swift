import Gate
import JOSE
import Login
import StateStore

extension Revocations {
  /// The store's revocations as the Gate looks them up.
  static func of(_ entries: [RevocationInForce]) -> Revocations {
    none.changed { draft in for entry in entries { draft.insert(entry) } }
  }

  /// With what was heard since.
  func changed(by change: RevocationChange) -> Revocations {
    let base = change.isWhole ? Revocations.none : self
    return base.changed { draft in
      for entry in change.inForce { draft.insert(entry) }
      for revocation in change.expired { draft.remove(revocation) }
    }
  }
}

extension Revocations.Draft {
  fileprivate mutating func insert(_ entry: RevocationInForce) {
    switch entry.revocation {
    case .session(let id): insert(session: id)
    case .token(let issuer, let tokenID): insert(tokenID: Revocations.Key(issuer: issuer, value: tokenID))
    case .digest(let bytes): if let digest = TokenDigest(bytes: bytes) { insert(digest: digest) }
    case .identity(let issuer, let subject, let moment):
      set(
        Revocations.Subject(issuedUntil: UnixTime(endOf: moment), expiredBy: UnixTime(endOf: entry.until)),
        of: Revocations.Key(issuer: issuer, value: subject))
    }
  }

  fileprivate mutating func remove(_ revocation: Revocation) {
    switch revocation {
    case .session(let id): remove(session: id)
    case .token(let issuer, let tokenID): remove(tokenID: Revocations.Key(issuer: issuer, value: tokenID))
    case .digest(let bytes): if let digest = TokenDigest(bytes: bytes) { remove(digest: digest) }
    case .identity(let issuer, let subject, _): set(nil, of: Revocations.Key(issuer: issuer, value: subject))
    }
  }
}

extension UnixTime {
  /// The last moment of that second: `iat` may have a fraction.
  fileprivate init(endOf second: StoredTime) {
    self.init(microseconds: (UnixTime(seconds: second.seconds) + .seconds(1)).microseconds - 1)
  }
}
