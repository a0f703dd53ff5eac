import HTTP
import Testing

struct ParsedResponse {
  var head = ResponseHead()
  var progress = HeadProgress.incomplete

  init(
    _ text: String, to method: HTTP.Method = .get, offersWebSocket: Bool = false,
    limits: MessageLimits = MessageLimits()
  ) throws(MessageError) {
    var parser = ResponseParser()
    let bytes = Array(text.utf8)
    progress = try parser.parse(bytes.span, to: method, offersWebSocket: offersWebSocket, limits: limits, into: &head)
  }

  var body: BodyFraming? {
    if case .complete(_, let body, _) = progress { body } else { nil }
  }

  var persists: Bool? {
    if case .complete(_, _, let persists) = progress { persists } else { nil }
  }
}

@Suite struct ResponseParserTests {
  func response(_ status: String, _ lines: String...) -> String {
    "HTTP/1.1 \(status)\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  func refusal(
    _ text: String, to method: HTTP.Method = .get, offersWebSocket: Bool = false,
    limits: MessageLimits = MessageLimits()
  ) -> MessageError? {
    do throws(MessageError) {
      _ = try ParsedResponse(text, to: method, offersWebSocket: offersWebSocket, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a response is understood`() throws {
    let parsed = try ParsedResponse(response("200 OK", "Content-Length: 51", "X-A: b"))
    #expect(parsed.head.status == 200)
    #expect(parsed.head.version == .http11)
    #expect(parsed.head.contentLength == 51)
    #expect(parsed.head.fields.values("x-a") == ["b"])
    #expect(parsed.body == .length(51))
    #expect(parsed.persists == true)
  }

  @Test(arguments: ["200", "200 ", "200 \tA é b", "599 x"])
  func `the reason phrase may be anything, or missing`(line: String) throws {
    #expect(try ParsedResponse(response(line)).head.status == UInt16(line.prefix(3)))
  }

  @Test(arguments: [
    ("HTTP/1.1 20 OK", Violation.status), ("HTTP/1.1 2000 OK", .startLine), ("HTTP/1.1 099 X", .status),
    ("HTTP/1.1 600 X", .status),
    ("HTTP/1.1 +20 X", .status), ("HTTP/1.1  200 OK", .status), ("HTTP/1.1\t200 OK", .startLine),
    ("HTTP/1.1 200\tOK", .startLine),
    ("HTTP/1.1 200 O\u{0}K", .startLine), ("HTTP/2.0 200 OK", .version), ("HTTP/1.2 200 OK", .version),
    ("ICY 200 OK", .version),
    (" HTTP/1.1 200 OK", .version), ("HTTP/1.1 200 O\rK", .lineEnd), ("200 OK", .version), ("HTTP/1.1", .startLine),
  ])
  func `any other status line is refused`(line: String, rule: Violation) {
    #expect(refusal(line + "\r\nX: y\r\n\r\n") == .responseMalformed(rule))
    #expect(refusal(line + "\r\nX: y\r\n\r\nbody") == .responseMalformed(rule))
  }

  @Test(arguments: [" X: y", "X : y", "X: y\r\n z", "X", ": y", "X: a\u{0}"])
  func `field lines are as strict as a request's`(line: String) {
    #expect(refusal(response("200 OK", line)) != nil)
  }

  @Test(arguments: ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n\r"])
  func `a head without its end is incomplete`(text: String) throws {
    #expect(try ParsedResponse(text).progress == .incomplete)
  }

  @Test func `limits hold for responses, whose errors are all the app's`() {
    let limits = MessageLimits(headerSectionBytes: 100, fieldCount: 1, requestLineBytes: 20)
    #expect(refusal(response("200 OK", "a:", "b:"), limits: limits) == .responseMalformed(.fieldCount))
    #expect(
      refusal(response("200 OK", "a: " + String(repeating: "x", count: 68)), limits: limits)
        == .responseMalformed(.sectionBytes))
    #expect(refusal(response("200 OK and something"), limits: limits) == .responseMalformed(.requestLineBytes))
    #expect(refusal(String(repeating: "x", count: 30), limits: limits) == .responseMalformed(.requestLineBytes))
  }

  // RFC 9112 §6.3.

  @Test(
    arguments: [
      ("200 OK", HTTP.Method.get, "Content-Length: 5", BodyFraming.length(5), 5),
      ("200 OK", .get, "Content-Length: 0", .none, 0),
      ("200 OK", .get, "Transfer-Encoding: chunked", .chunked, nil), ("200 OK", .get, "X: y", .untilClose, nil),
      ("200 OK", .head, "Content-Length: 5", .none, 5), ("200 OK", .head, "Transfer-Encoding: chunked", .none, nil),
      ("200 OK", .head, "X: y", .none, nil), ("304 Not Modified", .get, "Content-Length: 5", .none, 5),
      ("304 Not Modified", .get, "Transfer-Encoding: chunked", .none, nil),
      ("204 No Content", .get, "X: y", .none, nil),
      ("204 No Content", .get, "Content-Length: 0", .none, nil), ("100 Continue", .post, "X: y", .none, nil),
      ("103 Early Hints", .get, "Link: </a>", .none, nil), ("500 X", .post, "Content-Length: 7", .length(7), 7),
      ("200 OK", .connect, "Content-Length: 5", .none, nil),
      ("404 Not Found", .connect, "Content-Length: 5", .length(5), 5),
    ] as [(String, HTTP.Method, String, BodyFraming, UInt64?)])
  func `status, method and fields frame the body`(
    status: String, method: HTTP.Method, line: String, framing: BodyFraming, length: UInt64?
  ) throws {
    let parsed = try ParsedResponse(response(status, line), to: method)
    #expect(parsed.body == framing)
    #expect(parsed.head.contentLength == length)
    #expect(parsed.persists == (framing != .untilClose))
  }

  @Test func `framing that two readers could understand differently is refused`() {
    let chunked = "Transfer-Encoding: chunked"
    #expect(
      refusal(response("200 OK", chunked, "Content-Length: 5")) == .responseMalformed(.transferEncodingWithLength))
    #expect(
      refusal(response("200 OK", "Content-Length: 5", "Content-Length: 5"))
        == .responseMalformed(.contentLengthRepeated))
    #expect(refusal(response("200 OK", "Content-Length: 5, 5")) == .responseMalformed(.contentLength))
    #expect(refusal(response("200 OK", "Transfer-Encoding: gzip, chunked")) == .responseMalformed(.transferEncoding))
    #expect(refusal(response("200 OK", "Transfer-Encoding: gzip"), to: .head) == .responseMalformed(.transferEncoding))
    #expect(refusal("HTTP/1.0 200 OK\r\n\(chunked)\r\n\r\n") == .responseMalformed(.transferEncoding))
  }

