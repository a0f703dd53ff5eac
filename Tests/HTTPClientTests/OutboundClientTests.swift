import HTTP
import HTTPClient
import Testing
import Transport

@Suite struct OutboundClientTests {
  /// A control loop on a thread of its own, with a client, and who is at the other end.
  private final class ControlLoop: Sendable {
    let executor: LoopExecutor
    let client: OutboundClient
    private let peer: Peer?

    init(_ peer: Peer? = nil) throws {
      self.peer = peer
      executor = try LoopExecutor()
      client = try OutboundClient(on: executor, resolver: NameResolver())
      client.start()
      _ = try Thread(named: "test-loop") { [executor] in executor.run() }
    }

    deinit { executor.stop() }

    /// Keeps the loop turning until there is an answer.
    func send(_ request: OutboundRequest) async throws(OutboundFailure) -> OutboundResponse {
      defer { withExtendedLifetime(self) {} }
      return try await client.outbound.send(request)
    }
  }

  private func request(
    _ port: UInt16, _ method: Method = .get, target: String = "/", host: String = "127.0.0.1", content: [UInt8] = [],
    timeout: Duration = .seconds(60), limit: Int = 1024, authority: CertificateAuthority = .system, isSecure: Bool = false,
    fields: [(name: String, value: String)] = []
  ) -> OutboundRequest {
    OutboundRequest(
      method, OutboundURL(isSecure: isSecure, host: host, port: port, target: target), authority: authority, fields: fields,
      content: content, timeout: timeout, responseLimitBytes: limit)
  }

