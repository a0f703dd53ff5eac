import Foundation
import TestPeers
import Testing

/// Requests over HTTP/2 beyond what h2spec asks (RFC 9113 §8): what is malformed reaches no app, what is refused for its
/// meaning is told, and either way the connection goes on.
@Suite struct H2RequestTests {
  enum Outcome: Equatable, CustomStringConvertible {
    /// The stream was reset.
    case reset
    case refused(String)
    case answered

    var description: String {
      switch self {
      case .reset: "reset"
      case .refused(let reason): reason
      case .answered: "answered"
      }
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let expected: Outcome
    let fields: [([UInt8], [UInt8])]

    /// Further fields of a good request; a pseudo-field takes the place of the good one.
    init(_ name: String, _ more: [(String, String)], _ expected: Outcome) {
      self.init(name, bytes: more.map { (Array($0.0.utf8), Array($0.1.utf8)) }, expected)
    }

    init(_ name: String, bytes more: [([UInt8], [UInt8])], _ expected: Outcome) {
      (testDescription, self.expected, fields) = (name, expected, more)
    }
  }

  static let names: [Case] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"].map {
      Case("a field of one connection: \($0)", [($0, "x")], .reset)
    } + [
      Case("TE with gzip", [("te", "gzip")], .reset), Case("TE with trailers", [("te", "trailers")], .answered),
      Case("a space in a name", [("x y", "a")], .refused("request_malformed")), Case("a colon in a name", [("x:y", "a")], .refused("request_malformed")),
      Case("an empty name", [("", "a")], .refused("request_malformed")), Case("a capital in a name", [("xY", "a")], .reset),
      Case("a line break in a name", [("x\r\ny", "a")], .refused("request_malformed")),
      Case("a byte of Latin-1 in a name", bytes: [([0x78, 0xE9], [0x61])], .refused("request_malformed")),
      Case("NUL in a name", [("x\0", "a")], .refused("request_malformed")), Case("a name of CGI", [("content_length", "9")], .answered),
    ]

  static let values: [Case] = [
    Case("CR in a value", [("x", "a\rb")], .refused("request_malformed")),
    Case("LF in a value", [("x", "a\nb")], .refused("request_malformed")),
    Case("a line break and a field in a value", [("x", "a\r\nx-user-id: evil")], .refused("request_malformed")),
    Case("NUL in a value", [("x", "a\0b")], .refused("request_malformed")),
    Case("a control byte in a value", [("x", "a\u{1}b")], .refused("request_malformed")),
    Case("DEL in a value", [("x", "a\u{7F}b")], .refused("request_malformed")),
    Case("a space before a value", [("x", " a")], .refused("request_malformed")),
    Case("a tab behind a value", [("x", "a\t")], .refused("request_malformed")), Case("a tab in a value", [("x", "a\tb")], .answered),
    Case("a byte of Latin-1 in a value", bytes: [([0x78], [0xE9])], .answered), Case("an empty value", [("x", "")], .answered),
    Case("cookies apart", [("cookie", "a=1"), ("cookie", "b=2")], .answered),
  ]

  static let routing: [Case] = [
    Case("a path without /", [(":path", "x")], .reset), Case("a path of an absolute form", [(":path", "http://app.test/x")], .reset),
    Case("a path of an asterisk", [(":path", "*")], .reset), Case("a space in the path", [(":path", "/public/x y")], .reset),
    Case("another scheme and a path without /", [(":scheme", "foo"), (":path", "x")], .refused("path_not_canonical")),
    Case("another scheme and an asterisk", [(":scheme", "foo"), (":path", "*")], .refused("path_not_canonical")),
    Case("another scheme", [(":scheme", "foo")], .answered), Case("a scheme that is none", [(":scheme", "f\0o")], .reset),
    Case("a fragment in the path", [(":path", "/public/x#y")], .refused("path_not_canonical")),
    Case("dot segments in the path", [(":path", "/public/../x")], .refused("path_not_canonical")),
    Case("a user in the authority", [(":authority", "u@app.test")], .refused("authority_invalid")),
    Case("a list for an authority", [(":authority", "a,b")], .refused("authority_invalid")),
    Case("an empty authority", [(":authority", "")], .reset),
    Case("a path in the authority", [(":authority", "a/b")], .reset),
    Case("Host beside the authority", [("host", "app.test")], .answered),
    Case("another Host", [("host", "b")], .refused("authority_invalid")),
    Case("Host twice", [("host", "app.test"), ("host", "app.test")], .reset),
    Case("TRACE", [(":method", "TRACE")], .refused("method_not_allowed")), Case("a space in the method", [(":method", "G T")], .reset),
    Case("an empty method", [(":method", "")], .reset),
    Case("a line break in the method", [(":method", "GET / HTTP/1.1\r\nHost: b\r\n\r\nGET")], .reset),
    Case("two authorities", [(":authority", "app.test"), (":authority", "app.test")], .reset),
    Case("an unknown expectation", [("expect", "x")], .refused("expectation_failed")),
    Case("many fields", (0..<300).map { ("x\($0)", "a") }, .refused("header_section_too_large")),
    Case("a long path", [(":path", "/public/" + String(repeating: "x", count: 17_000))], .refused("request_line_too_large")),
  ]

