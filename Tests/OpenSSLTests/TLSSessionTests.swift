import OpenSSL
import TestPeers
import Testing

/// A client and a server session whose ciphertext is carried from one to the other.
private struct Pair: ~Copyable {
  var client: TLSSession
  var server: TLSSession

  init(_ client: TLSContext, _ server: TLSContext, serverName: String = "localhost") throws(TLSFailure) {
    let clientSession = try TLSSession.client(client, serverName: serverName)
    let serverSession = try TLSSession.server(server)
    self.client = clientSession
    self.server = serverSession
  }

  /// Carries until nobody has anything to say.
  ///
  /// - Parameter pieceBytes: the ciphertext arrives in pieces of so many bytes.
  mutating func carry(pieceBytes: Int = .max) throws(TLSFailure) {
    while client.hasOutput || server.hasOutput {
      var toServer: [UInt8] = []
      client.takeOutput(into: &toServer)
      for piece in pieces(toServer, pieceBytes) { try server.receive(piece.span) }
      var toClient: [UInt8] = []
      server.takeOutput(into: &toClient)
      for piece in pieces(toClient, pieceBytes) { try client.receive(piece.span) }
    }
  }

  private func pieces(_ content: [UInt8], _ count: Int) -> [[UInt8]] {
    stride(from: 0, to: content.count, by: min(count, max(1, content.count))).map { start in
      Array(content[start..<min(content.count, start + min(count, content.count))])
    }
  }

  /// What each side says of the handshake.
  mutating func handshakeFailures() -> (client: TLSFailure?, server: TLSFailure?) {
    var failures: (client: TLSFailure?, server: TLSFailure?) = (nil, nil)
    while client.hasOutput || server.hasOutput {
      var toServer: [UInt8] = []
      client.takeOutput(into: &toServer)
      do throws(TLSFailure) { try server.receive(toServer.span) } catch { failures.server = error }
      var toClient: [UInt8] = []
      server.takeOutput(into: &toClient)
      do throws(TLSFailure) { try client.receive(toClient.span) } catch { failures.client = error }
    }
    return failures
  }
}

extension TLSSession {
  fileprivate mutating func send(_ content: [UInt8]) throws(TLSFailure) -> Int { try write(content.span) }

  fileprivate mutating func readAll() throws(TLSFailure) -> (content: [UInt8], last: ReadOutcome) {
    var content: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 1000)
    while true {
      let outcome = try readPlaintext(into: &room, from: 0)
      guard case .bytes(let count) = outcome else { return (content, outcome) }
      content += room[..<count]
    }
  }
}

private struct Setup: Sendable {
  let authority: CertificateAuthority
  let identity: CertificateAuthority.Identity

  init() throws {
    authority = try CertificateAuthority()
    identity = try authority.identity(names: ["DNS:localhost", "DNS:*.wild.test", "IP:127.0.0.1", "IP:::1"])
  }

  static let shared = Result { try Setup() }

  func client(_ protocols: [String] = []) throws -> TLSContext {
    try .client(authorities: .pem(authority.certificate), protocols: protocols)
  }

  func server(_ protocols: [String] = [], identity: CertificateAuthority.Identity? = nil) throws -> TLSContext {
    let identity = identity ?? self.identity
    return try .server(TLSIdentity(certificateChain: identity.certificate, privateKey: identity.privateKey), protocols: protocols)
  }
}

