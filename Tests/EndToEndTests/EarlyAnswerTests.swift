import Foundation
import TestPeers
import Testing

/// Answers that come before the request has: whole, and only then the client is told that the rest is not wanted
/// (RFC 9113 §8.1).
@Suite struct EarlyAnswerTests {
  static let large = String(repeating: "too large ", count: 20_000)

  /// Answers 413 to whatever it is asked, without looking at content.
  struct Served: Sendable {
    let sidecar: SidecarUnderTest
    /// It lives as long as this does.
    let app: any Sendable

    private static let contents = ["/early": "no", "/early/large": large, "/early/none": ""]
    private static let all: [String: Result<Served, any Error>] = {
      var all = ["h1": Result(catching: overHTTP1)]
      for (path, content) in contents { all["h2" + path] = Result { try overHTTP2(content) } }
      return all
    }()

    static func shared(_ app: String, _ path: String) throws -> Served { try #require(all[app == "h1" ? app : app + path]).get() }

    private static func overHTTP1() throws -> Served {
      let app = try RecordingApp()
      for (path, content) in contents {
        app.on(path) { _, connection in
          try connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)")
          return false
        }
      }
      return Served(sidecar: try SidecarUnderTest(app: app.port), app: app)
    }

    /// Resets the stream as well, once it has answered.
    private static func overHTTP2(_ content: String) throws -> Served {
      let app = try LoopbackServer { connection in
        guard let app = try? RawHTTP2(serving: connection) else { return }
        app.send(.settingsAck, .windowUpdate(0, 1 << 30))
        while let frame = try? app.read() {
          guard frame.kind == RawFrame.Kind.headers else { continue }
          let flags: RawFrame.Flags = content.isEmpty ? [.endStream, .endHeaders] : .endHeaders
          let head = app.headers(frame.stream, block: RawHPACK.block([(":status", "413")]), flags)
          var (rest, window) = (content[...], 30_000)
          if !content.isEmpty, content.utf8.count < 10_000 {
            // In one piece: curl ends its request short of its length once it has the head of an error, which is an error of
            // its own, and loses what of the answer has not come by then.
            app.send(head, .data(frame.stream, content), .rstStream(frame.stream, 0))
            continue
          }
          app.send(head)
          while !rest.isEmpty {
            while window < 10_000 {
              guard let update = try? app.read() else { return }
              guard update.kind == RawFrame.Kind.windowUpdate, update.stream == frame.stream else { continue }
              window += update.payload.reduce(0) { $0 << 8 | Int($1) }
            }
            app.send(.data(frame.stream, String(rest.prefix(10_000)), rest.count > 10_000 ? [] : .endStream))
            rest = rest.dropFirst(10_000)
            window -= 10_000
          }
          app.send(.rstStream(frame.stream, 0))
        }
      }
      return Served(sidecar: try SidecarUnderTest(app: app.port, upstream: "protocol: http2"), app: app)
    }
  }

  private func token(_ served: Served) throws -> (String, String) {
    ("authorization", String(try served.sidecar.authorization.dropFirst("Authorization: ".count).dropLast(1)))
  }

  /// The answer of a stream: its frames up to the one that ends it. The window opens with what was read, and in between the
  /// client goes on sending.
  private func answer(_ client: RawHTTP2, _ stream: UInt32) throws -> [RawFrame] {
    var frames: [RawFrame] = []
    while true {
      let frame = try client.read()
      guard frame.stream == stream, frame.kind != RawFrame.Kind.windowUpdate else { continue }
      frames.append(frame)
      if frame.kind == RawFrame.Kind.rstStream || frame.flags.contains(.endStream) { return frames }
      guard frame.kind == RawFrame.Kind.data, !frame.payload.isEmpty else { continue }
      let count = UInt32(frame.payload.count)
      client.send(.data(stream, "more", []), .windowUpdate(0, count), .windowUpdate(stream, count))
    }
  }

  /// Sends as much as the windows take until the stream is reset.
  /// - Returns: the reset, and how many bytes were sent.
  private func sendUntilReset(_ client: RawHTTP2, _ stream: UInt32) throws -> (reset: RawFrame, sent: Int) {
    let piece = RawFrame.data(stream, String(repeating: "x", count: 16_000), [])
    var (sent, window) = (0, 200_000)
    while true {
      while sent + 16_000 <= window {
        client.send(piece)
        sent += 16_000
      }
      let frame = try client.read()
      guard frame.stream == stream else { continue }
      if frame.kind == RawFrame.Kind.rstStream { return (frame, sent) }
      #expect(frame.kind == RawFrame.Kind.windowUpdate)
      window += frame.payload.reduce(0) { $0 << 8 | Int($1) }
    }
  }