  @Test(arguments: ["100 Continue", "103 Early Hints", "204 No Content"])
  func `content where none may be is refused`(status: String) {
    #expect(refusal(response(status, "Content-Length: 5")) == .responseMalformed(.contentForbidden))
    #expect(refusal(response(status, "Transfer-Encoding: chunked")) == .responseMalformed(.contentForbidden))
  }

  @Test func `a connection ends with close and with HTTP 1_0`() throws {
    #expect(try ParsedResponse(response("200 OK", "Content-Length: 1", "Connection: close")).persists == false)
    #expect(try ParsedResponse("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n").persists == false)
    #expect(try ParsedResponse("HTTP/1.0 200 OK\r\n\r\n").body == .untilClose)
  }

  @Test func `interim responses are told from final ones`() throws {
    #expect(try ParsedResponse(response("103 Early Hints")).head.isInterim)
    #expect(try !ParsedResponse(response("200 OK")).head.isInterim)
  }

  @Test func `one parser reads an interim response and the final one after it`() throws {
    var parser = ResponseParser()
    var head = ResponseHead()
    let bytes = Array("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".utf8)
    let first = try parser.parse(bytes.span, to: .post, offersWebSocket: false, limits: MessageLimits(), into: &head)
    #expect(first == .complete(consumed: 25, body: .none, persists: true))
    let rest = bytes.span.extracting(25..<bytes.count)
    let second = try parser.parse(rest, to: .post, offersWebSocket: false, limits: MessageLimits(), into: &head)
    #expect(second == .complete(consumed: bytes.count - 27, body: .length(2), persists: true))
    #expect(head.status == 200)
  }

  @Test func `a switch to WebSocket needs the offer and the protocol's name`() {
    let answer = response("101 Switching Protocols", "Upgrade: WebSocket", "Connection: upgrade")
    #expect(refusal(answer, offersWebSocket: true) == nil)
    #expect(refusal(answer) == .responseMalformed(.protocolSwitch))
    for lines in ["Connection: upgrade", "Upgrade: websocket", "Upgrade: h2c\r\nConnection: upgrade"] {
      #expect(refusal(response("101 X", lines), offersWebSocket: true) == .responseMalformed(.protocolSwitch))
    }
  }
}
