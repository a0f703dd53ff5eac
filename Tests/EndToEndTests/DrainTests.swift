import Foundation
import TestPeers
import Testing

/// How a process ends, and what it says of itself before.
@Suite struct DrainTests {
  /// A sidecar with one request that the app holds until `release` is signalled.
  private final class Held {
    let app: RecordingApp
    let sidecar: SidecarUnderTest
    let connection: RawConnection
    let release: DispatchSemaphore

    init(limits: String = "lameDuck: 1ms, drain: 30s") throws {
      app = try RecordingApp()
      let (arrived, release) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
      self.release = release
      app.on("/held") { _, connection in
        arrived.signal()
        release.wait()
        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        return true
      }
      sidecar = try SidecarUnderTest(app: app.port, limits: limits)
      connection = try sidecar.connection()
      try connection.send("GET /held HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
      guard arrived.wait(timeout: .now() + 30) == .success else { throw RawConnection.Failure.timedOut }
    }

    deinit { release.signal() }
  }

  @Test func `probes answer on their own port alone`() throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    #expect(sidecar.probe("/live")?.status == 200)
    #expect(sidecar.probe("/ready")?.status == 200)
    #expect(sidecar.probe("/x")?.status == 404)
    for path in ["/live", "/ready", "/metrics"] {
      #expect(try sidecar.ask("GET", path, authorized: false).status == 401)
      // With a token it is the app's.
      #expect(try sidecar.ask("GET", path).status == 200)
      #expect(app.received(path).count == 1)
    }
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a request in flight is finished before the process ends well`(signal: Int32) throws {
    let held = try Held()
    held.sidecar.process.signal(signal)
    // New connections are refused once draining has begun; the held one is still served.
    #expect(eventually { (try? held.sidecar.connection()) == nil ? true : nil } == true)
    held.release.signal()
    let answer = try held.connection.readResponse()
    #expect(answer.status == 200 && answer.text == "done")
    #expect(answer.values("connection").map { $0.lowercased() } == ["close"])
    #expect(held.connection.readToEnd().end == .closed)
    #expect(held.sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  @Test func `in the lame duck's time it is not ready and goes on serving`() throws {
    let held = try Held(limits: "lameDuck: 30s, drain: 30s")
    held.sidecar.process.signal(SIGTERM)
    #expect(eventually { held.sidecar.probe("/ready")?.status == 503 ? true : nil } == true)
    #expect(held.sidecar.probe("/live")?.status == 200)
    #expect(try held.sidecar.ask("GET", "/new").status == 200)
  }

  @Test(arguments: [(SIGTERM, SIGTERM, "1ms"), (SIGINT, SIGTERM, "1ms"), (SIGTERM, SIGINT, "5m")])
  func `a second signal ends it at once`(first: Int32, second: Int32, lameDuck: String) throws {
    let held = try Held(limits: "lameDuck: \(lameDuck), drain: 30s")
    held.sidecar.process.signal(first)
    #expect(eventually { held.sidecar.probe("/ready")?.status == 200 ? nil : true } == true)
    held.sidecar.process.signal(second)
    // Long before the 30 seconds of draining, with the request still in the app.
    #expect(held.sidecar.process.ending(within: 20) != nil)
    #expect(held.connection.readToEnd().bytes.isEmpty)
  }

  @Test func `a request that outlives the draining time is cut, visibly`() throws {
    let held = try Held(limits: "lameDuck: 1ms, drain: 100ms")
    held.sidecar.process.signal(SIGTERM)
    #expect(held.sidecar.process.ending(within: 20) != nil)
    let bytes = held.connection.readToEnd().bytes
    #expect(!String(decoding: bytes, as: UTF8.self).hasPrefix("HTTP/1.1 200"))
  }

