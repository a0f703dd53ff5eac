internal import JOSE
internal import OpenSSL
internal import StateStore

/// The key that signs, and all keys whose tokens are still to be verified, that one included.
struct SigningKeys: Sendable {
  let active: SigningKey
  let published: [SigningKey]

  enum Failure: Error {
    case state(StateStoreError)
    case key(KeyFailure)
  }

  /// - Parameter now: of a key that has to be made.
  static nonisolated(nonsending) func load(
    _ configuration: Configuration.Token, from store: any StateStore, now: UnixTime
  ) async throws(Failure) -> SigningKeys {
    switch configuration.key {
    case .provided(let privateKey):
      let key = try signing { () throws(KeyFailure) in try SigningKey(privateKey, algorithm: configuration.algorithm) }
      return SigningKeys(active: key, published: [key])
    case .generated:
      let rotation = try await rotated(configuration, store, now: now)
      if !rotation.outdated.isEmpty {
        try await asking(store) { store throws(StateStoreError) in try await store.removeSigningKeys(rotation.outdated) }
      }
      var active: SigningKey?
      var published: [SigningKey] = []
      for entry in rotation.published {
        let key = try signing { () throws(KeyFailure) in
          try SigningKey(
            PrivateKey(pem: entry.pem.span), algorithm: configuration.algorithm, keyID: entry.keyID)
        }
        published.append(key)
        if entry.keyID == rotation.signing.keyID { active = key }
      }
      guard let active else { throw .state(.damaged) }
      return SigningKeys(active: active, published: published)
    }
  }

  /// What the store has, with a key made where there is none or where the newest is old.
  private static nonisolated(nonsending) func rotated(
    _ configuration: Configuration.Token, _ store: any StateStore, now: UnixTime
  ) async throws(Failure) -> KeyRotation {
    let name = configuration.algorithm.name
    let stored = try await asking(store) { store throws(StateStoreError) in
      try await store.signingKeys().filter { $0.algorithm == name }
    }
    if let rotation = KeyRotation(stored, configuration, now: now), !rotation.isDue { return rotation }
    let fresh = try signing { () throws(KeyFailure) in
      try StoredSigningKey(generating: configuration.algorithm, now: now)
    }
    let active = stored.first { $0.state == .active }
    // Another process may have been faster: then its key is the one that stays.
    let kept = try await asking(store) { store throws(StateStoreError) in
      guard let active else { return try await store.storeSigningKey(fresh) }
      return try await store.replaceSigningKey(active.keyID, with: fresh)
    }
    let rest = stored.filter { $0.keyID != kept.keyID }.map { key in
      var key = key
      key.state = .retired
      return key
    }
    guard let rotation = KeyRotation(rest + [kept], configuration, now: now) else { throw .state(.damaged) }
    return rotation
  }

  private static nonisolated(nonsending) func asking<Value>(
    _ store: any StateStore, _ question: (any StateStore) async throws(StateStoreError) -> Value
  ) async throws(Failure) -> Value {
    do throws(StateStoreError) { return try await question(store) } catch { throw .state(error) }
  }

  private static func signing<Key>(_ make: () throws(KeyFailure) -> Key) throws(Failure) -> Key {
    do throws(KeyFailure) { return try make() } catch { throw .key(error) }
  }
}

extension StoredSigningKey {
  init(generating algorithm: Algorithm, now: UnixTime) throws(KeyFailure) {
    let kind: PrivateKey.Generated
    switch algorithm {
    case .es256: kind = .p256
    case .edDSA: kind = .ed25519
    case .rs256: kind = .rsa2048
    default: throw .algorithmRefused
    }
    let privateKey = try PrivateKey.generate(kind)
    self.init(
      keyID: try privateKey.publicKey.thumbprint(), algorithm: algorithm.name, pem: try privateKey.pem(),
      createdAt: StoredTime(now))
  }
}

/// Which of the stored keys signs, which are still published, and whether another is due; all processes on the store come
/// to the same answer.
struct KeyRotation {
  /// A new key is published for so long before it signs: the key set may be cached for half of it, and processes that share
  /// the store look at it much more often.
  static let announcement = Duration.seconds(600)

  let signing: StoredSigningKey
  let published: [StoredSigningKey]
  /// The `kid` of keys whose tokens have all expired.
  let outdated: [String]
  let isDue: Bool

  /// Nil without an active key.
  ///
  /// - Parameter stored: of one algorithm.
  init?(_ stored: [StoredSigningKey], _ configuration: Configuration.Token, now: UnixTime) {
    guard let active = stored.first(where: { $0.state == .active }) else { return nil }
    let retired = stored.filter { $0.keyID != active.keyID }.sorted { $0.createdAt < $1.createdAt }
    let begin = UnixTime(active.createdAt) + Self.announcement
    // Until the new one is known everywhere, its predecessor signs.
    signing = begin > now ? retired.last ?? active : active
    var published = [active]
    var outdated: [String] = []
    for (index, key) in retired.enumerated() {
      let successor = index + 1 < retired.count ? retired[index + 1] : active
      let end = UnixTime(successor.createdAt) + Self.announcement + configuration.lifetime + AccessToken.maximumLeeway
      if now < end { published.insert(key, at: published.count - 1) } else { outdated.append(key.keyID) }
    }
    self.published = published
    self.outdated = outdated
    isDue = UnixTime(active.createdAt) + configuration.rotation <= now
  }
}

extension UnixTime {
  init(_ time: StoredTime) { self.init(seconds: time.seconds) }
}
