import Foundation
import HTTP
@testable import HTTPClient
import Testing
import Transport

/// Origins under TLS, whose other end is Python's or nghttpd's OpenSSL.
@Suite struct TLSTests {
  private func client(
    _ peer: Peer, _ choice: OriginSettings.Choice = .auto, name: String = "localhost", trusts pem: [UInt8]? = nil
  ) throws -> ClientUnderTest {
    let tls = try ClientTLS(
      authorities: .pem(try pem ?? Certificate.shared.get().pem()),
      protocols: choice == .auto ? ["h2", "http/1.1"] : choice == .http2 ? ["h2"] : ["http/1.1"])
    return try ClientUnderTest(peer, choice) { $0.security = OriginSettings.Security(tls, serverName: name) }
  }

  /// `protocols`: what the server accepts by ALPN.
  private func server(_ protocols: String, _ script: String) throws -> Peer {
    let certificate = try Certificate.shared.get()
    return try Peer(script: """
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain("\(certificate.certificatePath)", "\(certificate.keyPath)")
      context.set_alpn_protocols(\(protocols))
      plain = accept
      def accept(): return context.wrap_socket(plain(), server_side=True)
      c = accept()
      \(script)
      plain()
      """)
  }

  @Test(arguments: ["['http/1.1']", "[]"])
  func `without h2 in ALPN the origin speaks HTTP/1.1`(protocols: String) throws {
    let peer = try server(protocols, #"head(c); c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"); c.recv(1)"#)
    let record = try client(peer).exchange()
    #expect(record.text == "hello")
    #expect(record.events == ["response", "ended"])
  }

  @Test func `where ALPN chooses h2 the origin speaks HTTP/2`() throws {
    let certificate = try Certificate.shared.get()
    let port = Peer.freePort()
    let folder = try TemporaryFolder()
    let peer = try Peer(
      "nghttpd", port: port,
      ["-v", "-d", folder.url.path, "-a", "127.0.0.1", "--echo-upload", String(port), certificate.keyPath, certificate.certificatePath])
    let client = try client(peer)
    let content = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let record = try client.exchange(ClientUnderTest.Request("POST", "/", [], content: [content]))
    #expect(record.content == content)
    #expect(record.sentByteCount == content.count)
    #expect(client.client.target(client.origin).protocol == .http2)
  }

  @Test func `large content goes both ways over HTTP/1.1`() throws {
    let peer = try server("['http/1.1']", #"""
      head(c); content = exactly(c, 1 << 20)
      c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + content); c.recv(1)
      """#)
    let content = (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let record = try client(peer).exchange(
      ClientUnderTest.Request("POST", "/", [("content-length", "1048576")], content: [content]))
    #expect(record.content == content)
  }

  @Test(arguments: ["wrong.test", "127.0.0.2"])
  func `a certificate for another name is refused before anything is sent`(name: String) throws {
    let peer = try server("['h2', 'http/1.1']", "")
    let failure = try #require(try client(peer, name: name).exchange().failure)
    #expect(failure.kind == .tlsFailed)
    #expect(failure.mayHaveLeft == false)
    #expect(failure.detail.contains("host name"))
  }

  @Test func `a certificate of an unknown authority is refused`() throws {
    let peer = try server("['h2']", "")
    let failure = try #require(try client(peer, trusts: Certificate().pem()).exchange().failure)
    #expect(failure.kind == .tlsFailed)
    #expect(failure.mayHaveLeft == false)
  }

  @Test func `an address literal is verified as one`() throws {
    let peer = try server("['http/1.1']", #"head(c); c.sendall(b"HTTP/1.1 204 No Content\r\n\r\n"); c.recv(1)"#)
    #expect(try client(peer, name: "127.0.0.1").exchange().statuses == [204])
  }

  @Test func `an origin that must speak HTTP/2 and does not is refused`() throws {
    let peer = try server("[]", "c.recv(1)")
    let failure = try #require(try client(peer, .http2).exchange().failure)
    #expect(failure.kind == .protocolError)
    #expect(!failure.mayHaveLeft)
  }

  @Test func `a server that speaks no TLS is refused`() throws {
    let peer = try Peer(script: #"c = accept(); c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"); to_end(c); accept()"#)
    #expect(try client(peer).exchange().failure?.kind == .tlsFailed)
  }

  @Test func `a response without length ends only with close_notify`() throws {
    let answer = #"head(c); c.sendall(b"HTTP/1.1 200 OK\r\n\r\nto the end"); "#
    let whole = try server("['http/1.1']", answer + "c = c.unwrap(); c.close()")
    let record = try client(whole).exchange()
    #expect(record.events == ["response", "ended"])
    #expect(record.text == "to the end")
    let cut = try server("['http/1.1']", answer + "os.close(c.detach())")
    let cutRecord = try client(cut).exchange()
    #expect(cutRecord.failure?.kind == .reset)
    #expect(!cutRecord.events.contains("ended"))
  }

  @Test func `a handshake that never ends is given up`() throws {
    let peer = try Peer(script: "c = accept(); to_end(c); accept()")
    let tls = try ClientTLS(authorities: .pem(Certificate.shared.get().pem()), protocols: ["h2"])
    let client = try ClientUnderTest(peer) {
      $0.security = OriginSettings.Security(tls, serverName: "localhost")
      $0.connect = .milliseconds(50)
    }
    let failure = try #require(try client.exchange().failure)
    #expect(failure.kind == .timedOut(.connect))
    #expect(!failure.mayHaveLeft)
  }
}
