import Foundation
import TestPeers
import Testing

/// Clients that keep us busy with what brings nobody anything: they are sent away, nobody else notices.
@Suite struct FloodTests {
  struct Flood: Sendable, CustomTestStringConvertible {
    let testDescription: String
    /// As the log names it.
    let kind: String
    /// Before the flood.
    let beginning: @Sendable (RawHTTP2) throws -> Void
    /// The frames of one round; rounds are counted from 0.
    let round: @Sendable (RawHTTP2, UInt32) -> [RawFrame]

    init(
      _ name: String, _ kind: String, beginning: @escaping @Sendable (RawHTTP2) throws -> Void = { _ in },
      _ round: @escaping @Sendable (RawHTTP2, UInt32) -> [RawFrame]
    ) {
      (testDescription, self.kind, self.beginning, self.round) = (name, kind, beginning, round)
    }
  }

  static let floods: [Flood] = [
    Flood("requests that are reset", "resets") { client, round in
      [client.headers(1 + 2 * round), .rstStream(1 + 2 * round)]
    },
    Flood("requests that have to be reset for a window", "resets") { client, round in
      [client.headers(1 + 2 * round, "POST", [], .endHeaders), .windowUpdate(1 + 2 * round, .max >> 1)]
    },
    Flood("requests that have to be reset for their fields", "resets") { client, round in
      [client.headers(1 + 2 * round, "GET", [("X", "y")])]
    },
    Flood("requests that have to be reset for their length", "resets") { client, round in
      [client.headers(1 + 2 * round, "POST", [("content-length", "9")], .endHeaders), .data(1 + 2 * round, "short")]
    },
    Flood("SETTINGS", "settings") { _, _ in [.settings()] },
    Flood("SETTINGS with many values", "settings") { _, round in [.settings((0x1, round % 4096), (0x4, 1000 + round), (0x3, 9))] },
    Flood("PING", "pings") { _, _ in [.ping()] },
    Flood("acknowledgements of no PING", "pings") { _, _ in [.ping(.ack)] },
    Flood("PRIORITY", "priorities") { _, round in [.priority(1 + 2 * round, on: 0)] },
    Flood("WINDOW_UPDATE", "window_updates") { _, _ in [.windowUpdate(0, 1)] },
    Flood("WINDOW_UPDATE of a stream", "window_updates", beginning: { $0.send($0.headers(1, "POST", [], .endHeaders)) }) { _, _ in
      [.windowUpdate(1, 1)]
    },
    Flood("empty DATA", "empty_data", beginning: { $0.send($0.headers(1, "POST", [], .endHeaders)) }) { _, _ in [.data(1, "", [])] },
    Flood("DATA of padding", "empty_data", beginning: { $0.send($0.headers(1, "POST", [], .endHeaders)) }) { _, _ in
      [.data(1, "\u{2}\0\0", .padded)]
    },
    Flood("CONTINUATION", "continuations", beginning: { $0.send($0.headers(1, "GET", [], [])) }) { _, _ in
      [.continuation(1, [], [])]
    },
    Flood("sections that grow when they are decoded", "header_sections") { client, round in
      // 4,000 bytes put into the table by the first field, and then named by a byte each.
      let bomb = [0x40] + RawHPACK.string(Array("x".utf8)) + RawHPACK.string([UInt8](repeating: 120, count: 4000))
      return [client.headers(1 + 2 * round, block: client.block() + bomb + [UInt8](repeating: 0xBE, count: 2000))]
    },
  ]

  private func events(_ sidecar: SidecarUnderTest, _ kind: String) -> Int {
    sidecar.events.components(separatedBy: #""event":"connection_flooded","kind":"\#(kind)""#).count - 1
  }

  @Test(arguments: floods)
  func `a flood is ended with ENHANCE_YOUR_CALM, said in the log, and costs nobody else an answer`(_ flood: Flood) throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let before = events(sidecar, flood.kind)
    let other = try RawHTTP2(port: sidecar.port, path: "/public/beside")
    let client = try RawHTTP2(port: sidecar.port, path: "/flood")
    try flood.beginning(client)
    var round: UInt32 = 1
    // Few at a time, so that no other limit comes first.
    while round < 20_000, !client.isBroken {
      client.send((0..<50).flatMap { flood.round(client, round + $0) })
      round += 50
      other.send(.windowUpdate(0, 16_384), other.headers(1 + 2 * round))
      #expect(try other.content(1 + 2 * round).hasPrefix("GET /public/beside "))
    }
    let (frames, end) = client.readToEnd()
    #expect(end != .timedOut)
    let goAway = frames.last { $0.kind == RawFrame.Kind.goAway }
    // A reset can overtake the GOAWAY of who goes on sending.
    #expect(goAway?.code == H2Code.enhanceYourCalm.rawValue || end == .reset)
    #expect(eventually { events(sidecar, flood.kind) > before ? true : nil } == true, "\(sidecar.events.suffix(500))")
  }