@Suite struct TLSSessionTests {
  @Test(arguments: [1, 7, .max])
  func `plaintext goes both ways, in whatever pieces the ciphertext arrives`(pieceBytes: Int) throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server())
    #expect(try pair.client.send([1]) == 0)
    try pair.carry(pieceBytes: pieceBytes)
    let isComplete = pair.client.isHandshakeComplete && pair.server.isHandshakeComplete
    #expect(isComplete)

    let question = [UInt8](repeating: 0x61, count: 40_000)
    let answer = bytes("answer")
    #expect(try pair.client.send(question) == question.count)
    #expect(try pair.server.send(answer) == answer.count)
    try pair.carry(pieceBytes: pieceBytes)
    let atServer = try pair.server.readAll()
    let atClient = try pair.client.readAll()
    #expect(atServer.content == question)
    #expect(atServer.last == .wouldBlock)
    #expect(atClient.content == answer)
  }

  @Test func `the end is said and seen, and the other way stays open`() throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server())
    try pair.carry()
    _ = try pair.client.send(bytes("last"))
    pair.client.closeNotify()
    try pair.carry()
    var content = [UInt8](repeating: 0, count: 100)
    #expect(try pair.server.readPlaintext(into: &content, from: 0) == .bytes(4))
    #expect(try pair.server.readPlaintext(into: &content, from: 0) == .endOfStream)
    #expect(try pair.server.readPlaintext(into: &content, from: 0) == .endOfStream)
    #expect(content[..<4] == bytes("last")[...])
    #expect(try pair.server.send(bytes("late answer")) == 11)
    try pair.carry()
    let late = try pair.client.readAll()
    #expect(late.content == bytes("late answer"))
    #expect(throws: TLSFailure.self) { try pair.client.send(bytes("x")) }
  }

  @Test func `ciphertext without an end is no end`() throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server())
    try pair.carry()
    _ = try pair.client.send(bytes("cut in the middle"))
    var ciphertext: [UInt8] = []
    pair.client.takeOutput(into: &ciphertext)
    ciphertext.removeLast()
    try pair.server.receive(ciphertext.span)
    let read = try pair.server.readAll()
    #expect(read.content == [])
    #expect(read.last == .wouldBlock)
  }

  @Test func `changed ciphertext ends the session`() throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server())
    try pair.carry()
    _ = try pair.client.send(bytes("content"))
    var ciphertext: [UInt8] = []
    pair.client.takeOutput(into: &ciphertext)
    ciphertext[ciphertext.count - 1] ^= 1
    try pair.server.receive(ciphertext.span)
    var content = [UInt8](repeating: 0, count: 100)
    #expect(throws: TLSFailure.self) { try pair.server.readPlaintext(into: &content, from: 0) }
    #expect(throws: TLSFailure.self) { try pair.server.readPlaintext(into: &content, from: 0) }
    #expect(throws: TLSFailure.self) { try pair.server.send(bytes("x")) }
    #expect(content.allSatisfy { $0 == 0 })
    let failures = pair.handshakeFailures()
    #expect(failures.client == nil)
    #expect(throws: TLSFailure.peerAlert(description: 20)) {
      try pair.client.readPlaintext(into: &content, from: 0)
    }
  }

  @Test(arguments: ["localhost", "LOCALHOST", "localhost.", "a.wild.test", "127.0.0.1", "::1", "[::1]"])
  func `a certificate for the name is accepted`(serverName: String) throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server(), serverName: serverName)
    try pair.carry()
    let isComplete = pair.client.isHandshakeComplete
    #expect(isComplete)
    #expect(pair.client.serverName == serverName)
  }

  @Test(arguments: ["example.com", "localhost.example", "wild.test", "a.b.wild.test", "127.0.0.2", "::2", "test"])
  func `a certificate for other names is refused`(serverName: String) throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(), setup.server(), serverName: serverName)
    let failures = pair.handshakeFailures()
    #expect(failures.client == .hostNameMismatch)
    // 42 bad_certificate
    #expect(failures.server == .peerAlert(description: 42))
  }

  @Test(arguments: [
    "", ".", "a b", "a\u{0}.test", "localhost\u{0}", "ü.test", "[localhost]", "[", "a/b", "user@localhost",
  ])
  func `a text that is no host name makes no session`(serverName: String) throws {
    let context = try Setup.shared.get().client()
    #expect(throws: TLSFailure.hostNameMismatch) { _ = try TLSSession.client(context, serverName: serverName) }
  }

  @Test func `the common name of the subject does not count`() throws {
    let setup = try Setup.shared.get()
    let identity = try setup.authority.identity(names: [], commonName: "localhost")
    var pair = try Pair(setup.client(), setup.server(identity: identity))
    #expect(pair.handshakeFailures().client == .hostNameMismatch)
  }

  @Test func `a certificate of an unknown authority is refused`() throws {
    let setup = try Setup.shared.get()
    let other = try CertificateAuthority()
    var pair = try Pair(.client(authorities: .pem(other.certificate)), setup.server())
    #expect(pair.handshakeFailures().client == .certificateUnknownAuthority)
    var system = try Pair(.client(authorities: .system), setup.server())
    #expect(system.handshakeFailures().client == .certificateUnknownAuthority)
  }

  @Test func `an expired certificate is refused`() throws {
    let setup = try Setup.shared.get()
    let identity = try setup.authority.identity(names: ["DNS:localhost"], validDays: -1)
    var pair = try Pair(setup.client(), setup.server(identity: identity))
    #expect(pair.handshakeFailures().client == .certificateExpired)
  }

  @Test(
    arguments: [
      (["h2", "http/1.1"], ["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], ["h2", "http/1.1"], "h2"),
      (["http/1.1"], ["h2", "http/1.1"], "http/1.1"), ([], ["h2"], nil), (["h2"], [], nil),
    ] as [([String], [String], String?)])
  func `ALPN chooses what the server prefers`(client: [String], server: [String], expected: String?) throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(client), setup.server(server))
    #expect(pair.client.negotiatedProtocol == nil)
    try pair.carry()
    #expect(pair.client.negotiatedProtocol == expected)
    #expect(pair.server.negotiatedProtocol == expected)
  }

  @Test func `a client that speaks none of the server's protocols is refused`() throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(["spdy/3"]), setup.server(["h2"]))
    // 120 no_application_protocol
    #expect(pair.handshakeFailures().client == .peerAlert(description: 120))
  }

  @Test func `cleartext is recognised as no TLS`() throws {
    let setup = try Setup.shared.get()
    var server = try TLSSession.server(setup.server())
    let request = bytes("GET / HTTP/1.1\r\n\r\n")
    #expect(throws: TLSFailure.notTLS) { try server.receive(request.span) }
    var client = try TLSSession.client(setup.client(), serverName: "localhost")
    let response = bytes("HTTP/1.1 400 Bad Request\r\n\r\n")
    #expect(throws: TLSFailure.notTLS) { try client.receive(response.span) }
  }

  @Test func `sessions outlive the last other reference to their context`() throws {
    let setup = try Setup.shared.get()
    var pair = try Pair(setup.client(["h2"]), setup.server(["h2"]))
    try pair.carry()
    #expect(pair.server.negotiatedProtocol == "h2")
  }
}

