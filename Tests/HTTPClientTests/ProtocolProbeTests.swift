import HTTPClient
import Testing
import Transport

@Suite struct ProtocolProbeTests {
  private func outcome(_ peer: Peer, answer: Duration = .seconds(20)) -> ProtocolProbe.Outcome {
    ProtocolProbe.run([SocketAddress(literal: "127.0.0.1", port: peer.port)!], connect: .seconds(20), answer: answer)
  }

  @Test func `nghttpd speaks HTTP/2`() throws {
    let port = Peer.freePort()
    #expect(outcome(try Peer("nghttpd", port: port, ["-v", "--no-tls", "-a", "127.0.0.1", String(port)])) == .http2)
  }

  @Test func `Python's server speaks HTTP/1.1`() throws {
    let port = Peer.freePort()
    #expect(outcome(try Peer("python3", port: port, ["-u", "-m", "http.server", "--bind", "127.0.0.1", String(port)])) == .http1)
  }

  @Test(arguments: [
    // An acknowledgement of settings that it did not send itself.
    #"c.sendall(frame(4, 1, 0))"#,
    // SETTINGS with a length that is none, of a stream, with a value that is none.
    #"c.sendall(frame(4, 0, 0, b"12345"))"#,
    #"c.sendall(frame(4, 0, 1))"#,
    #"c.sendall(frame(4, 0, 0, struct.pack(">HI", 4, 0xffffffff)))"#,
    #"c.sendall(frame(7, 0, 0, struct.pack(">II", 0, 0)))"#,
    #"c.sendall(b"HTTP/1.1 200 OK\r\n\r\n")"#,
    "reset(c)",
  ])
  func `only valid SETTINGS mean HTTP/2`(answer: String) throws {
    #expect(outcome(try Peer(script: "c = accept(); exactly(c, 24)\n\(answer)\nc.close(); accept()")) == .http1)
  }

  @Test func `silence means HTTP/1.1`() throws {
    #expect(outcome(try Peer(script: "c = accept(); to_end(c); accept()"), answer: .milliseconds(50)) == .http1)
  }

  @Test func `nobody listening is neither`() throws {
    let address = SocketAddress(literal: "127.0.0.1", port: Peer.freePort())!
    guard case .unreachable = ProtocolProbe.run([address]) else { return #expect(Bool(false), "somebody answered") }
  }

  @Test func `an address that takes no connection is passed over`() throws {
    let port = Peer.freePort()
    let peer = try Peer("nghttpd", port: port, ["-v", "--no-tls", "-a", "127.0.0.1", String(port)])
    let addresses = [Peer.freePort(), peer.port].map { SocketAddress(literal: "127.0.0.1", port: $0)! }
    #expect(ProtocolProbe.run(addresses) == .http2)
  }
}
