import HTTPClient
import JOSE
import Keys
import Login
import Settings
import Synchronization
import Telemetry
import Transport

extension PasskeyDataKeys {
  /// The keys of the Corbado project, for passkey data whose signature is checked here as well: kept by a key service of their
  /// own, which is no issuer's. Nil where the configuration does not want that.
  ///
  /// - Throws: out of descriptors.
  init?(_ settings: CorbadoSettings, _ executor: LoopExecutor, _ outbound: Outbound, _ log: EventLog) throws(Errno) {
    guard let keys = settings.verify.keys else { return nil }
    let project = settings.projectID
    let issuer: Keys.Configuration.Issuer
    do throws(Keys.Configuration.Refusal) {
      issuer = try Keys.Configuration.Issuer(
        issuer: project, source: .url(keys.url), authority: keys.certificateAuthority,
        allowsCleartext: keys.allowsCleartext)
    } catch { return nil }
    let snapshot = Snapshot()
    let service = try KeyService(
      Keys.Configuration(issuers: [issuer]), executor: executor, outbound: outbound, log: log,
      publish: { snapshot.keys = $0 })
    self.init { keyID in
      await service.start()
      let header = keyID
      if !snapshot.hasKey(header, of: project) { await service.needKeys(issuer: project, keyID: header) }
      guard case .usable(let keys, _) = snapshot.keys.availability(of: project) else { return nil }
      return keys
    }
  }

  /// What the key service said last.
  private final class Snapshot: Sendable {
    private let value = Mutex(KeySnapshot.empty)

    var keys: KeySnapshot {
      get { value.withLock { $0 } }
      set { value.withLock { $0 = newValue } }
    }

    func hasKey(_ keyID: String?, of project: String) -> Bool {
      guard case .usable(let keys, _) = keys.availability(of: project) else { return false }
      return keyID == nil || keys.contains { $0.keyID == keyID }
    }
  }
}