  @Test func `a field that the library cannot decode ends its connection with GOAWAY, and no other`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let other = try RawHTTP2(port: sidecar.port, path: "/public/beside")
    let client = try RawHTTP2(port: sidecar.port, path: "/public/large")
    let block = client.block("GET", [("x-large", String(repeating: "a", count: 70_000))])
    let parts = stride(from: 0, to: block.count, by: 16_384).map { Array(block[$0..<min($0 + 16_384, block.count)]) }
    for (index, part) in parts.enumerated() {
      let flags: RawFrame.Flags = index == parts.count - 1 ? .endHeaders : []
      client.send(index == 0 ? client.headers(1, block: part, [.endStream]) : .continuation(1, part, flags))
    }
    let (frames, end) = client.readToEnd()
    #expect(end != .timedOut)
    let code = frames.last { $0.kind == RawFrame.Kind.goAway }?.code
    #expect(code == H2Code.compressionError.rawValue, "\(frames)")
    other.send(other.headers(1))
    #expect(try other.content(1).hasPrefix("GET /public/beside "))
    #expect(try sidecar.ask("GET", "/public/afterwards").status == 200)
  }

  /// DATA of a stream that is gone, and frames of unknown kinds (RFC 9113 §5.1, §5.5).
  @Test func `what is to be ignored costs nobody else an answer, and holds no connection open`() throws {
    let ignored: [RawFrame] = [RawFrame(0xEE, []), RawFrame(0xEE, [], stream: 1, [1, 2, 3]), .data(1, "", []), .data(1, "late", [])]
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let other = try RawHTTP2(port: sidecar.port, path: "/public/beside")
    let client = try RawHTTP2(port: sidecar.port, path: "/public/ignored")
    client.send(client.headers(1))
    #expect(try client.content(1).hasPrefix("GET /public/ignored "))
    for round in 0..<50 as Range<UInt32> {
      client.send((0..<500).flatMap { _ in ignored })
      other.send(.windowUpdate(0, 16_384), other.headers(1 + 2 * round))
      #expect(try other.content(1 + 2 * round).hasPrefix("GET /public/beside "))
    }
    client.send(client.headers(3))
    #expect(try client.content(3).hasPrefix("GET /public/ignored "))

    let hasty = try SidecarUnderTest(app: try LoopbackServer.freePort(), limits: Self.hasty)
    let idle = try RawHTTP2(port: hasty.port)
    let isOver = eventually {
      idle.send(RawFrame(0xEE, []))
      usleep(50_000)
      return idle.isBroken ? true : nil
    }
    #expect(isOver == true)
  }

  @Test func `a busy connection may reset, ping and open windows`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let client = try RawHTTP2(port: sidecar.port, path: "/public/busy")
    var stream: UInt32 = 1
    for round in 0..<300 {
      client.send(client.headers(stream))
      #expect(try client.content(stream).hasPrefix("GET /public/busy "))
      client.send(.windowUpdate(0, 1000), .ping())
      if round % 4 == 0 {
        client.send(client.headers(stream + 2), .rstStream(stream + 2))
        stream += 2
      }
      stream += 2
    }
    client.send(.ping([], "the last"))
    while true {
      let frame = try client.read(RawFrame.Kind.ping)
      if frame.payload == Array("the last".utf8) { break }
    }
  }

  // MARK: Clients that are slow on purpose

  @Test func `an idle HTTP/2 connection is closed in time, and its worker goes on`() throws {
    let sidecar = try SidecarUnderTest(app: try LoopbackServer.freePort(), limits: Self.hasty)
    let (frames, end) = try RawHTTP2(port: sidecar.port).readToEnd()
    #expect(frames.last?.code == H2Code.noError.rawValue)
    #expect(end == .closed)
    #expect(try sidecar.ask("GET", "/x", authorized: false).status == 401)
  }

  private static let hasty = "lameDuck: 1ms, requestHead: 300ms, idle: 1s, bodyIdle: 300ms"

  private static let greeting = RawHTTP2.preface + RawFrame.settings().bytes
  private static let method = RawHPACK.block([(":method", "GET")])

  private static func head(_ flags: RawFrame.Flags) -> [UInt8] {
    RawFrame(RawFrame.Kind.headers, flags, stream: 1, method).bytes
  }

  static let slow: KeyValuePairs<String, [UInt8]> = [
    "nothing": [],
    "half a preface": Array("PRI * HTTP/2.0\r\n\r\nS".utf8),
    "a preface without SETTINGS": RawHTTP2.preface,
    "half a SETTINGS": Array(greeting.dropLast()),
    "a section without end": greeting + head(.endStream),
    "half a HEADERS": Array((greeting + head([.endStream, .endHeaders])).dropLast()),
    "half a request line": Array("GET /s".utf8),
    "half a head": Array("GET /s HTTP/1.1\r\nHost: a\r\n".utf8),
  ]

  @Test func `who begins and does not go on is sent away in time`() throws {
    let sidecar = try SidecarUnderTest(app: try LoopbackServer.freePort(), limits: Self.hasty)
    let connections = try Self.slow.map { name, bytes in
      let connection = try sidecar.connection()
      try connection.send(bytes)
      return (name, connection)
    }
    for (name, connection) in connections { #expect(connection.readToEnd().end != .timedOut, "\(name)") }
    #expect(events(sidecar, "slow_sections") == 4)
  }

  @Test(arguments: ["", "GET /s HTTP/1.1\r\nHost: a\r\n\r\n"])
  func `a head that comes drop by drop has the time of one head`(before: String) throws {
    let sidecar = try SidecarUnderTest(
      app: try LoopbackServer.freePort(), limits: "lameDuck: 1ms, requestHead: 500ms, idle: 1h, bodyIdle: 1h")
    let connection = try sidecar.connection()
    try connection.send(before)
    if !before.isEmpty { #expect(try connection.readResponse().status == 401) }
    try connection.send("GET /drop HTTP/1.1\r\nHost: a\r\nX: ")
    let isOver = eventually {
      _ = try? connection.send("x")
      usleep(50_000)
      return sidecar.accessLines.contains { $0.contains(#""reason":"request_timeout""#) } ? true : nil
    }
    #expect(isOver == true)
  }

  @Test func `an empty line without a request behind it is no request that came too late`() throws {
    let sidecar = try SidecarUnderTest(app: try LoopbackServer.freePort(), limits: Self.hasty)
    let connection = try sidecar.connection()
    try connection.send("GET /s HTTP/1.1\r\nHost: a\r\n\r\n\r\n")
    #expect(try connection.readResponse().status == 401)
    let (rest, end) = connection.readToEnd()
    #expect(rest.isEmpty && end == .closed)
  }

  @Test(arguments: DownstreamOutcome.Version.allCases)
  func `a client that stops within its content is the one that was too slow, not the app`(version: DownstreamOutcome.Version) throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(
      app: app.port, upstream: "protocol: http1, timeouts: {responseHead: 200ms}", limits: "lameDuck: 1ms, bodyIdle: 1s")
    if version == .http1 {
      let connection = try sidecar.connection()
      try connection.send("POST /public/stop HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
      #expect(try connection.readResponse().text == #"{"error":"request_timeout"}"#)
    } else {
      let client = try RawHTTP2(port: sidecar.port, path: "/public/stop")
      client.send(client.headers(1, "POST", [], .endHeaders), .data(1, "abc", []))
      #expect(try client.content(1) == #"{"error":"request_timeout"}"#)
    }
  }

  /// Connections to a port of this machine, as the kernel knows them.
  private static func openCount(_ port: UInt16) -> Int {
    let local = "0100007F:" + String(format: "%04X", Int(port))
    let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
    var count = 0
    for line in table.split(separator: "\n") {
      let columns = line.split(separator: " ").map(String.init)
      if columns.count > 3, columns[1] == local, columns[3] == "01" { count += 1 }
    }
    return count
  }

  @Test(arguments: ["HTTP/1.1", "HTTP/2"])
  func `who does not read is sent away in time`(version: String) throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, limits: Self.hasty)
    app.on("/public/endless") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\n\r\n")
      while true { try connection.send([UInt8](repeating: 120, count: 65_536)) }
    }
    if version == "HTTP/2" {
      let client = try RawHTTP2(port: sidecar.port, path: "/public/endless")
      client.send(.settings((0x4, 1 << 30)), .windowUpdate(0, 1 << 30), client.headers(1))
      #expect(eventually { sidecar.accessLines("/public/endless").isEmpty ? nil : true } == true)
      // All that is stuck in the socket, and then the end.
      #expect(eventually { Self.openCount(sidecar.port) == 0 ? true : nil } == true)
      #expect(client.readToEnd().end != .timedOut)
    } else {
      let connection = try sidecar.connection()
      try connection.send("GET /public/endless HTTP/1.1\r\nHost: a\r\n\r\n")
      #expect(eventually { Self.openCount(sidecar.port) == 0 ? true : nil } == true)
      #expect(connection.readToEnd().end == .reset)
    }
  }
}
