import Foundation
import HTTP
import HTTPServer
import Testing
import Transport

/// Heads are used again for other people's requests.
@Suite struct HeadReuseTests {
  /// Two requests, one after the other on one connection. The answer is all that the memory of the head holds.
  @Test(arguments: ["--http1.1", "--http2-prior-knowledge"])
  func `a request head holds nothing of the request whose memory it has taken over`(version: String) async throws {
    let executor = try LoopExecutor()
    _ = try Transport.Thread(named: "test-loop") { executor.run() }
    defer { executor.stop() }
    let server = try BufferedServer(on: executor, at: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { request in
      BufferedResponse(
        status: 200, fields: [("x-lines", String(request.head.fields.lines.count))], content: request.head.fields.bytes)
    }
    await server.start()
    let base = "http://127.0.0.1:\(server.address.port)"
    let answers = try (0..<3).map { number in
      let first = ["-H", "X-Secret: of-the-first", "-d", "content", "\(base)/first?query-of-the-first"]
      return try BufferedServerTests.curl([version] + first + ["--next", "-sS", version, "\(base)/\(number)"])
    }
    // Twice in the first answer, in the target and in the field.
    for answer in answers {
      #expect(answer.components(separatedBy: "of-the-first").count == 3)
    }
  }
}
