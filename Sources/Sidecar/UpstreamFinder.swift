import HTTPClient
import HTTPServer
import Settings
import Synchronization
import Telemetry
import Transport

/// Finds out where the app is and, for `protocol: auto`, what it speaks: one question at a time for the whole process, on a
/// thread of its own.
final class UpstreamFinder: Sendable {
  /// Between two probes that reached the app, once its protocol was settled.
  static let probePause = Duration.seconds(60)
  /// Between two connects while the app is away.
  static let returnPause = Duration.seconds(1)

  enum Outcome: Sendable {
    case found([SocketAddress], UpstreamProtocol)
    case lost(String)
  }

  private struct State {
    var isRunning = false
    /// Somebody waits for the app to come back.
    var isWatching = false
    var version: UpstreamProtocol
    var probedAt: MonotonicTime?
  }

  private let location: UpstreamLocation
  private let isProbing: Bool
  private let log: EventLog
  private let report: @Sendable (Outcome) -> Void
  private let state: Mutex<State>

  /// `version`: what the configuration says; `.unknown` is found out by the probe, under TLS by ALPN.
  init(
    _ location: UpstreamLocation, version: UpstreamProtocol, log: EventLog, report: @escaping @Sendable (Outcome) -> Void
  ) {
    self.location = location
    self.log = log
    self.report = report
    isProbing = version == .unknown && !location.url.isSecure
    state = Mutex(State(version: version))
  }

  /// Starts a search unless one is running; every worker hears of its outcome.
  func find() {
    let begins = state.withLock { state in
      if state.isRunning { return false }
      state.isRunning = true
      return true
    }
    guard begins else { return }
    do throws(Errno) {
      _ = try Thread(named: "upstream") { [self] in
        let outcome = search()
        state.withLock { $0.isRunning = false }
        report(outcome)
      }
    } catch {
      state.withLock { $0.isRunning = false }
      report(.lost(error.description))
    }
  }

  /// Tries to connect every second, without sending anything, for as long as it is `wanted`; on a thread of its own, one at
  /// a time.
  func awaitReturn(of wanted: @escaping @Sendable (UpstreamFinder) -> Bool, returned: @escaping @Sendable () -> Void) {
    guard beginWatching() else { return }
    do throws(Errno) {
      _ = try Thread(named: "upstream-away") { [self] in
        do throws(Errno) { try watch(wanted, returned) } catch { watchFailed(error) }
      }
    } catch {
      watchFailed(error)
    }
  }

  private func watch(_ wanted: (UpstreamFinder) -> Bool, _ returned: () -> Void) throws(Errno) {
    var pause = try EventLoop(inputBytes: 1)
    while true {
      _ = pause.wait(atMost: Self.returnPause)
      let isWanted = wanted(self)
      if isWanted, !isThere() { continue }
      endWatching()
      if isWanted { return returned() }
      // Away again in the same breath: who said so found somebody watching.
      guard wanted(self), beginWatching() else { return }
    }
  }

  private func watchFailed(_ error: Errno) {
    endWatching()
    log.error("upstream_not_watched", ["detail": .text(error.description)])
  }

  private func beginWatching() -> Bool {
    state.withLock { state in
      defer { state.isWatching = true }
      return !state.isWatching
    }
  }

  private func endWatching() { state.withLock { $0.isWatching = false } }

  private func isThere() -> Bool {
    guard case .success(let addresses) = addresses() else { return false }
    return ProtocolProbe.takesConnections(addresses)
  }

  private func search() -> Outcome {
    let addresses: [SocketAddress]
    switch self.addresses() {
    case .success(let found): addresses = found
    case .failure(let failure): return .lost("name not resolved: \(failure)")
    }
    let known = state.withLock { $0 }
    guard isProbing, known.version != .http2, mayProbe(known) else { return .found(addresses, known.version) }
    let version: UpstreamProtocol
    switch ProtocolProbe.run(addresses) {
    case .http2: version = .http2
    case .http1: version = .http1
    case .unreachable(let detail):
      return known.version == .unknown ? .lost(detail) : .found(addresses, known.version)
    }
    state.withLock { state in
      state.version = version
      state.probedAt = Clock.monotonic()
    }
    log.info("upstream_protocol", ["protocol": version == .http2 ? "http2" : "http1"])
    return .found(addresses, version)
  }

  private func addresses() -> Result<[SocketAddress], NameResolver.Failure> {
    if let socket = location.socket { return .success([socket]) }
    let (host, port) = (location.url.host, location.url.port)
    if let literal = SocketAddress(literal: host, port: port) { return .success([literal]) }
    return NameResolver.resolve(host, port)
  }

  private func mayProbe(_ known: State) -> Bool {
    guard known.version != .unknown, let probedAt = known.probedAt else { return true }
    return probedAt + Self.probePause <= Clock.monotonic()
  }
}
