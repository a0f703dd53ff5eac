import Foundation
import TestPeers
import Testing

/// What is refused in cleartext is refused under TLS: some offenders of each kind, through somebody else's TLS.
@Suite struct OverTLSTests {
  private final class Bridged: Sendable {
    let app: RecordingApp
    let secured: TLSTests.Secured
    private let bridges: [(port: UInt16, process: ChildProcess)]

    init() throws {
      let app = try RecordingApp()
      let secured = try TLSTests.Secured(app: app.port)
      (self.app, self.secured) = (app, secured)
      bridges = try ["http/1.1", "h2"].map { version in
        let port = try LoopbackServer.freePort()
        let process = try ChildProcess(
          "/usr/bin/python3",
          [Python.peers + "/tls_bridge.py", "\(port)", "\(secured.sidecar.port)", secured.folder + "ca.pem", "a.test", version])
        _ = eventually { try? RawConnection(port: port) }
        return (port, process)
      }
    }

    var http1: UInt16 { bridges[0].port }
    var http2: UInt16 { bridges[1].port }

    static let shared = Result { try Bridged() }
  }

  static let floods = FloodTests.floods.filter { ["requests that are reset", "PING", "CONTINUATION"].contains($0.testDescription) }

  @Test(arguments: floods)
  func `a flood ends its connection and no other`(_ flood: FloodTests.Flood) throws {
    let bridged = try Bridged.shared.get()
    let other = try RawHTTP2(port: bridged.http2, path: "/public/beside")
    let client = try RawHTTP2(port: bridged.http2, path: "/flood")
    try flood.beginning(client)
    var round: UInt32 = 1
    while round < 20_000, !client.isBroken {
      client.send((0..<50).flatMap { flood.round(client, round + $0) })
      round += 50
      other.send(.windowUpdate(0, 16_384), other.headers(1 + 2 * round))
      #expect(try other.content(1 + 2 * round).hasPrefix("GET /public/beside "))
    }
    let (frames, end) = client.readToEnd()
    #expect(end != .timedOut)
    let goAway = frames.last { $0.kind == RawFrame.Kind.goAway }
    #expect(goAway?.code == H2Code.enhanceYourCalm.rawValue || end == .reset)
    let sidecar = bridged.secured.sidecar
    let event = eventually { sidecar.events("connection_flooded").first { $0["kind"] as? String == flood.kind } }
    #expect(event != nil, "\(sidecar.events)")
  }

  static let cases = SmugglingCases.all.filter { test in
    ["chunks: a line that ends with LF", "field: 0 in a value", "line: PRI", "host: two", "upgrade: h2c"]
      .contains(test.testDescription)
  } + SmugglingCases.framing.prefix(4)

  @Test(arguments: cases)
  func `what two parsers read differently is refused, and the app sees nothing of it`(_ test: WireCase) throws {
    let bridged = try Bridged.shared.get()
    let id = "\(UUID().uuidString)."
    let connection = try RawConnection(port: bridged.http1)
    try connection.send(test.bytes(id: id, authorization: try bridged.secured.sidecar.authorization))
    let answers = try test.statuses.map { _ in try connection.readResponse() }
    #expect(answers.map(\.status) == test.statuses)
    #expect(answers.last?.text == test.reason.map { #"{"error":"\#($0)"}"# })
    #expect(connection.readToEnd() == ([], .closed))
    #expect(bridged.app.received("/s/\(id)").count == test.seen.count)
  }

  /// ALPN has said what is spoken.
  @Test func `the preface of HTTP/2 is refused where ALPN chose HTTP/1.1, and HTTP/1.1 where it chose HTTP/2`() throws {
    let bridged = try Bridged.shared.get()
    let first = try RawConnection(port: bridged.http1)
    try first.send(RawHTTP2.preface + RawFrame.settings().bytes)
    #expect(try first.readResponse().status == 400)
    let second = try RawConnection(port: bridged.http2)
    try second.send("GET /public/x HTTP/1.1\r\nHost: a\r\n\r\n")
    let (bytes, end) = second.readToEnd()
    #expect(end != .timedOut && !String(decoding: bytes, as: UTF8.self).contains("HTTP/1.1 200"))
    #expect(bridged.app.received("/public/x").isEmpty)
  }
}
