public import JOSE
internal import Telemetry

/// The keys that Corbado signs passkey data with, as its frontend API publishes them.
public struct PasskeyDataKeys: Sendable {
  /// Those that are known now, fetched anew if none has that ID; nil if there are none to be had.
  public let find: @Sendable (_ keyID: String?) async -> [VerificationKey]?

  public init(_ find: @escaping @Sendable (_ keyID: String?) async -> [VerificationKey]?) { self.find = find }
}

extension LoginEndpoints {
  /// Checks the signature here, where the configuration wants that: forged data then never reach Corbado. Never instead
  /// of asking there, since only Corbado knows what was used.
  ///
  /// - Throws: `passkeyDataRefused`; `corbadoUnreachable` without keys
  func checkSignature(of data: SignedPasskeyData) async throws(LoginReason) {
    guard let passkeyDataKeys else { return }
    let header = data.jws.header
    guard let keys = await passkeyDataKeys.find(header.keyID) else {
      log.error("passkey_data_keys_unavailable")
      throw .corbadoUnreachable
    }
    guard case .key(let index) = keys.selection(for: header), (try? data.jws.verify(with: keys[index])) != nil else {
      log.warn("passkey_data_forged")
      throw .passkeyDataRefused
    }
  }
}
