import Gate
import JOSE
import StateStore

extension Revocations {
  /// The store's revocations as the Gate looks them up.
  convenience init(_ entries: [RevocationInForce]) {
    var sessions: Set<String> = []
    var tokenIDs: Set<Key> = []
    var digests: Set<TokenDigest> = []
    var subjects: [Key: UnixTime] = [:]
    for entry in entries {
      switch entry.revocation {
      case .session(let id): sessions.insert(id)
      case .token(let issuer, let tokenID): tokenIDs.insert(Key(issuer: issuer, value: tokenID))
      case .digest(let bytes):
        if let digest = TokenDigest(bytes: bytes) { digests.insert(digest) }
      case .identity(let issuer, let subject, let moment):
        let key = Key(issuer: issuer, value: subject)
        subjects[key] = max(subjects[key] ?? UnixTime(microseconds: .min), UnixTime(endOf: moment))
      }
    }
    self.init(sessions: sessions, tokenIDs: tokenIDs, digests: digests, subjects: subjects)
  }
}

extension UnixTime {
  /// The last moment of that second: `iat` may have a fraction.
  fileprivate init(endOf second: StoredTime) {
    self.init(microseconds: (UnixTime(seconds: second.seconds) + .seconds(1)).microseconds - 1)
  }
}