@Suite struct TLSContextTests {
  @Test func `a server needs a certificate and its own key`() throws {
    let setup = try Setup.shared.get()
    let other = try setup.authority.identity(names: ["DNS:other"])
    func make(_ certificate: [UInt8], _ key: [UInt8]) throws(TLSConfigurationError) {
      _ = try TLSContext.server(TLSIdentity(certificateChain: certificate, privateKey: key))
    }
    try make(setup.identity.certificate + setup.authority.certificate, setup.identity.privateKey)
    #expect(throws: TLSConfigurationError.privateKeyMismatch) { try make(setup.identity.certificate, other.privateKey) }
    #expect(throws: TLSConfigurationError.privateKeyRefused(.malformed)) { try make(setup.identity.certificate, []) }
    #expect(throws: TLSConfigurationError.certificateMalformed) { try make([], setup.identity.privateKey) }
    #expect(throws: TLSConfigurationError.certificateMalformed) {
      try make(bytes("nonsense"), setup.identity.privateKey)
    }
    #expect(throws: TLSConfigurationError.certificateMalformed) {
      let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
      try make(setup.identity.certificate + bytes(broken), setup.identity.privateKey)
    }
  }

  @Test func `a client needs at least one authority`() {
    #expect(throws: TLSConfigurationError.authoritiesMalformed) { try TLSContext.client(authorities: .pem([])) }
  }

  @Test func `a protocol name is 1 to 255 bytes long`() {
    for name in ["", String(repeating: "a", count: 256)] {
      #expect(throws: TLSConfigurationError.protocolNameInvalid) { try TLSContext.client(protocols: [name]) }
    }
  }
}
