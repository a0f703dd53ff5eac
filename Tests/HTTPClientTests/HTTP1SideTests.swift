import HTTP
@testable import HTTPClient
import Testing
import Transport

@Suite struct HTTP1SideTests {
  typealias Request = ClientUnderTest.Request

  /// One connection that gets one answer and then ends in order.
  private func exchange(answer: String, _ request: Request = Request(), ending: String = "c.close()") throws -> ClientUnderTest.Record {
    let peer = try Peer(script: "c = accept(); head(c); c.sendall(\(answer)); \(ending); accept()")
    return try ClientUnderTest(peer).exchange(request)
  }

  @Test func `a response with a length arrives whole`() throws {
    let record = try exchange(answer: #"b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello""#)
    #expect(record.events == ["response", "ended"])
    #expect(record.text == "hello")
    #expect(record.head.fields.values("x-a") == ["b"])
  }

  @Test func `a chunked response arrives with its trailers`() throws {
    let record = try exchange(
      answer: #"b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n""#)
    #expect(record.text == "abcde")
    #expect(record.trailers == ["x-sum: 1"])
  }

  @Test func `a response that comes byte by byte is the same`() throws {
    let peer = try Peer(script: #"""
      c = accept(); c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); head(c)
      for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n": c.send(bytes([byte]))
      accept()
      """#)
    let record = try ClientUnderTest(peer).exchange()
    #expect(record.text == "0123456789abcdef")
    #expect(record.events == ["response", "ended"])
  }

  @Test func `interim responses come before the final one`() throws {
    let record = try exchange(
      answer: #"b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n""#)
    #expect(record.statuses == [100, 103, 204])
    #expect(record.events == ["response", "ended"])
  }

  @Test(arguments: ["101 Switching Protocols", "OK"])
  func `what cannot be relayed is a protocol error`(line: String) throws {
    let record = try exchange(answer: "b\"HTTP/1.1 \(line)\\r\\nUpgrade: websocket\\r\\nConnection: upgrade\\r\\n\\r\\n\"")
    #expect(record.failure?.kind == .protocolError)
    #expect(record.failure?.retryable == false)
    #expect(record.events == [])
  }

  @Test func `a response without length ends with the connection`() throws {
    let record = try exchange(answer: #"b"HTTP/1.1 200 OK\r\n\r\nto the end""#)
    #expect(record.events == ["response", "ended"])
    #expect(record.text == "to the end")
  }

  @Test(arguments: [
    (#"b"HTTP/1.1 200 OK\r\n\r\npart""#, "reset(c)"),
    (#"b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart""#, "c.close()"),
    (#"b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n""#, "c.close()"),
    (#"b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n0\r\n""#, "c.close()"),
    (#"b"HTTP/1.1 200 OK\r\nContent-Le""#, "c.close()"),
  ])
  func `a response that is cut never ends`(answer: String, ending: String) throws {
    let record = try exchange(answer: answer, ending: ending)
    #expect(record.failure?.kind == .reset)
    #expect(record.failure?.retryable == false)
    #expect(record.failure?.mayHaveLeft == true)
    #expect(!record.events.contains("ended"))
  }

  @Test func `the head that is sent is built, not copied`() throws {
    let peer = try Peer(script: #"c = accept(); tell(head(c)); c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"); accept()"#)
    _ = try ClientUnderTest(peer).exchange(Request("GET", "/a?b", [
      ("cookie", "a=1"), ("host", "evil.test"), ("x-a", "b"), ("connection", "x-a"), ("transfer-encoding", "chunked"),
      ("te", "trailers"), ("upgrade", "h2c"), ("cookie", "b=2"), ("keep-alive", "1"),
    ]))
    #expect(
      try peer.line()
        == #"b'GET /a?b HTTP/1.1\r\nhost: app.test\r\nx-a: b\r\nte: trailers\r\nconnection: te\r\ncookie: a=1; b=2\r\n\r\n'"#)
  }

  @Test func `content without a length goes in chunks, with trailers`() throws {
    let peer = try Peer(script: #"""
      c = accept(); tell(head(c)); tell(head(c))
      c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"); accept()
      """#)
    var request = Request("POST", "/", [], content: [[97, 98, 99], [100]])
    request.trailers.append("x-sum", "1")
    let record = try ClientUnderTest(peer).exchange(request)
    #expect(try peer.line() == #"b'POST / HTTP/1.1\r\nhost: app.test\r\ntransfer-encoding: chunked\r\n\r\n'"#)
    #expect(try peer.line() == #"b'3\r\nabc\r\n1\r\nd\r\n0\r\nx-sum: 1\r\n\r\n'"#)
    #expect(record.sentByteCount == 4)
  }

  @Test func `content with a length goes as it is`() throws {
    let peer = try Peer(script: #"""
      c = accept(); head(c); tell(exactly(c, 4))
      c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"); accept()
      """#)
    let record = try ClientUnderTest(peer).exchange(Request("POST", "/", [("content-length", "4")], content: [[97, 98], [99, 100]]))
    #expect(try peer.line() == "b'abcd'")
    #expect(record.events == ["response", "ended"])
    #expect(record.sentByteCount == 4)
  }

  @Test(arguments: ["3", "5", "x", "-1", "99999999999999999999999"])
  func `content that disagrees with its length never shares a connection`(length: String) throws {
    let peer = try Peer(script: "c = accept(); tell(b'GET' in to_end(c)); accept()")
    let client = try ClientUnderTest(peer)
    let record = try client.exchange(Request("POST", "/", [("content-length", length)], content: [[97, 98, 99, 100]]))
    #expect(record.failure?.kind == .protocolError)
    #expect(client.client.connectionCount <= (length == "3" || length == "5" ? 0 : 1))
  }

  @Test func `an answer that comes before all content was sent is delivered`() throws {
    let peer = try Peer(script: #"""
      c = accept(); head(c)
      c.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"); c.close(); accept()
      """#)
    let large = [[UInt8]](repeating: [UInt8](repeating: 97, count: 1 << 20), count: 16)
    let record = try ClientUnderTest(peer).exchange(Request("POST", "/", [], content: large))
    #expect(record.statuses == [413])
    #expect(record.events == ["response", "ended"])
  }

  @Test func `an answer of any size arrives while no more than the window waits`() throws {
    let total = 8 << 20
    let peer = try Peer(script: """
      c = accept(); head(c)
      c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: \(total)\\r\\n\\r\\n" + b"x" * \(total)); accept()
      """)
    let client = try ClientUnderTest(peer)
    var request = Request()
    request.takes = false
    let owner = try client.open(request)
    let call = client.handles[owner]!
    let window = OriginSettings(authority: "").streamWindowBytes
    client.run { client.client.calls[call].content.count >= window }
    for _ in 0..<100 { client.turn(atMost: .milliseconds(1)) }
    // What was read before the window was full counts as well.
    #expect(client.client.calls[call].content.count < window + client.loop.input.count)
    while !client.records[owner]!.isOver {
      client.take(owner)
      client.turn()
      client.turn(atMost: .seconds(1))
    }
    client.take(owner)
    #expect(client.records[owner]!.content.count == total)
    #expect(client.records[owner]!.failure == nil)
  }
}