  private func failure(_ loop: ControlLoop, _ request: OutboundRequest) async -> OutboundFailure? {
    do throws(OutboundFailure) {
      _ = try await loop.send(request)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a request arrives as given, its answer as sent`() async throws {
    let peer = try Peer(script: #"""
      c = accept(); tell(head(c)); tell(exactly(c, 7))
      c.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-A: b\r\n\r\nok"); accept()
      """#)
    let loop = try ControlLoop(peer)
    let answer = try await loop.send(request(
      peer.port, .post, target: "/a?b", content: Array(#"{"a":1}"#.utf8),
      fields: [("content-type", "application/json"), ("host", "evil.test"), ("transfer-encoding", "chunked")]))
    #expect(answer.status == 201)
    #expect(answer.content == Array("ok".utf8))
    #expect(answer.head.fields.values("x-a") == ["b"])
    let head = #"b'POST /a?b HTTP/1.1\r\nhost: 127.0.0.1:\#(peer.port)\r\ncontent-type: application/json\r\ncontent-length: 7\r\n\r\n'"#
    #expect(try peer.line() == head)
    #expect(try peer.line() == #"b'{"a":1}'"#)
  }

  @Test func `a connection is used again`() async throws {
    let peer = try Peer(script: #"""
      for answer in (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n"):
          c = accept()
          while head(c): c.sendall(answer)
      """#)
    let loop = try ControlLoop(peer)
    for _ in 0..<3 { #expect(try await loop.send(request(peer.port)).status == 204) }
  }

  @Test func `calls at the same time do not wait for each other`() async throws {
    let peer = try Peer(script: #"""
      both = [accept(), accept()]
      for c in both: head(c)
      for c in both: c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
      accept()
      """#)
    let loop = try ControlLoop(peer)
    async let first = loop.send(request(peer.port)).status
    async let second = loop.send(request(peer.port)).status
    #expect(try await [first, second] == [204, 204])
  }

  @Test func `a redirect is an answer like any other`() async throws {
    let peer = try Peer(script: #"c = accept(); head(c); c.sendall(b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n"); accept()"#)
    #expect(try await ControlLoop(peer).send(request(peer.port)).status == 302)
  }

  @Test(arguments: [#"Content-Length: 11\r\n\r\nhello world"#, #"Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"#, #"\r\nhello world"#])
  func `an answer beyond the limit is refused, one at the limit is not`(rest: String) async throws {
    let script = "while True:\n    c = accept(); head(c); c.sendall(b\"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\(rest)\"); c.close()"
    let peer = try Peer(script: script)
    let loop = try ControlLoop(peer)
    #expect(await failure(loop, request(peer.port, limit: 10))?.kind == .responseTooLarge)
    #expect(try await loop.send(request(peer.port, limit: 11)).content == Array("hello world".utf8))
  }

  @Test func `a call that hangs is ended, and its request may have left`() async throws {
    let peer = try Peer(script: "c = accept(); to_end(c); tell('ended'); accept()")
    let ended = try await failure(ControlLoop(peer), request(peer.port, timeout: .milliseconds(100)))
    #expect(ended?.kind == .timedOut)
    #expect(ended?.requestMayHaveLeft == true)
    #expect(try peer.line() == "ended")
  }

  @Test func `an answer that drips for too long is ended`() async throws {
    let peer = try Peer(script: #"c = accept(); head(c); c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"); to_end(c); accept()"#)
    #expect(try await failure(ControlLoop(peer), request(peer.port, timeout: .milliseconds(100)))?.kind == .timedOut)
  }

  @Test func `nobody listening: nothing has left`() async throws {
    let ended = try await failure(ControlLoop(), request(Peer.freePort()))
    #expect(ended?.kind == .connectFailed)
    #expect(ended?.requestMayHaveLeft == false)
  }

  @Test func `a name that does not resolve: nothing has left`() async throws {
    let ended = try await failure(ControlLoop(), request(80, host: "no-such-host.invalid"))
    #expect(ended?.kind == .nameNotResolved)
    #expect(ended?.requestMayHaveLeft == false)
  }

  @Test(arguments: ["reset(c)", "c.close()", #"c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npart"); c.close()"#])
  func `a connection that breaks after the request: it may have left, and is not sent again`(misdeed: String) async throws {
    let peer = try Peer(script: "c = accept(); head(c)\n\(misdeed)\nlistener.settimeout(0.5)\ntry:\n    accept(); tell('again')\nexcept TimeoutError: tell('once')")
    let ended = try await failure(ControlLoop(peer), request(peer.port, .post))
    #expect(ended?.kind == .connectionClosed)
    #expect(ended?.requestMayHaveLeft == true)
    #expect(try peer.line() == "once")
  }

  @Test func `garbage is a protocol error`() async throws {
    let peer = try Peer(script: #"c = accept(); head(c); c.sendall(b"SSH-2.0-OpenSSH\r\n\r\n"); accept()"#)
    #expect(try await failure(ControlLoop(peer), request(peer.port))?.kind == .protocolError)
  }

  @Test(arguments: [("x-a", "b\r\nx-evil: 1"), ("x-a", "b\u{0}"), ("X-A", "b"), ("x a", "b"), ("", "b")])
  func `a field that is none is not sent`(name: String, value: String) async throws {
    let ended = try await failure(ControlLoop(), request(9, fields: [(name, value)]))
    #expect(ended == OutboundFailure(.protocolError, requestMayHaveLeft: false, detail: "request is malformed"))
  }

  @Test func `https is verified against the authority that the request names`() async throws {
    let certificate = try Certificate.shared.get()
    let peer = try Peer(script: """
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain("\(certificate.certificatePath)", "\(certificate.keyPath)")
      while True:
          try:
              c = context.wrap_socket(accept(), server_side=True)
              if head(c): c.sendall(b"HTTP/1.1 204 No Content\\r\\n\\r\\n")
          except OSError: pass
      """)
    let loop = try ControlLoop(peer)
    let trusted = request(peer.port, authority: .file(certificate.certificatePath), isSecure: true)
    #expect(try await loop.send(trusted).status == 204)
    let untrusted = await failure(loop, request(peer.port, isSecure: true))
    #expect(untrusted?.kind == .tlsFailed)
    #expect(untrusted?.requestMayHaveLeft == false)
    let missing = await failure(loop, request(peer.port, authority: .file("/nonexistent"), isSecure: true))
    #expect(missing?.kind == .tlsFailed)
  }
}
