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
    _ configuration: Configuration.Token, from store: any StateStore, now: StoredTime
  ) async throws(Failure) -> SigningKeys {
    switch configuration.key {
    case .provided(let privateKey):
      let key = try signing { () throws(KeyFailure) in try SigningKey(privateKey, algorithm: configuration.algorithm) }
      return SigningKeys(active: key, published: [key])
    case .generated:
      let name = configuration.algorithm.name
      var stored = try await storedKeys(store).filter { $0.algorithm == name }
      if !stored.contains(where: { $0.state == .active }) {
        let fresh = try signing { () throws(KeyFailure) in try generate(configuration.algorithm, now: now) }
        do throws(StateStoreError) {
          // Another process may have been faster: then this is its key.
          stored.append(try await store.storeSigningKey(fresh))
        } catch { throw .state(error) }
      }
      var active: SigningKey?
      var published: [SigningKey] = []
      for entry in stored {
        let key = try signing { () throws(KeyFailure) in
          try SigningKey(
            PrivateKey(pem: entry.pem.span), algorithm: configuration.algorithm, keyID: entry.keyID)
        }
        published.append(key)
        if entry.state == .active { active = key }
      }
      guard let active else { throw .state(.damaged) }
      return SigningKeys(active: active, published: published)
    }
  }

  private static nonisolated(nonsending) func storedKeys(
    _ store: any StateStore
  ) async throws(Failure) -> [StoredSigningKey] {
    do throws(StateStoreError) { return try await store.signingKeys() } catch { throw .state(error) }
  }

  private static func generate(_ algorithm: Algorithm, now: StoredTime) throws(KeyFailure) -> StoredSigningKey {
    guard algorithm == .es256 else { throw .algorithmRefused }
    let privateKey = try PrivateKey.generate(.p256)
    return StoredSigningKey(
      keyID: try privateKey.publicKey.thumbprint(), algorithm: algorithm.name, pem: try privateKey.pem(),
      createdAt: now)
  }

  private static func signing<Key>(_ make: () throws(KeyFailure) -> Key) throws(Failure) -> Key {
    do throws(KeyFailure) { return try make() } catch { throw .key(error) }
  }
}