  static let lengths: [Case] = [
    Case("a length for no content", [("content-length", "3")], .reset),
    Case("length 0 for no content", [("content-length", "0")], .answered),
    Case("two lengths", [("content-length", "0"), ("content-length", "0")], .reset),
    Case("a length with a sign", [("content-length", "+0")], .reset),
    Case("a list of lengths", [("content-length", "0, 0")], .reset), Case("an empty length", [("content-length", "")], .reset),
    Case("a length beyond 64 bits", [("content-length", "18446744073709551616")], .reset),
  ]

  private func outcome(_ client: RawHTTP2, _ stream: UInt32) throws -> Outcome {
    do {
      let content = try client.content(stream)
      guard content.hasPrefix(#"{"error":""#) else { return .answered }
      return .refused(String(content.dropFirst(10).dropLast(2)))
    } catch RawConnection.Failure.reset { return .reset }
  }

  @Test(arguments: names + values + routing + lengths)
  func `a request that is malformed or refused reaches no app, and its connection goes on`(_ test: Case) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/public/request/\(UUID().uuidString)"
    let client = try RawHTTP2(port: sidecar.port, path: path)
    let given = Set(test.fields.map { String(decoding: $0.0, as: UTF8.self) })
    let good = client.fields().filter { !given.contains($0.0) }.map { (Array($0.0.utf8), Array($0.1.utf8)) }
    let isPseudo = { (field: ([UInt8], [UInt8])) in field.0.first == UInt8(ascii: ":") }
    let all = test.fields.filter(isPseudo) + good + test.fields.filter { !isPseudo($0) }
    let block = all.flatMap { RawHPACK.literal($0.0, $0.1) }
    let first = min(block.count, 16_000)
    client.send(client.headers(1, block: Array(block[..<first]), block.count > first ? .endStream : [.endStream, .endHeaders]))
    if block.count > first { client.send(.continuation(1, Array(block[first...]))) }
    let outcome = try outcome(client, 1)
    #expect(outcome == test.expected)
    let requests = app.received(path)
    #expect(requests.count == (test.expected == .answered ? 1 : 0))
    for request in requests {
      #expect(request.values("cookie") == (given.contains("cookie") ? ["a=1; b=2"] : []))
      #expect(request.values("content_length").isEmpty)
    }
    client.send(client.headers(3))
    let next = try self.outcome(client, 3)
    #expect(next == .answered)
  }