  @Test(arguments: ["h1", "h2"], [("/early", "no"), ("/early/large", large), ("/early/none", "")])
  func `the whole answer comes first, then a reset without error if the client goes on, and the connection stays`(
    app: String, expected: (path: String, content: String)
  ) throws {
    let served = try Served.shared(app, expected.path)
    let client = try RawHTTP2(port: served.sidecar.port, path: expected.path)
    client.send(client.headers(1, "POST", [try token(served)], .endHeaders), .data(1, "begun", []))
    let frames = try answer(client, 1)
    #expect(frames.first?.kind == RawFrame.Kind.headers && frames.last?.flags.contains(.endStream) == true, "\(frames)")
    let content = frames.filter { $0.kind == RawFrame.Kind.data }.flatMap(\.payload)
    #expect(String(decoding: content, as: UTF8.self) == expected.content)
    let (reset, sent) = try sendUntilReset(client, 1)
    #expect(reset.code == 0)
    #expect(sent > 1 << 20 && sent < 2 << 20)
    // What was under way is no offence.
    for _ in 0..<20 { client.send(.data(1, String(repeating: "x", count: 1000), [])) }
    client.send(.data(1, "end"))
    client.send(client.headers(3, "POST", [try token(served)], .endHeaders), .data(3, "again", []))
    #expect(try answer(client, 3).last?.flags.contains(.endStream) == true)
    #expect(eventually { served.sidecar.accessLines(expected.path).first?["status"] as? Int } == 413)
  }

  @Test func `a refusal of ours comes whole as well, and then the reset`() throws {
    let served = try Served.shared("h1", "/early")
    let client = try RawHTTP2(port: served.sidecar.port, path: "/early/refused")
    client.send(client.headers(1, "POST", [], .endHeaders), .data(1, "begun", []))
    #expect(try answer(client, 1).last?.flags.contains(.endStream) == true)
    #expect(try sendUntilReset(client, 1).reset.code == 0)
  }

  @Test(arguments: ["h1", "h2"])
  func `a client that ends its request after the answer is not reset`(app: String) throws {
    let served = try Served.shared(app, "/early")
    let client = try RawHTTP2(port: served.sidecar.port, path: "/early")
    client.send(client.headers(1, "POST", [try token(served)], .endHeaders), .data(1, "begun", []))
    #expect(try answer(client, 1).last?.flags.contains(.endStream) == true)
    client.send(.data(1, "and all of the rest"), .ping())
    var frame = try client.read()
    while frame.kind == RawFrame.Kind.windowUpdate { frame = try client.read() }
    #expect(frame.kind == RawFrame.Kind.ping)
  }

  @Test func `a client that leaves it at that is reset without error in the end`() throws {
    let app = try RecordingApp()
    app.on("/early") { _, connection in
      try connection.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
      return false
    }
    let sidecar = try SidecarUnderTest(app: app.port, limits: "bodyIdle: 300ms, lameDuck: 1ms")
    let client = try RawHTTP2(port: sidecar.port, path: "/early")
    client.send(client.headers(1, "POST", [try token(Served(sidecar: sidecar, app: app))], .endHeaders), .data(1, "begun", []))
    #expect(try answer(client, 1).last?.flags.contains(.endStream) == true)
    #expect(try client.read(RawFrame.Kind.rstStream).code == 0)
  }

  @Test(arguments: ["h1", "h2"], ["--http1.1", "--http2-prior-knowledge"])
  func `curl shows an early answer`(app: String, version: String) throws {
    let served = try Served.shared(app, "/early")
    let file = served.sidecar.folder + "/content"
    if !FileManager.default.fileExists(atPath: file) { try Data(count: 5_000_000).write(to: URL(fileURLWithPath: file)) }
    let field = String(try served.sidecar.authorization.dropLast(1))
    for _ in 0..<5 {
      let answer = try ChildProcess.run(
        "curl",
        ["-sS", version, "--max-time", "30", "-H", field, "-H", "Expect:", "--data-binary", "@\(file)", "-w", " %{http_code}",
          "http://127.0.0.1:\(served.sidecar.port)/early"])
      #expect(answer.output.hasPrefix("no 413"), "\(answer)")
    }
  }
}
