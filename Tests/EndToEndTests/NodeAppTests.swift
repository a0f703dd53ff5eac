import Foundation
import TestPeers
import Testing

/// Content on its way to and from an app on Node's http2.
// One after the other: Node may give up a whole HTTP/2 connection when a test breaks off one of its streams.
@Suite(.serialized) struct NodeAppTests {
  struct Served: Sendable {
    let app: ChildProcess
    let sidecar: SidecarUnderTest

    static let shared = Result {
      let port = try LoopbackServer.freePort()
      let app = try ChildProcess("node", [Python.peers + "/http2_app.mjs", "\(port)"])
      _ = eventually { try? RawConnection(port: port) }
      return Served(app: app, sidecar: try SidecarUnderTest(app: port, upstream: "protocol: auto"))
    }
  }

  let sidecar: SidecarUnderTest

  init() throws { sidecar = try Served.shared.get().sidecar }

  static let versions = ["--http1.1", "--http2-prior-knowledge"]

  private func curl(_ version: String, _ path: String, _ more: [String] = []) throws -> (code: Int32, output: String) {
    let field = String(try sidecar.authorization.dropLast(1))
    return try ChildProcess.run(
      "curl", ["-sS", version, "--max-time", "30", "-H", field] + more + ["http://127.0.0.1:\(sidecar.port)\(path)"])
  }

  @Test(arguments: versions)
  func `five megabytes go there and back, and the app knows whose they are`(version: String) throws {
    let folder = NSTemporaryDirectory() + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let content = Data((0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })
    try content.write(to: URL(fileURLWithPath: folder + "/in"))
    let answer = try curl(version, "/echo", ["--data-binary", "@\(folder)/in", "-H", "Expect:", "-o", "\(folder)/out", "-D", "-"])
    #expect(answer.code == 0 && answer.output.contains("x-user: alice"), "\(answer)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder + "/out")) == content)
  }

  @Test func `trailers of a chunked request reach the app, and come back as those of the response`() throws {
    let connection = try sidecar.connection()
    try connection.send(
      "POST /echo HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)Transfer-Encoding: chunked\r\n\r\n"
        + "3\r\nabc\r\n0\r\nX-Sum: 6\r\nX-User-ID: mallory\r\n\r\n")
    let answer = try connection.readResponse()
    #expect(answer.text == "abc")
    #expect(answer.trailers == ["x-sum: 6", "x-user-id: none"])
  }

  @Test func `trailers of an HTTP2 request reach the app, and come back as those of the response`() throws {
    let file = NSTemporaryDirectory() + UUID().uuidString
    try Data("abc".utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let field = String(try sidecar.authorization.dropLast(1))
    let answer = try ChildProcess.run(
      "nghttp", ["-v", "-d", file, "--trailer", "x-sum: 6", "-H", field, "http://127.0.0.1:\(sidecar.port)/echo"])
    #expect(answer.code == 0)
    #expect(answer.output.contains("x-user-id: none"), "\(answer.output)")
  }

  @Test(arguments: versions)
  func `early hints pass`(version: String) throws {
    let answer = try curl(version, "/hints", ["-D", "-"])
    #expect(answer.output.contains(" 103") && answer.output.contains("</a>; rel=preload") && answer.output.hasSuffix("hinted"))
  }

  @Test(arguments: versions, ["/reset", "/destroy"])
  func `an answer that was broken off never looks whole`(version: String, path: String) throws {
    let answer = try curl(version, path)
    #expect([18, 56, 92].contains(answer.code), "\(answer)")
  }

  @Test(arguments: versions)
  func `an answer comes while the content still goes`(version: String) throws {
    let file = NSTemporaryDirectory() + UUID().uuidString
    try Data(count: 5_000_000).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let answer = try curl(version, "/early", ["--data-binary", "@\(file)", "-H", "Expect:"])
    #expect(answer.output.contains("early"), "\(answer)")
  }

  @Test func `the first event arrives while the app still holds the second`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET /events HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    _ = try connection.read(through: "data: 1\n\n")
    #expect(try sidecar.ask("GET", "/go").text == "gone")
    _ = try connection.read(through: "data: 2\n\n")
  }

  @Test(arguments: versions, [204, 304])
  func `an answer without content stays one`(version: String, status: Int) throws {
    let answer = try curl(version, "/none/\(status)", ["-w", "%{http_code} %{size_download}"])
    #expect(answer.code == 0 && answer.output == "\(status) 0")
  }

  @Test(arguments: versions)
  func `an answer to HEAD has its length and no content`(version: String) throws {
    let answer = try curl(version, "/plain", ["-I"])
    #expect(answer.code == 0 && answer.output.contains("content-length: 5"))
  }

  @Test func `a client that gives up is a reset to the app`() throws {
    let before = Int(try sidecar.ask("GET", "/aborts").text) ?? 0
    let connection = try sidecar.connection()
    try connection.send("GET /hold HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    _ = try connection.read(through: "begun")
    connection.abort()
    let after = try eventually { () -> Int? in
      let count = Int(try sidecar.ask("GET", "/aborts").text) ?? 0
      return count > before ? count : nil
    }
    #expect(after == before + 1)
  }

  @Test func `a request that was cut in its content never looks whole to the app`() throws {
    let (aborts, wholes) = (try sidecar.ask("GET", "/aborts").text, try sidecar.ask("GET", "/wholes").text)
    let connection = try sidecar.connection()
    try connection.send(
      "POST /upload HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    #expect(try connection.readHead().status == 200)
    connection.abort()
    #expect(try eventually { try sidecar.ask("GET", "/aborts").text == aborts ? nil : true } == true)
    #expect(try sidecar.ask("GET", "/wholes").text == wholes)
  }

  @Test(arguments: versions)
  func `an app that does not read holds the client back`(version: String) throws {
    let file = NSTemporaryDirectory() + UUID().uuidString
    #expect(FileManager.default.createFile(atPath: file, contents: nil))
    try FileHandle(forWritingTo: URL(fileURLWithPath: file)).truncate(atOffset: 200_000_000)
    defer { try? FileManager.default.removeItem(atPath: file) }
    let answer = try curl(
      version, "/swallow", ["-T", file, "-X", "POST", "-H", "Expect:", "--max-time", "2", "-o", "/dev/null", "-w", "%{size_upload}"])
    let sent = answer.output.split(separator: "\n").last.flatMap { Int($0) }
    #expect(answer.code == 28 && (sent ?? .max) < 32 << 20, "\(answer)")
  }

  /// What the sockets of both sides, the windows and the queues hold together stays far below that.
  @Test func `a client that does not read holds the app back`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET /flood HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try connection.readHead().status == 200)
    var last = -1
    let settled = try eventually { () -> Int? in
      let sent = Int(try sidecar.ask("GET", "/sent").text) ?? 0
      defer { last = sent }
      usleep(200_000)
      return sent == last ? sent : nil
    }
    #expect((settled ?? .max) < 64 << 20)
    // It goes on as soon as the client does.
    _ = try connection.read(32 << 20)
    #expect(Int(try sidecar.ask("GET", "/sent").text) ?? 0 > 32 << 20)
  }
}
