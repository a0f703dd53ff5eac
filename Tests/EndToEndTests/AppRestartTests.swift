import Foundation
import Synchronization
import TestPeers
import Testing

/// An app that goes and comes back on its port: nobody has to tell the sidecar.
@Suite(.serialized) struct AppRestartTests {
  enum Version: String, CaseIterable { case h1, h2 }

  private static func start(_ version: Version, _ port: UInt16) throws -> ChildProcess {
    let script = "require('http').createServer((q, r) => { q.resume(); q.on('end', () => r.end('plain')) }).listen(\(port), '127.0.0.1')"
    let app = try ChildProcess("node", version == .h1 ? ["-e", script] : [Python.peers + "/http2_app.mjs", "\(port)"])
    #expect(eventually { (try? RawConnection(port: port)) == nil ? nil : true } == true)
    return app
  }

  private static func kill(_ app: ChildProcess) {
    app.signal(SIGKILL)
    #expect(app.ending() != nil)
  }

  private static func connectionCount(_ sidecar: SidecarUnderTest) -> Int? {
    let lines = sidecar.probe("/metrics")?.text.split(separator: "\n") ?? []
    return lines.first { $0.hasPrefix("passkey_sidecar_upstream_connections ") }.flatMap { Int($0.split(separator: " ")[1]) }
  }

  @Test(arguments: Version.allCases)
  func `connections to an app that went are forgotten, and the first request to its successor is served`(version: Version) throws {
    let port = try LoopbackServer.freePort()
    var app = try Self.start(version, port)
    let sidecar = try SidecarUnderTest(app: port, upstream: "protocol: auto")
    for round in 0..<3 {
      #expect(try sidecar.ask("GET", "/x").status == 200)
      #expect((Self.connectionCount(sidecar) ?? 0) > 0)
      Self.kill(app)
      #expect(eventually { Self.connectionCount(sidecar) == 0 ? true : nil } == true)
      if round == 1 { #expect(try sidecar.ask("GET", "/x").status == 502) }
      app = try Self.start(version, port)
      // Not one that could be sent twice.
      #expect(try sidecar.ask("POST", "/x", "Content-Length: 1\r\n", body: "a").status == 200)
    }
    app.signal(SIGKILL)
  }

  private static func readiness(_ sidecar: SidecarUnderTest, _ status: String, _ app: String) -> Bool? {
    guard let ready = sidecar.probe("/ready"), ready.status == 200 else { return nil }
    return ready.json["status"] as? String == status && ready.json["upstream"] as? String == app ? true : nil
  }

  @Test(arguments: ["auto", "http1"])
  func `readiness tells that the app is away, and its return without being asked for anything`(spoken: String) throws {
    let port = try LoopbackServer.freePort()
    var app = try Self.start(.h1, port)
    let sidecar = try SidecarUnderTest(app: port, upstream: "protocol: \(spoken)")
    #expect(try sidecar.ask("GET", "/x").status == 200)
    #expect(Self.readiness(sidecar, "ready", "http1") == true)
    Self.kill(app)
    #expect(try sidecar.ask("GET", "/x").status == 502)
    #expect(eventually { Self.readiness(sidecar, "degraded", "lost") } == true)
    app = try Self.start(.h1, port)
    #expect(eventually { Self.readiness(sidecar, "ready", "http1") } == true)
    // Away again, and nobody had noticed that it was there.
    Self.kill(app)
    #expect(try sidecar.ask("GET", "/x").status == 502)
    #expect(eventually { Self.readiness(sidecar, "degraded", "lost") } == true)
  }

  @Test func `an app that starts after us makes us ready, also where nothing is sent to who is not`() throws {
    let port = try LoopbackServer.freePort()
    let issuer = try TokenFactory()
    let sidecar = try ConfiguredSidecar(
      app: port, files: ["keys.json": try issuer.jwkSet], spoken: "auto", waitsForReady: false,
      """
      issuers: [{issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], keys: {file: keys.json}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      admin: {strictReadiness: true, address: "127.0.0.1:\(try LoopbackServer.freePort())"}

      """)
    #expect(eventually { sidecar.probe("/ready")?.text.contains(#""upstream":"lost""#) == true ? true : nil } == true)
    #expect(sidecar.probe("/ready")?.status == 503)
    let app = try Self.start(.h1, port)
    #expect(eventually { sidecar.probe("/ready")?.status == 200 ? true : nil } == true)
    Self.kill(app)
  }

  /// An app whose machine is gone ends no connections. Its successor answers on others.
  @Test func `an HTTP/2 connection that has fallen silent is not used again`() throws {
    let count = Guarded(0)
    let app = try LoopbackServer { connection in
      count.change { $0 += 1 }
      let isFirst = count.value == 1
      guard let server = try? RawHTTP2(serving: connection) else { return }
      var answered = 0
      while let frame = try? server.read() {
        guard frame.kind == RawFrame.Kind.headers, !(isFirst && answered > 0) else { continue }
        server.send(server.headers(frame.stream, block: RawHPACK.block([(":status", "204")])))
        answered += 1
      }
    }
    let sidecar = try SidecarUnderTest(app: app.port, upstream: "protocol: http2, timeouts: {responseHead: 1s}")
    #expect(try (0..<4).map { _ in try sidecar.ask("GET", "/x").status } == [204, 504, 204, 204])
    #expect(count.value == 2)
  }

  /// What clients that ask without pause were told.
  private final class Load: Sendable {
    private let statuses = Mutex<[Int]>([])
    private let isOver = Mutex(false)
    private let threads = DispatchGroup()

    init(_ sidecar: SidecarUnderTest, clients: Int) throws {
      let request = "GET /x HTTP/1.1\r\nHost: a\r\n\(try sidecar.authorization)\r\n"
      let port = sidecar.port
      for _ in 0..<clients {
        threads.enter()
        Thread.detachNewThread { [self] in
          defer { threads.leave() }
          var connection: RawConnection?
          while !isOver.withLock({ $0 }) {
            let status: Int
            do {
              let open = try connection ?? RawConnection(port: port)
              connection = open
              try open.send(request)
              status = try open.readResponse().status
            } catch {
              status = 0
              connection = nil
            }
            statuses.withLock { $0.append(status) }
          }
        }
      }
    }

    var seen: [Int] { statuses.withLock { $0 } }

    func end() {
      isOver.withLock { $0 = true }
      threads.wait()
    }
  }

  @Test(arguments: Version.allCases)
  func `under load too, and who asks meanwhile is told`(version: Version) throws {
    let port = try LoopbackServer.freePort()
    var app = try Self.start(version, port)
    let sidecar = try SidecarUnderTest(app: port, upstream: "protocol: auto")
    let load = try Load(sidecar, clients: 4)
    defer { load.end() }
    for _ in 0..<2 {
      let before = load.seen.count
      #expect(eventually { load.seen.count > before + 200 ? true : nil } == true)
      Self.kill(app)
      let gone = load.seen.count
      #expect(eventually { load.seen.count > gone + 200 ? true : nil } == true)
      app = try Self.start(version, port)
      // Whoever was told no by then has asked before.
      let back = load.seen.count + 8
      #expect(eventually { load.seen.count > back + 500 ? true : nil } == true)
      #expect(Set(load.seen[(back + 200)...]) == [200])
    }
    load.end()
    #expect(Set(load.seen).isSubset(of: [200, 502]), "\(Set(load.seen))")
    #expect(load.seen.contains(502))
    app.signal(SIGKILL)
  }
}
