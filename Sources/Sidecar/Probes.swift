import HTTP
import HTTPServer
import JOSE
import Keys
import Transport

/// `/live` and `/ready` for whoever restarts and routes; on a listener of its own, never on the data port.
struct Probes: Sendable {
  let control: ControlLoop
  let reloader: Reloader

  func answer(_ request: BufferedRequest) async -> BufferedResponse {
    guard request.head.method == .get || request.head.method == .head else {
      return BufferedResponse(status: 405, fields: [("allow", "GET, HEAD")])
    }
    switch request.head.fields.string(request.head.path) {
    case "/live": return await live()
    case "/ready": return await ready()
    default: return json(404, #"{"error":"not_found"}"#)
    }
  }

  private func live() async -> BufferedResponse {
    let isTurning = await control.loopsTurn(within: .seconds(2))
    return isTurning ? json(200, #"{"status":"live"}"#) : json(503, #"{"status":"stuck"}"#)
  }

  /// Not ready only before the first usable keys and while draining: one dependency that is away must not take every
  /// replica out.
  private func ready() async -> BufferedResponse {
    let issuers = await control.keys.status()
    var writer = JSONWriter()
    let isDraining = control.isDraining
    let hasKeys = issuers.dropLast(control.isIssuer ? 1 : 0).contains(where: \.isUsable)
    var isDegraded = issuers.contains { !$0.isUsable }
    var upstream = "unknown"
    switch control.upstream {
    case .found(_, let version): upstream = version == .http2 ? "http2" : version == .http1 ? "http1" : "unknown"
    case .lost:
      upstream = "lost"
      isDegraded = true
    case nil: break
    }
    let reload = reloader.status
    if reload.refusal != nil { isDegraded = true }
    let isReady = hasKeys && !isDraining
    writer.beginObject()
    writer.member("status", isDraining ? "draining" : !isReady ? "not_ready" : isDegraded ? "degraded" : "ready")
    writer.member("upstream", upstream)
    writer.name("issuers")
    writer.beginArray()
    for issuer in issuers {
      writer.beginObject()
      writer.member("issuer", issuer.issuer)
      writer.member("state", issuer.state.rawValue)
      if let failure = issuer.failure { writer.member("failure", failure.label) }
      writer.endObject()
    }
    writer.endArray()
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
    var response = BufferedResponse(status: isReady ? 200 : 503, content: writer.bytes)
    response.fields = [("content-type", "application/json"), ("cache-control", "no-store")]
    return response
  }

  private func json(_ status: UInt16, _ text: String) -> BufferedResponse {
    BufferedResponse(
      status: status, fields: [("content-type", "application/json"), ("cache-control", "no-store")], content: Array(text.utf8))
  }
}
