import HTTP
import HTTPServer
import TestPeers
import Testing
import Transport

@Suite struct ConnectionLimitTests {
  /// One connection is allowed; the second is served once the first has gone.
  @Test func `whoever comes above the limit is served when there is room`() async throws {
    let executor = try LoopExecutor()
    _ = try Transport.Thread(named: "test-loop") { executor.run() }
    defer { executor.stop() }
    var limits = ServerLimits()
    limits.connectionCount = 1
    let server = try BufferedServer(on: executor, at: SocketAddress(ipv4: 0x7F00_0001, port: 0), limits: limits) {
      BufferedServerTests.echo($0)
    }
    await server.start()
    let port = server.address.port
    let first = try TestPeers.RawConnection(port: port)
    try first.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try first.readResponse().status == 200)
    let second = try TestPeers.RawConnection(port: port)
    try second.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    first.abort()
    #expect(try second.readResponse().text.hasPrefix("GET /2 "))
  }
}
