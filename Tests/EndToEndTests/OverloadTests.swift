import Foundation
import TestPeers
import Testing

/// More connections than there is room for: whoever is there is served, whoever comes waits, and it is said why.
@Suite struct OverloadTests {
  /// Connections that nobody has asked anything on, for as long as they are held.
  private func connections(_ count: Int, to sidecar: SidecarUnderTest) throws -> [RawConnection] {
    try (0..<count).map { _ in try sidecar.connection() }
  }

  private func hits(_ limit: String, _ sidecar: SidecarUnderTest) -> Int {
    let name = "passkey_sidecar_limits_hit_total{limit=\"\(limit)\"} "
    let line = sidecar.probe("/metrics")?.text.split(separator: "\n").first { $0.hasPrefix(name) }
    return line.flatMap { Int($0.dropFirst(name.count)) } ?? 0
  }

  /// A request on a connection that is there already.
  private func ask(_ path: String, _ connection: RawConnection, _ sidecar: SidecarUnderTest) throws -> UInt16 {
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    return UInt16(try connection.readResponse().status)
  }

  @Test func `when descriptors run out who is there is served, the probes answer, and idle ones make room for who waits`() throws {
    let app = try RecordingApp()
    let release = DispatchSemaphore(value: 0)
    defer { release.signal() }
    let arrived = DispatchSemaphore(value: 0)
    app.on("/held") { _, connection in
      arrived.signal()
      release.wait()
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld")
      return true
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "idle: 10m", descriptors: "ulimit -n 64")
    let held = try sidecar.connection()
    try held.send("GET /held HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(arrived.wait(timeout: .now() + 30) == .success)
    let idle = try connections(100, to: sidecar)
    let waiting = try sidecar.connection()
    let paused = try #require(eventually { sidecar.events("accept_paused").first })
    #expect(paused["detail"] as? String == "Too many open files")
    // The probes have a descriptor that is kept back for them.
    #expect(sidecar.probe("/live")?.status == 200)
    #expect(hits("descriptors", sidecar) > 0 && hits("connections", sidecar) == 0)
    // Idle ones are ended after a second, and the queue moves on until this one is taken.
    #expect(try ask("/waited", waiting, sidecar) == 200)
    release.signal()
    #expect(try held.readResponse().text == "held")
    #expect(idle.count == 100)
  }

  @Test func `without a descriptor for the app a request is refused as overload, until there is one`() throws {
    let app = try RecordingApp()
    app.on("/last") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
      return false
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "requestHead: 5m", descriptors: "ulimit -n 64")
    let connection = try sidecar.connection()
    #expect(try ask("/last", connection, sidecar) == 200)
    // With a request begun each: nobody ends them to make room.
    var begun = try connections(100, to: sidecar)
    for one in begun { try one.send("GET /begun HTTP/1.1\r\n") }
    #expect(eventually { sidecar.events("accept_paused").first }?["detail"] as? String == "Too many open files")
    try connection.send("GET /next HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    let refused = try connection.readResponse()
    #expect(refused.status == 503 && refused.text == #"{"error":"overloaded"}"#)
    #expect(refused.values("retry-after") == ["1"])
    #expect(sidecar.events("upstream_failed").first?["detail"] as? String == "connect: Too many open files")
    begun = []
    #expect(try eventually { try ask("/again", connection, sidecar) == 200 ? true : nil } == true)
  }

  @Test func `above the limit of connections that is what is said, and idle ones make room`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, limits: "connections: 4, idle: 10m")
    let idle = try connections(8, to: sidecar)
    let waiting = try sidecar.connection()
    let paused = try #require(eventually { sidecar.events("accept_paused").first })
    #expect(paused["detail"] as? String == "limits.connections is reached")
    #expect(hits("connections", sidecar) > 0 && hits("descriptors", sidecar) == 0)
    #expect(try ask("/waited", waiting, sidecar) == 200)
    #expect(idle.count == 8)
  }

  @Test func `as many descriptors are used as the system allows, whatever the shell began with`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, descriptors: "ulimit -S -n 64 && ulimit -H -n 512")
    #expect(sidecar.probe("/metrics")?.text.contains("\nprocess_max_fds 512\n") == true)
    // Fewer than limits.connections.
    let warned = try #require(sidecar.events("descriptors_few").first)
    #expect(warned["limit"] as? Int == 512 && warned["connections"] as? Int == 10_000)
  }
}
