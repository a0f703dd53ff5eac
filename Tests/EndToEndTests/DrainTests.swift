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

  @Test func `a request in flight is finished before the process ends well`() throws {
    let held = try Held()
    held.sidecar.process.signal(SIGTERM)
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

  @Test func `a second signal ends it at once`() throws {
    let held = try Held()
    held.sidecar.process.signal(SIGTERM)
    #expect(eventually { held.sidecar.probe("/ready")?.status == 200 ? nil : true } == true)
    held.sidecar.process.signal(SIGTERM)
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
