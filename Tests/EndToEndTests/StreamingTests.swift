import Foundation
import TestPeers
import Testing

/// Bodies on their way: by pieces, cut, awaited, given up; over HTTP/1.1 and HTTP/2, by other people's clients and servers.
@Suite struct StreamingTests {
  let sidecar: SidecarUnderTest
  let app: RecordingApp

  init() throws { (sidecar, app) = try SidecarUnderTest.shared.get() }

  private func curl(_ version: String, _ path: String, _ more: [String] = [], port: UInt16? = nil) throws -> (
    code: Int32, output: String
  ) {
    let field = String(try sidecar.authorization.dropLast(1))
    return try ChildProcess.run(
      "curl",
      ["-sS", version, "--max-time", "30", "-H", field] + more + ["http://127.0.0.1:\(port ?? sidecar.port)\(path)"])
  }

  static let versions = ["--http1.1", "--http2-prior-knowledge"]

  // MARK: To an HTTP/1.1 app

  @Test(arguments: versions)
  func `five megabytes go there and back whole`(version: String) throws {
    let bytes = (0..<5_000_000).map { (index: Int) -> UInt8 in UInt8(97 + (index * 31 + index >> 8) % 23) }
    let body = String(decoding: bytes, as: UTF8.self)
    let path = "/large/\(UUID().uuidString)"
    let file = NSTemporaryDirectory() + UUID().uuidString
    try Data(body.utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    let answer = try curl(version, path, ["--data-binary", "@\(file)", "-H", "Expect:"])
    #expect(answer.code == 0)
    #expect(answer.output.hasSuffix("\r\n\r\n" + body))
    #expect(app.received(path).first?.text == body)
  }

  @Test(arguments: versions)
  func `an answer to HEAD has its length and no body`(version: String) throws {
    let path = "/head/\(UUID().uuidString)"
    let answer = try curl(version, path, ["-I"])
    #expect(answer.code == 0)
    #expect(answer.output.lowercased().contains("content-length: "))
    #expect(app.received(path).map(\.method) == ["HEAD"])
  }

  @Test(arguments: versions, [204, 304])
  func `an answer without content stays one`(version: String, status: Int) throws {
    app.on("/none/\(status)") { _, connection in
      try connection.send("HTTP/1.1 \(status) Nothing\r\nETag: \"a\"\r\n\r\n")
      return true
    }
    let answer = try curl(
      version, "/none/\(status)", ["-w", "%{http_code} %{size_download}\n"])
    #expect(answer.code == 0)
    #expect(answer.output == "\(status) 0\n")
  }

  @Test(arguments: versions)
  func `an answer in chunks arrives whole, with its trailers`(version: String) throws {
    app.on("/chunked") { _, connection in
      try connection.send(
        "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 7\r\n\r\n")
      return true
    }
    let answer = try curl(version, "/chunked", ["-D", "-"])
    #expect(answer.code == 0)
    #expect(answer.output.contains("\r\n\r\nabcde"))
    #expect(answer.output.lowercased().contains("x-sum: 7"))
  }

  static let cuts = [
    "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n0\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\nzz\r\n",
  ]

  @Test(arguments: versions, cuts.indices)
  func `an answer that was cut never looks whole`(version: String, cut: Int) throws {
    let path = "/cut/\(cut)"
    app.on(path) { _, connection in
      try connection.send(Self.cuts[cut])
      return false
    }
    let answer = try curl(version, path)
    #expect([16, 18, 56, 92].contains(answer.code), "\(answer)")
  }

  @Test(arguments: versions)
  func `an answer reset in its middle never looks whole`(version: String) throws {
    app.on("/reset") { _, connection in
      try connection.send("HTTP/1.1 200 OK\r\n\r\nuntil I close")
      connection.abort()
      return false
    }
    #expect(try curl(version, "/reset").code != 0)
  }

  @Test func `the first event arrives while the app still holds the second`() throws {
    let seen = DispatchSemaphore(value: 0)
    app.on("/events") { _, connection in
      try connection.send(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n8\r\ndata: 1\n\r\n")
      guard seen.wait(timeout: .now() + 30) == .success else { return false }
      try connection.send("8\r\ndata: 2\n\r\n0\r\n\r\n")
      return true
    }
    let connection = try sidecar.connection()
    try connection.send("GET /events HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(try connection.readHead().status == 200)
    _ = try connection.read(through: "data: 1\n")
    seen.signal()
    _ = try connection.read(through: "data: 2\n")
    _ = try connection.read(through: "0\r\n\r\n")
  }

  @Test func `an app reads the beginning of a body before its end was sent`() throws {
    let begun = DispatchSemaphore(value: 0)
    app.on("/upload") { head, connection in
      #expect(head.values("content-length") == ["6"])
      let first = try connection.read(3)
      begun.signal()
      let rest = try connection.read(3)
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n")
      try connection.send(first + rest)
      return true
    }
    let connection = try sidecar.connection()
    try connection.send("POST /upload HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)Content-Length: 6\r\n\r\nabc")
    #expect(begun.wait(timeout: .now() + 30) == .success)
    try connection.send("def")
    #expect(try connection.readResponse().text == "abcdef")
  }

  @Test func `a body is asked for by the app, not by us`() throws {
    app.on("/expected") { head, connection in
      #expect(head.values("expect").map { $0.lowercased() } == ["100-continue"])
      try connection.send("HTTP/1.1 100 Continue\r\n\r\n")
      let body = try connection.read(3)
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
      try connection.send(body)
      return true
    }
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "POST /expected HTTP/1.1\r\nHost: a\r\n\(authorization)Expect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    #expect(try connection.readHead().status == 100)
    try connection.send("abc")
    #expect(try connection.readResponse().text == "abc")
  }

  @Test func `a body is not asked for when the token is missing`() throws {
    let connection = try sidecar.connection()
    try connection.send("POST /expected/no HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    #expect(try connection.readHead().status == 401)
  }

  @Test func `early hints pass`() throws {
    app.on("/hints") { _, connection in
      try connection.send(
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      return true
    }
    let connection = try sidecar.connection()
    try connection.send("GET /hints HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    let hints = try connection.readHead()
    #expect(hints.status == 103 && hints.values("link") == ["</a>"])
    #expect(try connection.readHead().status == 200)
  }

  @Test func `a client that has nothing more to say still gets its answer`() throws {
    let connection = try sidecar.connection()
    try connection.send("GET /half HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    connection.finishSending()
    #expect(try connection.readResponse().status == 200)
  }

  @Test(arguments: ["before the head", "in the body"], ["a reset", "an end"])
  func `a client that gives up is noticed by the app`(moment: String, by sign: String) throws {
    let (waiting, gone) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let path = "/abort/\(moment.count)/\(sign.count)"
    app.on(path) { _, connection in
      if moment == "in the body" { try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n") }
      waiting.signal()
      if connection.readToEnd().end != .timedOut { gone.signal() }
      return false
    }
    let connection = try sidecar.connection()
    try connection.send("GET \(path) HTTP/1.1\r\nHost: a\r\n\(sidecar.authorization)\r\n")
    #expect(waiting.wait(timeout: .now() + 30) == .success)
    if moment == "in the body" { _ = try connection.read(through: "\r\n\r\n1\r\na\r\n") }
    if sign == "a reset" { connection.abort() } else { connection.finishSending() }
    #expect(gone.wait(timeout: .now() + 20) == .success)
  }

  @Test func `a request cut in its body never looks whole to the app`() throws {
    let noticed = DispatchSemaphore(value: 0)
    app.on("/cut-request") { head, connection in
      var message = head
      do { try connection.readBody(of: &message) } catch { noticed.signal() }
      return false
    }
    let connection = try sidecar.connection()
    let authorization = try sidecar.authorization
    try connection.send(
      "POST /cut-request HTTP/1.1\r\nHost: a\r\n\(authorization)Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    _ = eventually { app.received("/cut-request").isEmpty ? nil : true }
    connection.abort()
    #expect(noticed.wait(timeout: .now() + 30) == .success)
  }

  @Test(arguments: [["--h1"], []])
  func `a thousand requests of h2load all succeed`(version: [String]) throws {
    let field = String(try sidecar.authorization.dropLast(1))
    let result = try ChildProcess.run(
      "h2load",
      version + ["-n", "1000", "-c", "10", "-m", version.isEmpty ? "10" : "1", "-H", field]
        + ["http://127.0.0.1:\(sidecar.port)/load"])
    #expect(result.code == 0)
    #expect(result.output.contains("1000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(result.output)")
    #expect(result.output.contains("status codes: 1000 2xx"))
  }

  // MARK: To an HTTP/2 app

  @Test(arguments: versions, ["auto", "http2"])
  func `nghttpd behind us gets who asks, and its echo comes back`(version: String, upstream: String) throws {
    let folder = NSTemporaryDirectory() + "nghttpd-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let body = String(decoding: (0..<300_000).map { UInt8(97 + $0 % 23) }, as: UTF8.self)
    try Data(body.utf8).write(to: URL(fileURLWithPath: folder + "/file"))
    let port = try LoopbackServer.freePort()
    let server = try ChildProcess(
      "/usr/sbin/nghttpd",
      ["-v", "--no-tls", "--address=127.0.0.1", "--htdocs=\(folder)", "--echo-upload", "--trailer", "x-sum: 7", "\(port)"],
      output: folder + "/log")
    defer { server.signal(SIGTERM) }
    _ = eventually { try? RawConnection(port: port) }
    let sidecar = try SidecarUnderTest(app: port, upstream: "protocol: \(upstream)")
    let field = String(try sidecar.authorization.dropLast(1))
    func curl(_ arguments: String...) throws -> (code: Int32, output: String) {
      try ChildProcess.run(
        "curl", ["-sS", version, "--max-time", "30", "-H", field, "-H", "Expect:", "-H", "X_User_ID: evil"] + arguments)
    }
    let base = "http://127.0.0.1:\(sidecar.port)"
    let fetched = try curl(base + "/file")
    #expect(fetched.code == 0 && fetched.output == body)
    let echoed = try curl("--data-binary", "@\(folder)/file", base + "/upload")
    #expect(echoed.code == 0 && echoed.output == body)
    let head = try curl("-I", base + "/file")
    #expect(head.code == 0 && head.output.contains("300000"))
    #expect(try curl("-o", "/dev/null", "-w", "%{http_code}", base + "/missing").output == "404")
    let log = try String(contentsOfFile: folder + "/log", encoding: .utf8)
    #expect(log.contains("x-user-id: alice") && log.contains("x-forwarded-proto: http"))
    #expect(!log.contains("evil") && !log.contains("authorization:"))
    // An app that goes away in the middle is 502, not a clean end.
    server.signal(SIGKILL)
    _ = server.ending()
    #expect(try curl("-o", "/dev/null", "-w", "%{http_code}", base + "/file").output == "502")
  }
}
