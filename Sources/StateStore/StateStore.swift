/// What must outlive the process: identity links, passkey data used up, sessions, revocations, generated signing keys.
///
/// Slow path only. Each operation is atomic, also between processes that share the store, and ends within a bound
/// (2 s): a thrown ``StateStoreError`` means that the caller must refuse, never that it may go on without an answer.
/// After ``StateStoreError/timedOut`` the operation may still take effect; all of them can be repeated.
public protocol StateStore: Sendable {
  /// Links an identifier to an identity, or confirms the link that is there: one (issuer, subject), first come.
  /// A confirmation renews time and remembered claims; a link of somebody else is left as it is.
  nonisolated(nonsending) func claimLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkClaim

  /// As ``claimLink(_:)``, but where there is no link none is made.
  nonisolated(nonsending) func confirmLink(_ link: IdentityLink) async throws(StateStoreError) -> LinkConfirmation

  nonisolated(nonsending) func link(for identifier: String) async throws(StateStoreError) -> LinkLookup

  /// The link of an identity: of several the one that was made first.
  nonisolated(nonsending) func link(of issuer: String, subject: String) async throws(StateStoreError) -> IdentityLink?

  /// Frees an identifier: the link goes, a tombstone stays, and the identity's sessions that began up to `now` are
  /// revoked until `expiration`. Returns the link that was there.
  nonisolated(nonsending) func removeLink(
    for identifier: String, at now: StoredTime, revokingUntil expiration: StoredTime
  ) async throws(StateStoreError) -> IdentityLink?

  /// Whether the passkey data was used before; for an early answer, ``markUsed(_:until:starting:at:)`` decides.
  nonisolated(nonsending) func isUsed(_ digest: PasskeyDataDigest) async throws(StateStoreError) -> Bool

  /// Takes passkey data as used and records the session that it begins, both or neither.
  ///
  /// - Parameters:
  ///   - expiration: when the digest may be forgotten: not before the data itself has expired.
  ///   - now: what expired before it is forgotten on the way.
  /// - Returns: false if it was used before; then nothing has changed.
  nonisolated(nonsending) func markUsed(
    _ digest: PasskeyDataDigest, until expiration: StoredTime, starting session: Session, at now: StoredTime
  ) async throws(StateStoreError) -> Bool

  /// The session of that `sid`; nil once it has expired or was revoked.
  nonisolated(nonsending) func session(_ id: String, at now: StoredTime) async throws(StateStoreError) -> Session?

  /// Exchanges the digest of a session's refresh token for the next one's.
  ///
  /// - Returns: false if the session is gone or its token is not, or no longer, `current`; then nothing has changed.
  nonisolated(nonsending) func rotateRefresh(
    of sessionID: String, from current: [UInt8], to next: [UInt8], at now: StoredTime
  ) async throws(StateStoreError) -> Bool

  /// Puts revocations in force, all or none. One that is in force already is only ever extended. Sessions that they
  /// are about are gone from then on.
  nonisolated(nonsending) func revoke(
    _ revocations: [RevocationInForce], at now: StoredTime
  ) async throws(StateStoreError)

  /// All revocations in force.
  nonisolated(nonsending) func revocations(at now: StoredTime) async throws(StateStoreError) -> [RevocationInForce]

  /// What was in force when the store was opened, for those who serve from the first moment on. Nil where that is not
  /// known yet, and after the first time.
  func takeRevocationsAtStart() -> [RevocationInForce]?

  /// Tells from now on, on the control loop, what is in force and what other processes put in force, at the latest
  /// a second after they did.
  func followRevocations(
    at now: @escaping @Sendable () -> StoredTime, _ heard: @escaping @Sendable (RevocationNews) -> Void)

  /// Some of all links, in an order of the store's own.
  ///
  /// - Parameter cursor: nil to begin; then what the last answer said, until that is nil.
  nonisolated(nonsending) func links(from cursor: String?) async throws(StateStoreError) -> (
    links: [IdentityLink], next: String?
  )

  /// All generated keys, the oldest first.
  nonisolated(nonsending) func signingKeys() async throws(StateStoreError) -> [StoredSigningKey]

  /// Stores an active key unless its algorithm has one: first come, so that processes that start together agree.
  ///
  /// - Returns: the active key of that algorithm.
  nonisolated(nonsending) func storeSigningKey(
    _ key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey

  /// Puts a key in the place of the active one, which is retired, unless another process was faster.
  ///
  /// - Parameter keyID: of the active key of that algorithm.
  /// - Returns: the active key of that algorithm.
  nonisolated(nonsending) func replaceSigningKey(
    _ keyID: String, with key: StoredSigningKey
  ) async throws(StateStoreError) -> StoredSigningKey

  /// Forgets retired keys; an active one stays.
  nonisolated(nonsending) func removeSigningKeys(_ keyIDs: [String]) async throws(StateStoreError)
}

/// A moment as it is stored: whole seconds since 1970-01-01T00:00:00Z without leap seconds.
public struct StoredTime: Comparable, Hashable, Sendable {
  public var seconds: Int64

  public init(seconds: Int64) { self.seconds = seconds }

  public static func < (left: StoredTime, right: StoredTime) -> Bool { left.seconds < right.seconds }
}
