import StateStore
import Synchronization

/// A store in front of another one: notes what is asked and fails where it is told to.
final class StateStoreDouble: StateStore {
  private let store: any StateStore
  private let notes = Mutex<[String]>([])
  private let failing: Set<String>
  /// What a follower of revocations hears, instead of what the store says.
  private let news: [RevocationNews]?

  init(_ store: any StateStore, failing: Set<String> = [], news: [RevocationNews]? = nil) {
    self.store = store
    self.failing = failing
    self.news = news
  }

  static let allOperations: Set<String> = [
    "claimLink", "confirmLink", "link", "isUsed", "markUsed", "session", "signingKeys", "storeSigningKey",
  ]

  var asked: [String] { notes.withLock { $0 } }

  func note(_ operation: String) { notes.withLock { $0.append(operation) } }

  private func enter(_ operation: String) throws(StateStoreError) {
    note(operation)
    if failing.contains(operation) { throw .timedOut }
  }

  nonisolated(nonsending) func claimLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkClaim {
    try enter("claimLink")
    return try await store.claimLink(link)
  }

  nonisolated(nonsending) func confirmLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkConfirmation {
    try enter("confirmLink")
    return try await store.confirmLink(link)
  }

  nonisolated(nonsending) func link(for identifier: String) async throws(StateStoreError) -> LinkLookup {
    try enter("link")
    return try await store.link(for: identifier)
  }

  nonisolated(nonsending) func link(of issuer: String, subject: String) async throws(StateStoreError) -> IdentityLink? {
    try enter("linkOf")
    return try await store.link(of: issuer, subject: subject)
  }

  nonisolated(nonsending) func removeLink(
    for identifier: String, at now: StoredTime, revokingUntil expiration: StoredTime
  ) async throws(StateStoreError) -> IdentityLink? {
    try await store.removeLink(for: identifier, at: now, revokingUntil: expiration)
  }

  nonisolated(nonsending) func isUsed(_ digest: PasskeyDataDigest) async throws(StateStoreError) -> Bool {
    try enter("isUsed")
    return try await store.isUsed(digest)
  }

  nonisolated(nonsending) func markUsed(
    _ digest: PasskeyDataDigest, until expiration: StoredTime, starting session: Session, at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    try enter("markUsed")
    return try await store.markUsed(digest, until: expiration, starting: session, at: now)
  }

  nonisolated(nonsending) func session(_ id: String, at now: StoredTime) async throws(StateStoreError) -> Session? {
    try enter("session")
    return try await store.session(id, at: now)
  }

  nonisolated(nonsending) func rotateRefresh(
    of sessionID: String, from current: [UInt8], to next: [UInt8], at now: StoredTime
  ) async throws(StateStoreError) -> Bool {
    try enter("rotateRefresh")
    return try await store.rotateRefresh(of: sessionID, from: current, to: next, at: now)
  }

  nonisolated(nonsending) func revoke(
    _ revocations: [RevocationInForce], at now: StoredTime
  ) async throws(StateStoreError) {
    try enter("revoke")
    try await store.revoke(revocations, at: now)
  }

  nonisolated(nonsending) func revocations(
    at now: StoredTime
  ) async throws(StateStoreError) -> [RevocationInForce] {
    try await store.revocations(at: now)
  }

  func takeRevocationsAtStart() -> [RevocationInForce]? { store.takeRevocationsAtStart() }

  func followRevocations(
    at now: @escaping @Sendable () -> StoredTime, _ heard: @escaping @Sendable (RevocationNews) -> Void
  ) {
    if let news { for item in news { heard(item) } } else { store.followRevocations(at: now, heard) }
  }

  nonisolated(nonsending) func links(from cursor: String?) async throws(StateStoreError) -> (
    links: [IdentityLink], next: String?
  ) {
    try await store.links(from: cursor)
  }

  nonisolated(nonsending) func signingKeys() async throws(StateStoreError) -> [StoredSigningKey] {
    try enter("signingKeys")
    return try await store.signingKeys()
  }

  nonisolated(nonsending) func storeSigningKey(
    _ key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey {
    try enter("storeSigningKey")
    return try await store.storeSigningKey(key)
  }

  nonisolated(nonsending) func replaceSigningKey(
    _ keyID: String, with key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey {
    try enter("replaceSigningKey")
    return try await store.replaceSigningKey(keyID, with: key)
  }

  nonisolated(nonsending) func removeSigningKeys(_ keyIDs: [String]) async throws(StateStoreError) {
    try enter("removeSigningKeys")
    try await store.removeSigningKeys(keyIDs)
  }
}
