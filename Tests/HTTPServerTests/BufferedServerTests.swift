import Foundation
import HTTP
import HTTPServer
import TestPeers
import Testing
import Transport

/// A server on loopback that echoes, and other people's clients against it.
@Suite struct BufferedServerTests {
  /// Answers with what it was asked, in JSON-free lines.
  static func echo(_ request: BufferedRequest) -> BufferedResponse {
    let head = request.head
    let line = "\(head.fields.string(head.methodName)) \(head.fields.string(head.target)) \(head.version) \(head.fields.string(head.authority))\n"
    return BufferedResponse(
      status: 200, fields: [("content-type", "text/plain"), ("x-length", String(request.content.count))],
      content: Array(line.utf8) + request.content)
  }

  static func withServer<Result>(_ body: (Int) throws -> Result) async throws -> Result {
    let executor = try LoopExecutor()
    _ = try Transport.Thread(named: "test-loop") { executor.run() }
    let server = try BufferedServer(on: executor, at: SocketAddress(ipv4: 0x7F00_0001, port: 0)) { Self.echo($0) }
    await server.start()
    defer { executor.stop() }
    return try body(Int(server.address.port))
  }

  static func curl(_ arguments: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["curl", "-sS", "--max-time", "10"] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    try process.start()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output, as: UTF8.self)
  }

  @Test func `curl is answered over HTTP/1.1`() async throws {
    let output = try await Self.withServer { port in try Self.curl(["http://127.0.0.1:\(port)/a?b=c"]) }
    #expect(output.hasPrefix("GET /a?b=c http11 127.0.0.1:"))
  }

  @Test func `curl is answered over HTTP/2 by prior knowledge on the same port`() async throws {
    let output = try await Self.withServer { port in
      try Self.curl(["--http2-prior-knowledge", "http://127.0.0.1:\(port)/a?b=c"])
    }
    #expect(output.hasPrefix("GET /a?b=c http2 127.0.0.1:"))
  }

  @Test(arguments: [["--http1.1"], ["--http2-prior-knowledge"], ["--http1.1", "-H", "Transfer-Encoding: chunked"]])
  func `content of 300 kB arrives whole and comes back whole`(_ version: [String]) async throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("content-\(UUID().uuidString)")
    let content = String(repeating: "0123456789abcdef", count: 300 * 64)
    try content.write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let output = try await Self.withServer { port in
      try Self.curl(version + ["--data-binary", "@\(file.path)", "http://127.0.0.1:\(port)/"])
    }
    #expect(output.hasSuffix(content))
    #expect(output.hasPrefix("POST / "))
  }

  @Test func `pipelined requests are answered in order`() async throws {
    let output = try await Self.withServer { port in
      try RawConnection.exchange(
        port: port, "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    }
    let positions = ["GET /1 ", "GET /2 ", "GET /3 "].map { output.range(of: $0)?.lowerBound }
    #expect(positions.allSatisfy { $0 != nil })
    #expect(positions.compactMap { $0 } == positions.compactMap { $0 }.sorted())
  }

  @Test func `a request that is no HTTP gets 400 and the connection ends`() async throws {
    let output = try await Self.withServer { port in try RawConnection.exchange(port: port, "GET / HTTP/1.1\r\nHost: a\r\nBad Name: x\r\n\r\n") }
    #expect(output.hasPrefix("HTTP/1.1 400 "))
    #expect(output.contains("connection: close"))
  }
}

/// A socket and whatever bytes one likes.
enum RawConnection {
  /// Sends all, reads until the peer's end.
  static func exchange(port: Int, _ text: String) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(connected == 0)
    var limit = timeval(tv_sec: 10, tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let bytes = Array(text.utf8)
    _ = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      received += buffer[0..<count]
    }
    return String(decoding: received, as: UTF8.self)
  }
}
