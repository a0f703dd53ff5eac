import OpenSSL
import StateStore
import Synchronization
import Transport

/// What logs call a subject: a keyed hash, so that lines of one user can be found together and nobody can guess the name. The
/// key is kept in the state store: one user has one hash, in all processes that share the store and after a restart.
final class SubjectHash: Sendable {
  /// Bytes of the hash that are shown.
  static let shownByteCount = 8
  /// The store keeps the key among the signing keys, under an algorithm that no token has.
  private static let algorithm = "subject-hash"

  private let key = Mutex<MessageAuthenticationKey?>(nil)

  /// Takes the key of the store, which is made if there is none. A store that keeps no keys (Redis) leaves us to what all
  /// replicas have besides; without that, a key of this process is taken.
  ///
  /// - Parameter shared: the content of the key that tokens are signed with; never used as it is.
  nonisolated(nonsending) func load(from store: any StateStore, else shared: [UInt8]?) async throws(KeyFailure) {
    // As text, like all keys in the store.
    let fresh = Self.hexadecimal(try randomBytes(32))
    let stored = StoredSigningKey(
      keyID: Self.algorithm, algorithm: Self.algorithm, pem: fresh,
      createdAt: StoredTime(seconds: Clock.unixNanoseconds() / 1_000_000_000))
    var secret = fresh
    do throws(StateStoreError) {
      let kept = try await store.storeSigningKey(stored)
      if kept.pem.count >= 32 { secret = kept.pem }
    } catch {
      if let shared, !shared.isEmpty {
        let purpose = "subjects in logs"
        let root = try MessageAuthenticationKey(secret: shared.span, hash: .sha256)
        secret = root.tag(over: purpose.utf8.span)
      }
    }
    let key = try MessageAuthenticationKey(secret: secret.span, hash: .sha256)
    self.key.withLock { $0 = key }
  }

  /// Empty until there is a key.
  func render(_ subject: String) -> [UInt8] {
    guard let key = key.withLock({ $0 }) else { return [] }
    return Self.hexadecimal(key.tag(over: subject.utf8.span).prefix(Self.shownByteCount))
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { byte in [byte >> 4, byte & 15].map { $0 < 10 ? 48 + $0 : 87 + $0 } }
  }
}
