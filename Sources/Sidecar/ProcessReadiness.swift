import HTTPClient
import JOSE
import Keys
import Transport

/// Whether new requests should come here, with the state of everything that this depends on.
///
/// False only before the first usable keys and revocations, and while draining: one dependency that is away must not take
/// every replica out.
/// With `isStrict` every dependency counts.
struct ProcessReadiness: Sendable {
  var isDraining: Bool
  var issuers: [IssuerStatus]
  var upstream: UpstreamFinder.Outcome?
  /// It was found, and takes no connection any more.
  var isUpstreamAway: Bool
  /// What the store last answered; nil: it has not been asked yet.
  var state: StateProbe.Outcome?
  /// Before they were read once nobody knows which tokens are void.
  var areRevocationsKnown: Bool
  /// What keeps revocations of other processes from being heard.
  var revocationTrouble: String?
  var reload: ReloadStatus
  var isStrict: Bool

  /// The last of the issuers is ourselves.
  var isIssuer: Bool

  private var hasKeys: Bool { issuers.dropLast(isIssuer ? 1 : 0).contains(where: \.isUsable) }

  var isDegraded: Bool {
    if case .lost? = upstream { return true }
    if isUpstreamAway { return true }
    if case .failed? = state { return true }
    if revocationTrouble != nil { return true }
    // Keys that are kept on credit serve, and somebody should know.
    return reload.refusal != nil || issuers.contains { !$0.isUsable || $0.failure != nil }
  }

  var isReady: Bool { hasKeys && areRevocationsKnown && !isDraining && !(isStrict && isDegraded) }

  var content: [UInt8] {
    var writer = JSONWriter()
    writer.beginObject()
    writer.member("status", isDraining ? "draining" : !isReady ? "not_ready" : isDegraded ? "degraded" : "ready")
    writer.member("upstream", upstreamState)
    writer.name("issuers")
    writer.beginArray()
    for issuer in issuers {
      writer.beginObject()
      writer.member("issuer", issuer.issuer)
      writer.member("state", issuer.state.rawValue)
      writer.member("keys", Int64(issuer.keyCount))
      if let age = issuer.age { writer.member("age_seconds", age.components.seconds) }
      if let failure = issuer.failure {
        writer.member("failure", failure.label)
        writer.member("retry_after_seconds", issuer.retryAfter.components.seconds)
      }
      writer.endObject()
    }
    writer.endArray()
    switch state {
    case nil: writer.member("state_store", "unknown")
    case .answers: writer.member("state_store", "answers")
    case .failed(let failure): writer.member("state_store", failure)
    }
    writer.member("revocations", revocationTrouble ?? "heard")
    writer.name("configuration")
    writer.beginObject()
    writer.member("state", reload.refusal == nil ? "in_force" : "refused")
    if let problem = reload.refusal {
      // Without its text, which may quote what stands in the file.
      writer.member("file", problem.file)
      writer.member("line", Int64(problem.line))
      writer.member("column", Int64(problem.column))
      writer.member("key", problem.key)
      writer.member("problems", Int64(reload.problemCount))
    }
    writer.endObject()
    writer.endObject()
    return writer.bytes
  }

  private var upstreamState: String {
    if isUpstreamAway { return "lost" }
    return switch upstream {
    case .found(_, .http2): "http2"
    case .found(_, .http1): "http1"
    case .found(_, .unknown), nil: "unknown"
    case .lost: "lost"
    }
  }
}
