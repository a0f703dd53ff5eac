import Settings
import Synchronization
import Telemetry
import Transport

/// From a configuration that was read again to one that is in force.
final class Applier: Sendable {
  private struct State {
    var settings: SidecarSettings
    /// What the file in force says, as JSON without a secret.
    var document: [UInt8]
    var loadedAtSeconds = Clock.unixNanoseconds() / 1_000_000_000
    /// By the number of the listener, as it was bound.
    var security: [ServerTLS?]
    /// Of standard output, made when the access log is first on.
    var accessWriter: LineWriter?
  }

  private let control: ControlLoop
  private let log: EventLog
  /// Of the listeners, which are opened once.
  private let addresses: [SocketAddress]
  private let state: Mutex<State>

  init(control: ControlLoop, log: EventLog, loaded: LoadedSettings, accessWriter: LineWriter?) {
    self.control = control
    self.log = log
    addresses = loaded.settings.listeners.map(\.address)
    state = Mutex(
      State(
        settings: loaded.settings, document: loaded.document, security: loaded.settings.listeners.map { $0.tls?.tls },
        accessWriter: accessWriter))
  }

  /// What is in force.
  var settings: SidecarSettings { state.withLock { $0.settings } }

  /// The access log's writer, for whoever ends the process.
  var accessWriter: LineWriter? { state.withLock { $0.accessWriter } }

  /// The configuration in force, as JSON, and when it was read.
  var document: (content: [UInt8], loadedAtSeconds: Int64) { state.withLock { ($0.document, $0.loadedAtSeconds) } }

  /// As they are in force.
  var limits: LimitSettings { state.withLock { $0.settings.limits } }

  /// A dependency that is away makes the process not ready.
  var isReadinessStrict: Bool { state.withLock { $0.settings.admin.strictReadiness } }

  /// Comes back at once; the control loop puts configurations into force in the order of the calls.
  func apply(_ loaded: LoadedSettings) {
    let (configuration, isUpstreamOther) = state.withLock { state in
      let isUpstreamOther = state.settings.isUpstreamOther(than: loaded.settings)
      state.settings = loaded.settings
      state.document = loaded.document
      state.loadedAtSeconds = Clock.unixNanoseconds() / 1_000_000_000
      var configuration = WorkerConfiguration(
        loaded.settings, workerCount: self.control.mailboxes.count, accessWriter: writer(&state),
        subjectHash: self.control.subjectHash)
      // Certificates belong to a listener: with others, which wait for the next start, the old ones stay.
      if loaded.settings.listeners.map(\.address) == addresses { state.security = configuration.security }
      configuration.security = state.security
      return (configuration, isUpstreamOther)
    }
    CertificateReminder.remind(loaded.settings, log)
    log.set(level: loaded.settings.log.level)
    let control = control
    Task(executorPreference: control.executor) {
      control.apply(loaded, configuration, isUpstreamOther: isUpstreamOther)
    }
  }

  private func writer(_ state: inout State) -> LineWriter? {
    guard state.settings.log.access == .stdout else { return nil }
    if state.accessWriter == nil {
      do {
        state.accessWriter = try LineWriter(descriptor: 1, coalescing: .milliseconds(20))
      } catch {
        log.error("access_log_unavailable", ["detail": .text("\(error)")])
      }
    }
    return state.accessWriter
  }
}
