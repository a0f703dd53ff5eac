import Foundation
import HTTP
import TestPeers
import Testing
import Transport

@testable import HTTPClient

/// The way out through a proxy.
@Suite struct EgressProxyTests {
  @Test(arguments: [
    ("api.example.com", 443, true), ("localhost", 443, false), ("127.0.0.1", 443, false), ("::1", 443, false),
    ("internal.test", 443, false), ("a.internal.test", 443, false), ("notinternal.test", 443, true),
    ("b.dotted.test", 443, false), ("10.1.2.3", 443, false), ("11.1.2.3", 443, true), ("ported.test", 8443, false),
    ("ported.test", 443, true), ("192.0.2.7", 443, false),
  ] as [(String, UInt16, Bool)])
  func `who is excepted is reached directly`(host: String, port: UInt16, isFor: Bool) throws {
    let proxy = try EgressProxy(
      host: "proxy.test", port: 3128,
      noProxy: ["internal.test", ".dotted.test", "10.0.0.0/8", "ported.test:8443", "192.0.2.7"])
    #expect(proxy.isFor(host, port: port) == isFor)
    let none = try EgressProxy(host: "proxy.test", port: 3128, noProxy: ["*"])
    #expect(!none.isFor(host, port: port))
  }

  @Test(arguments: ["10.0.0.0/33", "10.0/8", "a/8", "host:port", "", "a*b"])
  func `what is no exception is refused`(text: String) {
    #expect(throws: EgressProxy.Malformed(text: text)) { try EgressProxy(host: "p", port: 1, noProxy: [text]) }
  }

  /// A proxy that answers with `answer`, and on success is the origin itself.
  private func ask(_ answer: String, authorization: String? = nil) async throws -> (Result<Int, OutboundFailure>, [String]) {
    let heads = Heads()
    let server = try LoopbackServer { connection in
      guard let connect = try? connection.readHead() else { return }
      heads.add(String(decoding: connect.head, as: UTF8.self))
      try? connection.send(answer)
      guard answer.hasPrefix("HTTP/1.1 200"), let request = try? connection.readHead() else { return }
      heads.add(String(decoding: request.head, as: UTF8.self))
      try? connection.send("HTTP/1.1 204 No Content\r\n\r\n")
    }
    let executor = try LoopExecutor()
    let proxy = try EgressProxy(host: "127.0.0.1", port: server.port, authorization: authorization)
    let client = try OutboundClient(on: executor, resolver: NameResolver(), proxy: proxy)
    client.start()
    _ = try Transport.Thread(named: "egress") { executor.run() }
    defer { executor.stop() }
    let request = OutboundRequest(
      .get, OutboundURL(isSecure: false, host: "corbado.invalid", port: 80, target: "/x"), timeout: .seconds(20),
      responseLimitBytes: 1024)
    do throws(OutboundFailure) {
      let status = try await client.outbound.send(request).status
      return (.success(status), heads.all)
    } catch { return (.failure(error), heads.all) }
  }

  private final class Heads: @unchecked Sendable {
    private let lock = NSLock()
    private var heads: [String] = []
    func add(_ head: String) { lock.withLock { heads.append(head) } }
    var all: [String] { lock.withLock { heads } }
  }

  @Test func `the request goes through the tunnel, its credential to the proxy alone`() async throws {
    let (result, heads) = try await ask("HTTP/1.1 200 Connection established\r\nVia: p\r\n\r\n", authorization: "Basic eA==")
    #expect(try result.get() == 204)
    #expect(heads.first?.hasPrefix("CONNECT corbado.invalid:80 HTTP/1.1\r\nHost: corbado.invalid:80\r\nProxy-Authorization: Basic eA==\r\n") == true)
    #expect(heads.last?.hasPrefix("GET /x HTTP/1.1\r\n") == true)
    #expect(heads.last?.lowercased().contains("proxy-authorization") == false)
  }

  @Test(arguments: [
    "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", "",
  ])
  func `a proxy that does not open the tunnel is an unreachable origin, and nothing has left`(answer: String) async throws {
    let (result, heads) = try await ask(answer)
    guard case .failure(let failure) = result else {
      Issue.record("answered")
      return
    }
    #expect(failure.kind == .connectFailed && !failure.requestMayHaveLeft)
    #expect(heads.allSatisfy { $0.hasPrefix("CONNECT ") })
  }
}