  /// What was under way when we reset a stream is nobody's fault.
  @Test func `content and trailers for a stream that we have reset are ignored`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let client = try RawHTTP2(port: sidecar.port, path: "/late")
    client.send(client.headers(1, "POST", [], .endHeaders))
    #expect(try client.content(1) == #"{"error":"token_missing"}"#)
    // A megabyte is taken and dropped before we say that we are done with it.
    var frame = RawFrame(RawFrame.Kind.ping, stream: 0, [])
    while frame.kind != RawFrame.Kind.rstStream {
      client.send([RawFrame](repeating: .data(1, String(repeating: "m", count: 16_000), []), count: 8) + [.ping()])
      repeat { frame = try client.read() } while frame.kind == RawFrame.Kind.windowUpdate
    }
    #expect(frame.code == H2Code.noError.rawValue)
    client.send(.data(1, "more", []), client.headers(1, block: RawHPACK.block([("x-sum", "1")])), .ping([], "the last"))
    repeat {
      frame = try client.read()
      #expect(frame.kind == RawFrame.Kind.ping || frame.kind == RawFrame.Kind.windowUpdate, "\(frame)")
    } while frame.payload != Array("the last".utf8)
  }

  @Test(arguments: [
    ([("x-sum", "a\r\nb")], "request_malformed"), ([("x sum", "a")], "request_malformed"),
    ((0..<300).map { ("x\($0)", "a") }, "header_section_too_large"),
  ])
  func `a trailer section that is none is refused, and the app has no whole request`(
    trailers: [(String, String)], reason: String
  ) throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    let path = "/public/trailers/\(UUID().uuidString)"
    let client = try RawHTTP2(port: sidecar.port, path: path)
    client.send(
      client.headers(1, "POST", [], .endHeaders), .data(1, "whole", []), client.headers(1, block: RawHPACK.block(trailers)))
    #expect(try outcome(client, 1) == .refused(reason))
    client.send(client.headers(3))
    #expect(try outcome(client, 3) == .answered)
    #expect(app.received(path).map(\.method) == ["GET"])
  }

  struct Reset: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: String
    let frames: @Sendable (RawHTTP2) -> [RawFrame]
  }

  static let resets: [Reset] = [
    Reset(testDescription: "a field of one connection", reason: "request_malformed") { [$0.headers(1, "GET", [("upgrade", "x")])] },
    Reset(testDescription: "no authority", reason: "authority_invalid") {
      [$0.headers(1, fields: $0.fields().filter { $0.0 != ":authority" })]
    },
    Reset(testDescription: "a length for no content", reason: "content_length_mismatch") {
      [$0.headers(1, "POST", [("content-length", "3")])]
    },
    Reset(testDescription: "more content than the length", reason: "content_length_mismatch") {
      [$0.headers(1, "POST", [("content-length", "3")], .endHeaders), .data(1, "longer")]
    },
    Reset(testDescription: "less content than the length", reason: "content_length_mismatch") {
      [$0.headers(1, "POST", [("content-length", "3")], .endHeaders), .data(1, "s")]
    },
    Reset(testDescription: "a pseudo-field in the trailers", reason: "request_malformed") {
      [$0.headers(1, "POST", [], .endHeaders), .data(1, "x", []), $0.headers(1, block: RawHPACK.block([(":path", "/")]))]
    },
  ]

  @Test(arguments: resets)
  func `a malformed request that is answered with a reset has its line in the log, with the reason`(_ test: Reset) throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let path = "/public/reset/\(UUID().uuidString)"
    let client = try RawHTTP2(port: sidecar.port, path: path)
    client.send(test.frames(client))
    #expect(try outcome(client, 1) == .reset)
    let lines = eventually { sidecar.accessLines(path).isEmpty ? nil : sidecar.accessLines(path) } ?? []
    #expect(lines.map { $0["reason"] as? String } == [test.reason])
    #expect(lines.allSatisfy { $0["status"] is NSNull })
  }

  @Test func `what is malformed behind a refusal does not become its reason`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let path = "/late/\(UUID().uuidString)"
    let client = try RawHTTP2(port: sidecar.port, path: path)
    client.send(client.headers(1, "POST", [], .endHeaders))
    #expect(try client.content(1) == #"{"error":"token_missing"}"#)
    client.send(.data(1, "x", []), client.headers(1, block: RawHPACK.block([("x sum", "1")])))
    let lines = eventually { sidecar.accessLines(path).isEmpty ? nil : sidecar.accessLines(path) } ?? []
    #expect(lines.map { $0["reason"] as? String } == ["token_missing"])
    #expect(lines.map { $0["status"] as? Int } == [401])
  }

  @Test func `a stream that was to be a tunnel ends with its refusal`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let path = "/refused-tunnel/\(UUID().uuidString)"
    let client = try RawHTTP2(port: sidecar.port, path: path)
    let fields = [(":method", "CONNECT"), (":protocol", "websocket")] + client.fields().dropFirst() + [("sec-websocket-version", "13")]
    client.send(client.headers(1, block: RawHPACK.block(fields), .endHeaders))
    #expect(try outcome(client, 1) == .refused("token_missing"))
    #expect(try client.read(RawFrame.Kind.rstStream).code == H2Code.noError.rawValue)
    let lines = eventually { sidecar.accessLines(path).isEmpty ? nil : sidecar.accessLines(path) } ?? []
    #expect(lines.map { $0["reason"] as? String } == ["token_missing"])
    client.send(client.headers(3))
    #expect(try outcome(client, 3) == .refused("token_missing"))
  }

  @Test func `a length that the content does not meet is never whole to the app`() throws {
    let (sidecar, app) = try SidecarUnderTest.shared.get()
    for (path, content) in [("/public/longer", "longer"), ("/public/shorter", "s")] {
      let client = try RawHTTP2(port: sidecar.port, path: path)
      client.send(client.headers(1, "POST", [("content-length", "3")], .endHeaders), .data(1, content))
      #expect(try outcome(client, 1) == .reset)
      #expect(app.received(path).isEmpty)
    }
  }
}
