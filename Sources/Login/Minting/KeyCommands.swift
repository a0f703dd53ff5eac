public import JOSE
public import OpenSSL
public import StateStore

/// What the command line does with signing keys.
public enum KeyCommands {
  /// A new private key in PEM for one of the algorithms that tokens are minted with.
  ///
  /// - Throws: `algorithmRefused` for any other
  public static func generate(_ algorithm: Algorithm) throws(KeyFailure) -> [UInt8] {
    try StoredSigningKey(generating: algorithm, now: UnixTime(seconds: 0)).pem
  }

  /// Has the generated key followed by another now, as its age would later: published at once, signing once everybody can
  /// know it.
  ///
  /// - Returns: the `kid` of both.
  public static nonisolated(nonsending) func rotate(
    _ algorithm: Algorithm, in store: any StateStore, now: UnixTime
  ) async throws(StateStoreError) -> (old: String?, new: String) {
    let fresh: StoredSigningKey
    do throws(KeyFailure) { fresh = try StoredSigningKey(generating: algorithm, now: now) } catch {
      throw .failed(code: 0)
    }
    let active = try await store.signingKeys().first { $0.algorithm == algorithm.name && $0.state == .active }
    guard let active else { return (nil, try await store.storeSigningKey(fresh).keyID) }
    return (active.keyID, try await store.replaceSigningKey(active.keyID, with: fresh).keyID)
  }
}
