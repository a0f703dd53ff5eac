import HTTP
@testable import HTTPClient
import Testing
import Transport

@Suite struct PoolTests {
  typealias Request = ClientUnderTest.Request

  static let noContent = #"c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")"#

  @Test func `a connection serves one call after another`() throws {
    let peer = try Peer(script: "c = accept()\nwhile head(c): \(Self.noContent)")
    let client = try ClientUnderTest(peer)
    #expect(try client.exchange().isReused == false)
    #expect(try client.exchange().isReused)
    #expect(try client.exchange().statuses == [204])
    #expect(client.client.connectionCount == 1)
  }

  @Test(arguments: [#"b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n""#, #"b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n""#,
    #"b"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n""#])
  func `a connection that does not persist serves nobody else`(answer: String) throws {
    let peer = try Peer(script: "a = accept(); head(a); a.sendall(\(answer)); c = accept(); head(c); \(Self.noContent); accept()")
    let client = try ClientUnderTest(peer)
    #expect(try client.exchange().events == ["response", "ended"])
    #expect(try client.exchange().isReused == false)
  }

  @Test(arguments: [true, false])
  func `an app that answers without having asked for the content is sent nothing behind it`(asks: Bool) throws {
    let peer = try Peer(script: """
      c = accept(); head(c)
      \(asks ? #"c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")"# : "")
      exactly(c, 3); \(Self.noContent)
      \(asks ? "" : "c = accept()")
      head(c); \(Self.noContent); accept()
      """)
    let client = try ClientUnderTest(peer)
    let fields: [(StaticString, String)] = [("expect", "100-continue"), ("content-length", "3")]
    #expect(try client.exchange(Request("POST", "/", fields, content: [[97, 98, 99]])).statuses == (asks ? [100, 204] : [204]))
    let next = try client.exchange()
    #expect(next.statuses == [204])
    #expect(next.isReused == asks)
  }

  @Test func `an idle connection that its peer ends is dropped`() throws {
    let peer = try Peer(script: "c = accept(); head(c); \(Self.noContent); c.close(); c = accept(); head(c); \(Self.noContent); accept()")
    let client = try ClientUnderTest(peer)
    _ = try client.exchange()
    client.run { client.client.connectionCount == 0 }
    let second = try client.exchange()
    #expect(second.statuses == [204])
    #expect(second.isReused == false)
  }

  @Test func `a reused connection that ends before the answer says so`() throws {
    let peer = try Peer(script: "c = accept(); head(c); \(Self.noContent); head(c); c.close(); accept()")
    let client = try ClientUnderTest(peer)
    _ = try client.exchange()
    let failure = try #require(try client.exchange().failure)
    #expect(failure.kind == .closedBeforeAnswer(reused: true))
    #expect(failure.mayHaveLeft)
    #expect(!failure.retryable)
  }

  @Test func `nobody listening is unreachable, retryable, and asks for the target again`() throws {
    let client = try ClientUnderTest(port: Peer.freePort())
    let failure = try #require(try client.exchange().failure)
    #expect(failure.kind == .unreachable)
    #expect(failure.retryable)
    #expect(!failure.mayHaveLeft)
    #expect(client.targetRequestCount == 1)
  }

  @Test func `an address that does not answer is passed over`() throws {
    let peer = try Peer(script: "c = accept()\nwhile head(c): \(Self.noContent)")
    let client = try ClientUnderTest(port: nil)
    let addresses = [Peer.freePort(), peer.port].map { SocketAddress(literal: "127.0.0.1", port: $0)! }
    client.client.setTarget(client.origin, addresses: addresses, protocol: .http1)
    #expect(try client.exchange().statuses == [204])
  }

  @Test func `calls wait for the target, which is asked for once`() throws {
    let peer = try Peer(script: "a = accept(); c = accept(); head(a); head(c); a.sendall(b'HTTP/1.1 204 No Content\\r\\n\\r\\n'); \(Self.noContent); accept()")
    let client = try ClientUnderTest(port: nil, .auto)
    let owners = [try client.open(Request()), try client.open(Request())]
    client.turn()
    client.turn()
    #expect(client.targetRequestCount == 1)
    client.client.setTarget(client.origin, addresses: [SocketAddress(literal: "127.0.0.1", port: peer.port)!], protocol: .http1)
    client.run { owners.allSatisfy { client.records[$0]!.isOver } }
    #expect(owners.allSatisfy { client.records[$0]!.statuses == [204] })
  }

  @Test func `calls that wait for a target which cannot be found fail`() throws {
    let client = try ClientUnderTest(port: nil, .auto)
    let owner = try client.open(Request())
    client.turn()
    client.client.failTarget(client.origin, detail: "no such name")
    client.turn()
    #expect(client.records[owner]!.failure == CallFailure(.unreachable, retryable: true, mayHaveLeft: false, detail: "no such name"))
  }

  @Test func `beyond the connection limit calls wait for one to be free, beyond the waiting limit they are refused`() throws {
    let peer = try Peer(script: "c = accept()\nwhile head(c): \(Self.noContent)")
    let client = try ClientUnderTest(peer) {
      $0.maxConnectionCount = 1
      $0.waitingCount = 2
    }
    let first = try client.open(Request())
    let second = try client.open(Request())
    #expect(client.client.open(origin: client.origin, owner: 99, loop: &client.loop) == nil)
    client.run { client.records[first]!.isOver }
    #expect(client.records[second]!.events == [])
    client.client.release(client.handles[first]!)
    client.run { client.records[second]!.isOver }
    #expect(client.records[second]!.isReused)
    #expect(client.client.connectionCount == 1)
  }

  @Test func `a call that waits too long fails without a connection`() throws {
    let client = try ClientUnderTest(port: nil, .auto) { $0.waiting = .milliseconds(20) }
    let failure = try #require(try client.exchange().failure)
    #expect(failure.kind == .timedOut(.connect))
    #expect(!failure.mayHaveLeft)
  }

  @Test func `a call that waits too long while others keep all connections busy is told so`() throws {
    let peer = try Peer(script: "c = accept(); to_end(c)")
    let client = try ClientUnderTest(peer) {
      $0.maxConnectionCount = 1
      $0.waiting = .milliseconds(20)
    }
    let first = try client.open(Request())
    client.run { client.client.mayHaveLeft(client.handles[first]!) }
    let second = try client.open(Request())
    client.run { client.records[second]!.isOver }
    #expect(client.records[second]!.failure?.kind == .saturated)
    #expect(client.records[second]!.failure?.mayHaveLeft == false)
    #expect(client.records[first]!.failure == nil)
  }

  @Test func `a connection that the app is about to end is not used again`() throws {
    let peer = try Peer(script: #"""
      for _ in range(2):
          c = accept(); head(c); c.sendall(b"HTTP/1.1 204 No Content\r\nKeep-Alive: max=9, timeout=0\r\n\r\n")
      accept()
      """#)
    let client = try ClientUnderTest(peer)
    for _ in 0..<2 {
      let record = try client.exchange()
      #expect(record.statuses == [204])
      #expect(record.isReused == false)
    }
    #expect(client.client.connectionCount == 1)
  }

  @Test(arguments: [("timeout=5", 4000), ("Timeout=120, max=3", 119_000), ("max=3, timeout=1", 500), ("max=3", nil), ("timeout=", nil)])
  func `what the app says of its patience is taken with a margin`(value: String, milliseconds: Int?) {
    let bytes = Array(value.utf8)
    #expect(HTTPClient.keepAliveTimeout(bytes.span) == milliseconds.map { .milliseconds($0) })
  }

  @Test func `where the app takes no more streams another connection is made`() throws {
    let peer = try Peer(script: #"""
      one = b"\x00\x03\x00\x00\x00\x01"
      c = accept(); greet(c, one); c.sendall(frame(1, 5, next_request(c), OK))
      s = next_request(c)
      d = accept(); greet(d, one); t = next_request(d)
      c.sendall(frame(1, 5, s, OK)); d.sendall(frame(1, 5, t, OK)); accept()
      """#)
    let client = try ClientUnderTest(peer, .http2)
    #expect(try client.exchange().events == ["response", "ended"])
    let owners = [try client.open(Request()), try client.open(Request())]
    client.run { owners.allSatisfy { client.records[$0]!.isOver } }
    #expect(owners.allSatisfy { client.records[$0]!.events == ["response", "ended"] })
    #expect(client.client.connectionCount == 2)
  }

  @Test(arguments: [OriginSettings.Choice.http1, .http2])
  func `an app that never answers is given up`(choice: OriginSettings.Choice) throws {
    let peer = try Peer(script: "c = accept(); to_end(c)")
    let failure = try #require(try ClientUnderTest(peer, choice) { $0.responseHead = .milliseconds(50) }.exchange().failure)
    #expect(failure.kind == .timedOut(.responseHead))
    #expect(failure.mayHaveLeft)
  }

  @Test func `silence inside a response is given up`() throws {
    let peer = try Peer(script: #"c = accept(); head(c); c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"); to_end(c)"#)
    let record = try ClientUnderTest(peer) { $0.streamIdle = .milliseconds(50) }.exchange()
    #expect(record.failure?.kind == .timedOut(.idle))
    #expect(record.text == "part")
  }

  @Test func `an idle connection is closed in time`() throws {
    let peer = try Peer(script: "c = accept(); head(c); \(Self.noContent); tell(c.recv(1))")
    let client = try ClientUnderTest(peer) { $0.keepAlive = .milliseconds(30) }
    _ = try client.exchange()
    client.run { client.client.connectionCount == 0 }
    #expect(try peer.line() == "b''")
  }

  @Test func `a cancelled call ends its connection, and what was queued for it is forgotten`() throws {
    let peer = try Peer(script: "c = accept(); head(c); tell('head'); tell(c.recv(1)); accept()")
    let client = try ClientUnderTest(peer)
    let owner = try client.open(Request())
    client.run { client.client.connectionCount == 1 && client.client.mayHaveLeft(client.handles[owner]!) }
    #expect(try peer.line() == "head")
    client.client.cancel(client.handles[owner]!)
    client.turn()
    #expect(try peer.line() == "b''")
    #expect(client.client.calls.count == 0)
    #expect(client.client.connectionCount == 0)
  }

  @Test func `a call cancelled while it waits leaves room for another`() throws {
    let client = try ClientUnderTest(port: nil, .auto) { $0.waitingCount = 1 }
    let owner = try client.open(Request())
    client.client.cancel(client.handles[owner]!)
    #expect(client.client.open(origin: client.origin, owner: 9, loop: &client.loop) != nil)
  }

  @Test func `a retired origin keeps no idle connection`() throws {
    let peer = try Peer(script: "c = accept(); head(c); \(Self.noContent); tell(c.recv(1))")
    let client = try ClientUnderTest(peer)
    _ = try client.exchange()
    client.client.retireOrigin(client.origin)
    #expect(try peer.line() == "b''")
  }

  @Test func `handles that have outlived their call do nothing`() throws {
    let client = try ClientUnderTest(port: nil, .auto)
    let call = client.handles[try client.open(Request())]!
    client.client.cancel(call)
    var queue = ByteQueue()
    queue.append([1].span)
    client.client.write(call, &queue)
    client.client.finish(call, trailers: FieldSection())
    client.client.grant(call, 1)
    client.client.cancel(call)
    client.client.release(call)
    #expect(client.client.takeInterim(call) == nil)
    #expect(client.client.queuedByteCount(call) == 0)
    #expect(!client.client.submit(call, head: RequestHead(), lines: [], authority: "a".utf8.span, endsStream: true, loop: &client.loop))
  }
}
