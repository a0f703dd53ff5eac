import Foundation
import TestPeers
import Testing

/// What outlives its token where the route says `endWithToken`, and what waits longer where it says `responseHead`.
@Suite struct StreamEndTests {
  final class Served: Sendable {
    let app: RecordingApp
    let sidecar: SidecarUnderTest

    init() throws {
      app = try RecordingApp()
      sidecar = try SidecarUnderTest(
        app: app.port, upstream: "protocol: http1, timeouts: {responseHead: 300ms}",
        routes: "[{path: /ending/**, endWithToken: true, responseHead: off}, {path: /patient, responseHead: 20s}]",
        issuer: "leeway: 0s")
    }

    static let shared = Result { try Served() }
  }

  let app: RecordingApp
  let sidecar: SidecarUnderTest

  init() throws {
    let served = try Served.shared.get()
    (app, sidecar) = (served.app, served.sidecar)
  }

  /// Asks with a token of three seconds.
  private func ask(_ path: String) throws -> RawConnection {
    let token = try sidecar.issuer.first.token(sidecar.issuer.first.claims(lifetime: 3))
    let connection = try sidecar.connection()
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)\r\n\r\n")
    return connection
  }

  private func answer(_ path: String, _ text: String) {
    app.on(path) { _, connection in
      try connection.send(text)
      _ = connection.readToEnd()
      return false
    }
  }

  @Test func `server-sent events end in order with their token`() throws {
    answer("/ending/events", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
    let connection = try ask("/ending/events")
    let response = try connection.readResponse()
    #expect(response.text == "data: 1\n")
    #expect(eventually { sidecar.accessLines("/ending/events").first }?["reason"] as? String == "token_expired")
  }

  @Test(arguments: ["Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "Content-Length: 100\r\n\r\nabc"])
  func `half of anything else does not look like all of it`(rest: String) throws {
    let path = "/ending/\(rest.count)"
    answer(path, "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n" + rest)
    let connection = try ask(path)
    #expect(try connection.readHead().status == 200)
    #expect(connection.readToEnd().end == .reset)
  }

  @Test func `who still waits for an answer is told that the token has expired`() throws {
    app.on("/ending/poll") { _, connection in
      _ = connection.readToEnd()
      return false
    }
    let answer = try ask("/ending/poll").readResponse()
    #expect(answer.status == 401)
    #expect(answer.text == #"{"error":"token_expired"}"#)
    #expect(answer.values("www-authenticate") == [#"Bearer error="invalid_token""#])
  }

  @Test func `elsewhere a stream outlives its token`() throws {
    let go = DispatchSemaphore(value: 0)
    app.on("/lasting") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
      _ = go.wait(timeout: .now() + 30)
      try connection.send("1\r\nb\r\n0\r\n\r\n")
      return true
    }
    let connection = try ask("/lasting")
    #expect(try connection.readHead().status == 200)
    // A stream that began later has ended with its token meanwhile.
    answer("/ending/later", "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    #expect(try ask("/ending/later").readResponse().status == 200)
    go.signal()
    #expect(String(decoding: try connection.read(through: "0\r\n\r\n"), as: UTF8.self).contains("b"))
  }

  @Test func `a route may wait longer for the head of the response than the others`() throws {
    for (path, status) in [("/patient", 200), ("/impatient", 504)] {
      app.on(path) { _, connection in
        usleep(700_000)
        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        return true
      }
      #expect(try sidecar.ask("GET", path).status == status)
    }
  }
}
