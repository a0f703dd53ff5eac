import HTTP
import HTTPServer
import JOSE
import Transport

/// What an operator may look at: the configuration in force, and who is connected. On a listener of its own that belongs to
/// nobody but operators; it changes nothing.
struct Admin: Sendable {
  /// Connections that are listed, of each worker. What is beyond is counted only.
  static let connectionLimit = 1000

  let control: ControlLoop
  let applier: Applier

  func answer(_ request: BufferedRequest) async -> BufferedResponse {
    guard request.head.method == .get || request.head.method == .head else {
      return BufferedResponse(status: 405, fields: [("allow", "GET, HEAD")])
    }
    switch request.head.fields.string(request.head.path) {
    case "/config": return json(200, configuration)
    case "/connections": return json(200, await connections())
    default: return json(404, Array(#"{"error":"not_found"}"#.utf8))
    }
  }

  private var configuration: [UInt8] {
    let (content, loadedAtSeconds) = applier.document
    // An object, to which one member is added.
    return Array("{\"loaded_at\":\(loadedAtSeconds),".utf8) + content.dropFirst()
  }

  private func connections() async -> [UInt8] {
    let now = Clock.monotonic()
    var writer = JSONWriter()
    writer.beginObject()
    writer.name("workers")
    writer.beginArray()
    for worker in await control.connections(limit: Self.connectionLimit, within: .seconds(2)) {
      writer.beginObject()
      writer.member("worker", Int64(worker.number))
      writer.member("open", Int64(worker.openCount))
      writer.name("connections")
      writer.beginArray()
      for connection in worker.connections {
        writer.beginObject()
        writer.member("peer", connection.peer.description)
        writer.member("listener", Int64(connection.listener))
        writer.member("protocol", connection.isHTTP2 ? "HTTP/2" : "HTTP/1.1")
        writer.member("requests", Int64(connection.requestCount))
        writer.member("quiet_seconds", max(0, now.microseconds(since: connection.movedAt) / 1_000_000))
        writer.endObject()
      }
      writer.endArray()
      writer.endObject()
    }
    writer.endArray()
    writer.endObject()
    return writer.bytes
  }

  private func json(_ status: UInt16, _ content: [UInt8]) -> BufferedResponse {
    BufferedResponse(
      status: status, fields: [("content-type", "application/json"), ("cache-control", "no-store")], content: content)
  }
}

/// Who is connected to one worker.
struct WorkerConnections: Sendable {
  var number: Int
  var openCount: Int
  var connections: [ConnectionSummary]
}
