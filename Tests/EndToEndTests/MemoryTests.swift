import Foundation
import TestPeers
import Testing

/// `limits.bufferedBytes`: clients that do not read, and apps that do not.
@Suite(.serialized) struct MemoryTests {
  static let limit = 4 << 20
  /// What may wait beyond the limit: windows that were given before memory became short, and what one reading brings.
  static let slack = 8 << 20

  private func sidecar(_ app: UInt16, _ upstream: String = "protocol: http1") throws -> SidecarUnderTest {
    let limits = "bufferedBytes: 4MiB, lameDuck: 1ms, drain: 20s"
    return try SidecarUnderTest(app: app, upstream: upstream, limits: limits) { text, _ in
      text.replacingOccurrences(of: "workers: 1", with: "workers: 2")
    }
  }

  private func gauge(_ sidecar: SidecarUnderTest, _ name: String) -> Int {
    let lines = sidecar.probe("/metrics")?.text.split(separator: "\n") ?? []
    return lines.first { $0.hasPrefix(name + " ") }.flatMap { Double($0.dropFirst(name.count + 1)) }.map { Int($0) } ?? -1
  }

  private func buffered(_ sidecar: SidecarUnderTest) -> Int { gauge(sidecar, "passkey_sidecar_buffered_bytes") }

  private func resident(_ sidecar: SidecarUnderTest) -> Int { gauge(sidecar, "process_resident_memory_bytes") }

  private func token(_ sidecar: SidecarUnderTest) throws -> (String, String) {
    ("authorization", String(try sidecar.authorization.dropFirst("Authorization: ".count).dropLast(1)))
  }

  /// Asks until what is asked for is refused.
  private func refused(_ sidecar: SidecarUnderTest) throws -> H1Message? {
    try eventually {
      let answer = try sidecar.ask("GET", "/beside")
      return answer.status == 503 ? answer : nil
    }
  }

  /// Everything is let in again, and nothing is counted that is not there.
  private func expectRecovery(_ sidecar: SidecarUnderTest) throws {
    #expect(try eventually { try sidecar.ask("GET", "/beside").status == 200 ? true : nil } == true)
    #expect(eventually { buffered(sidecar) == 0 ? true : nil } == true, "\(buffered(sidecar))")
  }

