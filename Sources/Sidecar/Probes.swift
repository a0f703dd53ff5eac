import HTTP
import HTTPServer

/// `/live` and `/ready` for whoever restarts and routes, `/metrics` for whoever watches; on a listener of its own, never on the
/// data port.
struct Probes: Sendable {
  let control: ControlLoop
  let reloader: Reloader
  let applier: Applier
  let metrics: Metrics

  func answer(_ request: BufferedRequest) async -> BufferedResponse {
    guard request.head.method == .get || request.head.method == .head else {
      return BufferedResponse(status: 405, fields: [("allow", "GET, HEAD")])
    }
    switch request.head.fields.string(request.head.path) {
    case "/live": return await live()
    case "/ready": return await ready()
    case "/metrics": return await metrics.answer(accept: request.head.fields.values("accept").joined(separator: ","))
    default: return json(404, #"{"error":"not_found"}"#)
    }
  }

  private func live() async -> BufferedResponse {
    let isTurning = await control.loopsTurn(within: .seconds(2))
    return isTurning ? json(200, #"{"status":"live"}"#) : json(503, #"{"status":"stuck"}"#)
  }

  private func ready() async -> BufferedResponse {
    let readiness = await control.readiness(isStrict: applier.isReadinessStrict, reloader.status)
    var response = BufferedResponse(status: readiness.isReady ? 200 : 503, content: readiness.content)
    response.fields = [("content-type", "application/json"), ("cache-control", "no-store")]
    return response
  }

  private func json(_ status: UInt16, _ text: String) -> BufferedResponse {
    BufferedResponse(
      status: status, fields: [("content-type", "application/json"), ("cache-control", "no-store")], content: Array(text.utf8))
  }
}
