import Foundation
import HTTP
@testable import HTTPClient
import Testing
import Transport

@Suite struct HTTP2SideTests {
  typealias Request = ClientUnderTest.Request

  /// nghttpd(1) with a folder that holds `small` (5 bytes) and `large` (3 MiB).
  struct Server {
    let folder: TemporaryFolder
    let peer: Peer

    init(_ options: [String] = []) throws {
      folder = try TemporaryFolder()
      try Data("small".utf8).write(to: folder.url.appending(path: "small"))
      try Data(repeating: 120, count: 3 << 20).write(to: folder.url.appending(path: "large"))
      let port = Peer.freePort()
      peer = try Peer("nghttpd", port: port, ["-v", "--no-tls", "-d", folder.url.path, "-a", "127.0.0.1"] + options + [String(port)])
    }
  }

  @Test func `a response arrives whole`() throws {
    let server = try Server()
    let record = try ClientUnderTest(server.peer, .http2).exchange(Request("GET", "/small"))
    #expect(record.statuses == [200])
    #expect(record.text == "small")
    #expect(record.events == ["response", "ended"])
  }

  @Test func `an answer to HEAD has a length and no content`() throws {
    let server = try Server()
    let record = try ClientUnderTest(server.peer, .http2).exchange(Request("HEAD", "/small"))
    #expect(record.head.contentLength == 5)
    #expect(record.content.isEmpty)
    #expect(record.events == ["response", "ended"])
  }

  @Test func `content and trailers go both ways`() throws {
    let server = try Server(["--echo-upload", "--trailer=x-sum: 1"])
    let content = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let record = try ClientUnderTest(server.peer, .http2).exchange(Request("POST", "/", [], content: [content]))
    #expect(record.content == content)
    #expect(record.trailers == ["x-sum: 1"])
    #expect(record.sentByteCount == content.count)
  }

  @Test func `many calls share one connection`() throws {
    let server = try Server()
    let client = try ClientUnderTest(server.peer, .http2)
    let owners = try (0..<60).map { _ in try client.open(Request("GET", "/small")) }
    client.run { owners.allSatisfy { client.records[$0]!.isOver } }
    #expect(owners.allSatisfy { client.records[$0]!.text == "small" })
    #expect(client.client.connectionCount == 1)
  }

  @Test func `beyond the peer's limit of streams another connection is made`() throws {
    let server = try Server(["-m", "1"])
    let client = try ClientUnderTest(server.peer, .http2)
    _ = try client.exchange(Request("GET", "/small"))
    var request = Request("GET", "/large")
    request.takes = false
    let first = try client.open(request)
    let second = try client.open(request)
    client.run { [first, second].allSatisfy { client.records[$0]!.events == ["response"] } }
    #expect(client.client.connectionCount == 2)
  }

  @Test func `a large answer arrives while no more than the window waits`() throws {
    let server = try Server()
    let client = try ClientUnderTest(server.peer, .http2)
    var request = Request("GET", "/large")
    request.takes = false
    let owner = try client.open(request)
    let call = client.handles[owner]!
    let window = OriginSettings(authority: "").streamWindowBytes
    client.run { client.client.calls[call].content.count >= window }
    for _ in 0..<50 { client.turn(atMost: .milliseconds(1)) }
    #expect(client.client.calls[call].content.count == window)
    // Others are not held up by one that nobody reads.
    #expect(try client.exchange(Request("GET", "/small")).text == "small")
    while !client.records[owner]!.isOver {
      client.take(owner)
      client.turn()
      client.turn(atMost: .seconds(1))
    }
    client.take(owner)
    #expect(client.records[owner]!.content.count == 3 << 20)
  }

  @Test func `a cancelled call leaves the connection to the others`() throws {
    let server = try Server()
    let client = try ClientUnderTest(server.peer, .http2)
    let owner = try client.open(Request("GET", "/large"))
    client.run { client.records[owner]!.events == ["response"] }
    client.client.cancel(client.handles[owner]!)
    let second = try client.exchange(Request("GET", "/small"))
    #expect(second.failure == nil)
    #expect(second.text == "small")
    #expect(second.isReused)
    #expect(client.client.connectionCount == 1)
  }

  // MARK: Misbehaviour, by hand-made frames

  private func client(_ script: String) throws -> ClientUnderTest {
    let peer = try Peer(script: "c = accept()\ngreet(c)\n\(script)\naccept()")
    return try ClientUnderTest(peer, .http2)
  }