  /// The payload of the next HTTP/2 frame of that type (RFC 9113 §4.1).
  private func frame(_ type: UInt8, _ connection: RawConnection) throws -> [UInt8] {
    while true {
      let head = try connection.read(9)
      let payload = try connection.read(Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2]))
      if head[3] == type { return payload }
    }
  }

  /// The last stream that the next GOAWAY names (§6.8).
  private func goAway(_ connection: RawConnection) throws -> UInt32 {
    try frame(7, connection).prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }

  @Test func `HTTP/2 clients are told that there will be an end, and later which request was the last`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let connection = try sidecar.connection()
    try connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    try connection.send([0, 0, 0, 4, 0, 0, 0, 0, 0])
    // Its SETTINGS: the connection is known.
    _ = try frame(4, connection)
    sidecar.process.signal(SIGTERM)
    #expect(try goAway(connection) == 0x7FFF_FFFF)
    #expect(try goAway(connection) == 0)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  @Test func `a client of nghttp2 is told of the end, and what it had asked is still answered`() throws {
    let held = try Held()
    let file = NSTemporaryDirectory() + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: file) }
    let client = try ChildProcess(
      "nghttp",
      ["-v", "-H", String(try held.sidecar.authorization.dropLast()), "http://127.0.0.1:\(held.sidecar.port)/held"], output: file)
    #expect(eventually { held.app.received("/held").count == 2 ? true : nil } == true)
    held.sidecar.process.signal(SIGTERM)
    #expect(eventually { (try? held.sidecar.connection()) == nil ? true : nil } == true)
    for _ in 0..<2 { held.release.signal() }
    #expect(client.ending() == .init(code: 0, wasSignalled: false))
    let output = try String(contentsOfFile: file, encoding: .utf8)
    let goAway = try #require(output.firstRange(of: "recv GOAWAY frame"))
    let answer = try #require(output.firstRange(of: ":status: 200"), "\(output)")
    #expect(goAway.lowerBound < answer.lowerBound && output.contains("done"))
    #expect(held.sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  @Test func `a request that begins after the last one is refused as draining, and may be sent elsewhere`() throws {
    let held = try Held()
    let (idle, late) = (try held.sidecar.connection(), try held.sidecar.connection())
    let token = try held.sidecar.authorization
    for connection in [idle, late] {
      try connection.send("GET /first HTTP/1.1\r\nHost: a\r\n\(token)\r\n")
      #expect(try connection.readResponse().status == 200)
    }
    try late.send("GET /late HTTP/1.1\r\n")
    held.sidecar.process.signal(SIGTERM)
    // Idle connections end when the last requests are named.
    #expect(idle.readToEnd().end == .closed)
    try late.send("Host: a\r\n\(token)\r\n")
    let answer = try late.readResponse()
    #expect(answer.status == 503 && answer.text == #"{"error":"draining"}"#)
    #expect(answer.values("retry-after") == ["1"] && answer.values("connection") == ["close"])
    held.release.signal()
    #expect(try held.connection.readResponse().status == 200)
  }

  @Test func `a request on an idle connection is still answered right after draining has begun`() throws {
    let held = try Held(limits: "lameDuck: 1ms, drain: 20s")
    let connection = try held.sidecar.connection()
    let request = "GET /next HTTP/1.1\r\nHost: a\r\n\(try held.sidecar.authorization)\r\n"
    try connection.send(request)
    #expect(try connection.readResponse().status == 200)
    held.sidecar.process.signal(SIGTERM)
    #expect(eventually { (try? held.sidecar.connection()) == nil ? true : nil } == true)
    try connection.send(request)
    let answer = try connection.readResponse()
    #expect(answer.status == 200 && answer.values("connection") == ["close"])
  }

  @Test func `a client that had the head of its response when draining began is told before the connection ends`() throws {
    let app = try RecordingApp()
    let release = DispatchSemaphore(value: 0)
    app.on("/begun") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nda")
      release.wait()
      try connection.send("ta")
      return true
    }
    let sidecar = try SidecarUnderTest(app: app.port)
    let token = try sidecar.authorization
    let connection = try sidecar.connection()
    try connection.send("GET /begun HTTP/1.1\r\nHost: a\r\n\(token)\r\n")
    #expect(try connection.readHead().values("connection") == [])
    sidecar.process.signal(SIGTERM)
    #expect(eventually { (try? sidecar.connection()) == nil ? true : nil } == true)
    release.signal()
    #expect(try connection.read(4) == Array("data".utf8))
    try connection.send("GET /next HTTP/1.1\r\nHost: a\r\n\(token)\r\n")
    let next = try connection.readResponse()
    // Which of the two depends on how fast we were; what counts is that the client knows.
    #expect(next.status == 200 || next.text == #"{"error":"draining"}"#)
    #expect(next.values("connection") == ["close"])
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  @Test func `more requests than may be under way are refused at once`() throws {
    let held = try Held(limits: "lameDuck: 1ms, drain: 20s, inFlight: 1")
    let refused = try held.sidecar.ask("GET", "/more")
    #expect(refused.status == 503 && refused.text == #"{"error":"overloaded"}"#)
    #expect(refused.values("retry-after") == ["1"])
    #expect(held.sidecar.probe("/metrics")?.text.contains("passkey_sidecar_limits_hit_total{limit=\"in_flight\"} 1\n") == true)
    held.release.signal()
    #expect(try held.connection.readResponse().status == 200)
    #expect(eventually { try? held.sidecar.ask("GET", "/more").status == 200 ? true : nil } == true)
  }

  @Test func `a WebSocket goes on while draining, and a second signal cuts it on both sides`() throws {
    let app = try RecordingApp()
    let rest = Rest()
    app.on("/socket") { head, connection in
      try TunnelTests.agree(head, connection)
      try connection.send(connection.read(5))
      if connection.readToEnd().end != .timedOut { rest.put([1]) }
      return false
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "lameDuck: 1ms, drain: 5m")
    let connection = try sidecar.connection()
    try connection.send("GET /socket HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\(TunnelTests.handshake)\r\n")
    #expect(try connection.readHead().status == 101)
    sidecar.process.signal(SIGTERM)
    #expect(eventually { (try? sidecar.connection()) == nil ? true : nil } == true)
    try connection.send("still")
    #expect(try connection.read(5) == Array("still".utf8))
    sidecar.process.signal(SIGTERM)
    #expect(connection.readToEnd().end != .timedOut)
    #expect(eventually { rest.bytes } == [1])
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  // The content of the second ends with its connection (RFC 9112 §6.3): only a reset tells that it is not all.
  @Test(arguments: [("1.1", "9\r\ndata: 1\n\n\r\n"), ("1.0", "data: 1\n\n")])
  func `a stream that outlives the draining time is reset, and logged`(version: String, content: String) throws {
    let app = try RecordingApp()
    app.on("/events") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
      _ = connection.readToEnd()
      return false
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "lameDuck: 1ms, drain: 100ms")
    let connection = try sidecar.connection()
    try connection.send("GET /events HTTP/\(version)\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try connection.readHead().status == 200)
    #expect(String(decoding: try connection.read(content.utf8.count), as: UTF8.self) == content)
    sidecar.process.signal(SIGTERM)
    let rest = connection.readToEnd()
    #expect(rest.bytes.isEmpty && rest.end == .reset)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
    let line = try #require(sidecar.accessLines("/events").first)
    #expect(line["status"] as? Int == 200 && line["reason"] as? String == "draining")
  }

  @Test func `an idle connection does not hold the end up`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let idle = try sidecar.connection()
    try idle.send("GET /idle HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try idle.readResponse().status == 200)
    sidecar.process.signal(SIGTERM)
    #expect(idle.readToEnd().end == .closed)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }
}
