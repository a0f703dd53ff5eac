import HTTPClient
import HTTPServer
import Proxy
import Settings
import Telemetry
import Transport

/// What of a worker comes from the configuration file and may change while it runs.
struct WorkerConfiguration: Sendable {
  var serverLimits: ServerLimits
  /// Downstream connections of all workers.
  var connectionCount: Int
  /// Content that waits in all workers.
  var bufferedByteCount: Int
  /// By the number of the listener; nil: cleartext.
  var security: [ServerTLS?]
  var clientLimits: ClientLimits
  var origin: OriginSettings
  var proxy: Proxy.Configuration
  /// Nil: no access log.
  var accessWriter: LineWriter?

  init(_ settings: SidecarSettings, workerCount: Int, accessWriter: LineWriter?, subjectHash: SubjectHash) {
    serverLimits = settings.limits.server
    connectionCount = settings.limits.connectionCount
    bufferedByteCount = settings.limits.bufferedByteCount
    security = settings.listeners.map { $0.tls?.tls }
    clientLimits = settings.clientLimits
    clientLimits.addedWindowBytes = settings.limits.bufferedByteCount / 2 / workerCount
    origin = settings.upstreamOrigin
    proxy = Proxy.Configuration(
      upstreamAuthority: settings.upstream.hostField == .upstream ? settings.upstream.origin.authority : nil,
      fallbackAuthority: settings.upstream.origin.authority,
      // Each worker takes its share: they know nothing of each other.
      inFlightCount: max(1, (settings.limits.inFlightCount + workerCount - 1) / workerCount))
    proxy.logsClient = settings.log.logsClient
    proxy.sampling = settings.tracing.map { TraceSampling(share: $0.share) } ?? .off
    switch settings.log.subject {
    case .hash: proxy.renderSubject = { subjectHash.render($0) }
    case .plain: proxy.renderSubject = { Array($0.utf8) }
    case .off: break
    }
    self.accessWriter = accessWriter
  }
}

extension SidecarSettings {
  /// Of the key that tokens are signed with, where it is no generated one: all replicas have it.
  var signingKeyContent: [UInt8]? {
    if let form = login.token.form { return form.key.bytes }
    guard case .file(let path) = login.token.key else { return nil }
    return try? FileContent.read(path, limitBytes: 64 * 1024)
  }

  /// Where spans go.
  var spanTarget: SpanExporter.Target? {
    tracing.map { SpanExporter.Target(url: $0.traces, authority: $0.certificateAuthority) }
  }

  /// Keys that another configuration changes although they are fixed when the process starts.
  func keysThatNeedRestart(for other: SidecarSettings) -> [String] {
    var keys: [String] = []
    if listeners.map(\.address) != other.listeners.map(\.address) { keys.append("listen") }
    if workers != other.workers { keys.append("workers") }
    if probes != other.probes { keys.append("probes") }
    if admin.address != other.admin.address { keys.append("admin.address") }
    if state != other.state { keys.append("state") }
    return keys
  }

  /// Whether the app is to be looked for anew.
  func isUpstreamOther(than other: SidecarSettings) -> Bool {
    upstream != other.upstream || limits.streamWindowBytes != other.limits.streamWindowBytes
  }
}