  @Test func `a stream above the last one of a GOAWAY is retryable, the others finish`() throws {
    let client = try client("""
      next_request(c); next_request(c)
      c.sendall(frame(7, 0, 0, struct.pack(">II", 1, 0)) + frame(1, 5, 1, OK))
      """)
    let first = try client.open(Request())
    let second = try client.open(Request())
    client.run { client.records[first]!.isOver && client.records[second]!.isOver }
    #expect(client.records[first]!.events == ["response", "ended"])
    #expect(client.records[second]!.failure?.kind == .refused)
    #expect(client.records[second]!.failure?.retryable == true)
    for owner in [first, second] { client.client.release(client.handles[owner]!) }
    client.run { client.client.connectionCount == 0 }
  }

  @Test func `after a GOAWAY new calls take a new connection`() throws {
    let client = try client("""
      next_request(c); c.sendall(frame(7, 0, 0, struct.pack(">II", 1, 0)))
      d = accept(); greet(d); next_request(d); d.sendall(frame(1, 5, 1, OK)); c.sendall(frame(1, 5, 1, OK))
      """)
    let first = try client.open(Request())
    client.run { client.client.connections.handles().contains { client.client.connections[$0].isDraining } }
    let second = try client.open(Request())
    client.run { client.records[first]!.isOver && client.records[second]!.isOver }
    #expect([first, second].allSatisfy { client.records[$0]!.statuses == [200] })
    #expect(client.records[second]!.isReused == false)
  }

  @Test func `a refused stream is retryable`() throws {
    let client = try client(#"next_request(c); c.sendall(frame(3, 0, 1, struct.pack(">I", 7)))"#)
    let failure = try #require(try client.exchange().failure)
    #expect(failure.kind == .refused)
    #expect(failure.retryable)
  }

  @Test(arguments: [
    #"c.sendall(frame(3, 0, 1, struct.pack(">I", 2)))"#,
    #"c.sendall(frame(1, 4, 1, OK) + frame(0, 0, 1, b"part") + frame(3, 0, 1, struct.pack(">I", 0)))"#,
    #"c.sendall(frame(1, 4, 1, OK) + frame(0, 0, 1, b"part")); c.close()"#,
    #"c.sendall(frame(1, 4, 1, OK) + frame(0, 0, 1, b"part")); reset(c)"#,
    #"c.close()"#,
  ])
  func `a response that is cut never ends`(misdeed: String) throws {
    let client = try client("next_request(c)\n\(misdeed)")
    let record = try client.exchange()
    #expect(record.failure?.kind == .reset)
    #expect(record.failure?.retryable == false)
    #expect(record.failure?.mayHaveLeft == true)
    #expect(!record.events.contains("ended"))
  }

  @Test(arguments: [
    // content-length: 9, then 4 bytes
    #"c.sendall(frame(1, 4, 1, OK + b"\x0f\x0d\x019") + frame(0, 1, 1, b"part"))"#,
    // :status twice
    #"c.sendall(frame(1, 5, 1, OK + OK))"#,
    // a field name in capitals
    #"c.sendall(frame(1, 5, 1, OK + b"\x00\x01A\x01b"))"#,
    // a frame that is too large
    #"c.sendall(frame(0, 0, 1, b"x" * 20000))"#,
    #"c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")"#,
  ])
  func `what is no response is a protocol error`(misdeed: String) throws {
    let client = try client("next_request(c)\n\(misdeed)\nto_end(c)")
    let record = try client.exchange()
    #expect(record.failure?.kind == .protocolError)
    #expect(record.failure?.retryable == false)
  }

  @Test func `an origin that does not speak HTTP/2 is never taken for one that does`() throws {
    let peer = try Peer(script: #"c = accept(); c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"); to_end(c); accept()"#)
    let record = try ClientUnderTest(peer, .http2).exchange()
    #expect(record.failure?.kind == .protocolError)
  }

  @Test func `a response head holds nothing of the response whose memory it has taken over`() throws {
    let client = try client("""
      def field(name, value): return b"\\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value
      for number in range(3):
          c.sendall(frame(1, 5, next_request(c), OK + field(b"x-%d" % number, b"value-%d" % number)))
      """)
    for number in 0..<3 {
      let head = try client.exchange().head
      #expect(String(decoding: head.fields.bytes, as: UTF8.self) == "x-\(number)value-\(number)")
      #expect(head.fields.lines.count == 1)
    }
  }

  @Test func `interim responses come before the final one`() throws {
    let client = try client(#"next_request(c); c.sendall(frame(1, 4, 1, b"\x08\x03103") + frame(1, 5, 1, OK))"#)
    #expect(try client.exchange().statuses == [103, 200])
  }

  @Test func `a response that ends before the request does is complete`() throws {
    let client = try client("next_request(c); c.sendall(frame(1, 5, 1, OK)); to_end(c)")
    let large = [UInt8](repeating: 97, count: 1 << 20)
    let record = try client.exchange(Request("POST", "/", [], content: [large]))
    #expect(record.events == ["response", "ended"])
    #expect(client.client.calls.count == 0)
  }
}