  private func expectLimit(_ sidecar: SidecarUnderTest, above before: Int) throws {
    let refusal = try #require(try refused(sidecar), "\(buffered(sidecar)) bytes wait")
    #expect(refusal.text == #"{"error":"overloaded"}"#)
    // Whichever worker it comes to: what waits in one of them counts in both.
    for _ in 0..<10 { #expect(try sidecar.ask("GET", "/beside").status == 503) }
    #expect(refusal.values("retry-after") == ["1"])
    let logged = eventually { sidecar.accessLines("/beside").contains { $0["reason"] as? String == "overloaded" } ? true : nil }
    #expect(logged == true)
    #expect(gauge(sidecar, #"passkey_sidecar_limits_hit_total{limit="buffered_bytes"}"#) > 0)
    expectBound(sidecar, above: before)
  }

  private func expectBound(_ sidecar: SidecarUnderTest, above before: Int) {
    let (waiting, grown) = (buffered(sidecar), resident(sidecar) - before)
    #expect(waiting > Self.limit / 2, "\(waiting)")
    #expect(waiting < Self.limit + Self.slack, "\(waiting)")
    // Twice, since queues keep some room beside what is in them.
    #expect(grown < 2 * (Self.limit + Self.slack), "\(grown)")
  }

  /// A client with many streams whose windows it does not open.
  private func open(_ sidecar: SidecarUnderTest, _ count: UInt32) throws -> RawHTTP2 {
    let client = try RawHTTP2(port: sidecar.port, path: "/large")
    let token = try token(sidecar)
    // At once: those that come when memory is full already are refused.
    client.send((0..<count).map { client.headers(1 + 2 * $0, "GET", [token]) })
    return client
  }

  /// Opens the windows, and counts the content of each stream until all have ended.
  private func readAll(_ client: RawHTTP2, _ count: UInt32) throws -> [UInt32: Int] {
    client.send(.windowUpdate(0, 1 << 30))
    for index in 0..<count { client.send(.windowUpdate(1 + 2 * index, 1 << 30)) }
    var (sizes, ended) = ([UInt32: Int](), 0)
    while ended < count {
      let frame = try client.read()
      if frame.kind == RawFrame.Kind.data { sizes[frame.stream, default: 0] += frame.payload.count }
      if frame.kind == RawFrame.Kind.rstStream { throw RawConnection.Failure.reset }
      if frame.stream != 0, frame.kind <= RawFrame.Kind.headers, frame.flags.contains(.endStream) { ended += 1 }
    }
    return sizes
  }

  // MARK: Clients that do not read

  static let size = 1 << 20

  @Test(arguments: ["reads after all", "gives up"])
  func `before an HTTP1 app a client that does not read costs no more than the limit`(ending: String) throws {
    let app = try RecordingApp()
    let content = [UInt8](repeating: 97, count: Self.size)
    app.on("/large") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
      try connection.send(content)
      return true
    }
    let sidecar = try sidecar(app.port, "protocol: http1, maxConnections: 128")
    #expect(try sidecar.ask("GET", "/beside").status == 200)
    let before = resident(sidecar)
    var client: RawHTTP2? = try open(sidecar, 120)
    try expectLimit(sidecar, above: before)
    if ending == "reads after all" {
      let sizes = try readAll(try #require(client), 120)
      #expect(sizes.count == 120 && sizes.values.allSatisfy { $0 == Self.size }, "\(sizes)")
    } else {
      client = nil
    }
    try expectRecovery(sidecar)
  }

  @Test func `a worker that rested meanwhile refuses nobody once memory is there again`() throws {
    let app = try RecordingApp()
    let content = [UInt8](repeating: 97, count: Self.size)
    app.on("/large") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(content.count)\r\n\r\n")
      try connection.send(content)
      return true
    }
    let sidecar = try sidecar(app.port, "protocol: http1, maxConnections: 128")
    let request = "GET /beside HTTP/1.1\r\nHost: app.test\r\n\(try sidecar.authorization)\r\n"
    func ask(_ connection: RawConnection) throws -> Int {
      try connection.send(request)
      return try connection.readResponse().status
    }
    // Of so many each worker has some.
    let others = try (0..<10).map { _ in try sidecar.connection() }
    for other in others { #expect(try ask(other) == 200) }
    var client: RawHTTP2? = try open(sidecar, 120)
    _ = try refused(sidecar)
    for other in others { #expect(try eventually { try ask(other) == 503 ? true : nil } == true) }
    _ = client
    client = nil
    // Whoever looks at the metrics would wake the workers.
    #expect(eventually { sidecar.accessLines("/large").count == 120 ? true : nil } == true)
    for other in others { #expect(try ask(other) == 200) }
  }

  @Test(arguments: ["reads after all", "gives up"])
  func `before an HTTP2 app a client that does not read costs no more than the limit`(ending: String) throws {
    let folder = NSTemporaryDirectory() + "nghttpd-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data(repeating: 97, count: Self.size).write(to: URL(fileURLWithPath: folder + "/large"))
    try Data("here".utf8).write(to: URL(fileURLWithPath: folder + "/beside"))
    let port = try LoopbackServer.freePort()
    let server = try ChildProcess("/usr/sbin/nghttpd", ["--no-tls", "--address=127.0.0.1", "--htdocs=\(folder)", "\(port)"])
    defer { server.signal(SIGTERM) }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try sidecar(port, "protocol: http2")
    #expect(try sidecar.ask("GET", "/beside").status == 200)
    let before = resident(sidecar)
    var client: RawHTTP2? = try open(sidecar, 120)
    try expectLimit(sidecar, above: before)
    if ending == "reads after all" {
      let sizes = try readAll(try #require(client), 120)
      #expect(sizes.count == 120 && sizes.values.allSatisfy { $0 == Self.size }, "\(sizes)")
    } else {
      client = nil
    }
    try expectRecovery(sidecar)
  }

  // MARK: Apps that do not read

  @Test func `before an app that does not read uploads cost no more than the limit, and those beyond it are refused`() throws {
    let port = try LoopbackServer.freePort()
    let app = try ChildProcess("node", [Python.peers + "/http2_app.mjs", "\(port)"])
    defer { app.signal(SIGKILL) }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try sidecar(port, "protocol: http2")
    #expect(try sidecar.ask("GET", "/beside").status == 200)
    let before = resident(sidecar)
    let token = try token(sidecar)
    let piece = RawFrame.data(1, String(repeating: "x", count: 16_000), [])
    var clients: [RawHTTP2] = []
    for _ in 0..<12 {
      let client = try RawHTTP2(port: sidecar.port, path: "/swallow")
      for stream in [1, 3, 5, 7] as [UInt32] {
        client.send(client.headers(stream, "POST", [token], .endHeaders))
        var piece = piece
        piece.stream = stream
        // As much as the windows take that are open from the start.
        client.send([RawFrame](repeating: piece, count: 16))
      }
      clients.append(client)
    }
    // The last ones bring more than there is room for.
    let refusal = try #require(try clients.last?.read(RawFrame.Kind.data))
    #expect(String(decoding: refusal.payload, as: UTF8.self) == #"{"error":"overloaded"}"#)
    #expect(gauge(sidecar, #"passkey_sidecar_limits_hit_total{limit="buffered_bytes"}"#) > 0)
    expectBound(sidecar, above: before)
    clients = []
    try expectRecovery(sidecar)
    let shed = eventually { sidecar.accessLines("/swallow").first { $0["reason"] as? String == "overloaded" } }
    #expect(shed?["status"] as? Int == 503)
  }
}
