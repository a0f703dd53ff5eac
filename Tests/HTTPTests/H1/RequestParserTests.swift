import HTTP
import Testing

@Suite struct RequestParserTests {
  // RFC 9112 §2.1.
  static let example =
    "GET /hello.txt HTTP/1.1\r\nUser-Agent: curl/7.64.1\r\nHost: www.example.com\r\nAccept-Language: en, mi\r\n\r\n"

  @Test func `the example of RFC 9112 is understood`() throws {
    let parsed = try ParsedRequest(Self.example)
    #expect(parsed.progress == .complete(consumed: Self.example.utf8.count, body: .none, persists: true))
    #expect(parsed.head.method == .get)
    #expect(parsed.head.version == .http11)
    #expect(parsed.text(parsed.head.path) == "/hello.txt")
    #expect(parsed.text(parsed.head.authority) == "www.example.com")
    #expect(parsed.head.fields.values("accept-language") == ["en, mi"])
    #expect(!parsed.head.hasBody)
  }

  @Test func `names are lowered and recognised, values keep their bytes without surrounding white space`() throws {
    let parsed = try ParsedRequest(
      request("X-Mixed: \t A  b\t", "AUTHORIZATION:x", "Empty:", "Blank:  \t", method: "GET"))
    #expect(parsed.head.fields.values("x-mixed") == ["A  b"])
    #expect(parsed.head.fields.values("authorization") == ["x"])
    #expect(parsed.head.fields.values("empty") == [""])
    #expect(parsed.head.fields.values("blank") == [""])
    #expect(parsed.head.fields.lines.map(\.known) == [.host, .other, .authorization, .other, .other])
  }

  @Test func `obsolete text and tabs in values pass as they are`() throws {
    let parsed = try ParsedRequest(
      bytes: Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + [0xFF, 0x09, 0x80] + Array("\r\n\r\n".utf8))
    #expect(Array(parsed.head.fields.bytes[parsed.head.fields.lines[1].value.range]) == [0xFF, 0x09, 0x80])
  }

  @Test func `what follows the head is left alone`() throws {
    let parsed = try ParsedRequest(Self.example + "GET /second HTTP/1.1\r\n\r\n")
    #expect(parsed.consumed == Self.example.utf8.count)
    let partial = try ParsedRequest(Self.example + "GET /second")
    #expect(partial.consumed == Self.example.utf8.count)
  }

  @Test func `one parser reads heads that follow each other`() throws {
    let first = Array("GET /first HTTP/1.1\r\nHost: a\r\nX: long enough\r\n\r\n".utf8)
    let second = Array("GET /2 HTTP/1.1\r\nHost: b\r\n\r\n".utf8)
    let behind = [UInt8](repeating: 0x78, count: 100)
    let bytes = first + second + [0x78]
    var parser = RequestParser()
    var head = RequestHead()
    let limits = MessageLimits()
    for count in [10, first.count - 1] {
      let progress = try parser.parse(bytes.span.extracting(0..<count), limits: limits, into: &head)
      #expect(progress == .incomplete)
    }
    let whole = try parser.parse(bytes.span, limits: limits, into: &head)
    #expect(whole == .complete(consumed: first.count, body: .none, persists: true))
    let next = try parser.parse((second + behind).span, limits: limits, into: &head)
    #expect(next == .complete(consumed: second.count, body: .none, persists: true))
    #expect(head.fields.string(head.authority) == "b")
  }

  @Test func `fewer bytes than before are read as other bytes`() throws {
    var parser = RequestParser()
    var head = RequestHead()
    let long = Array("GET /a/long/path HTTP/1.1\r\nX: y".utf8)
    let short = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\nx".utf8)
    let first = try parser.parse(long.span, limits: MessageLimits(), into: &head)
    #expect(first == .incomplete)
    let second = try parser.parse(short.span, limits: MessageLimits(), into: &head)
    #expect(second == .complete(consumed: short.count - 1, body: .none, persists: true))
  }

  @Test func `one empty line in front of the request line is skipped, a second is not`() throws {
    #expect(try ParsedRequest("\r\n" + Self.example).consumed == Self.example.utf8.count + 2)
    #expect(refusal("\r\n\r\n" + Self.example) == .requestMalformed(.startLine))
    #expect(refusal("\r\n\r\n") == .requestMalformed(.startLine))
  }

  @Test(arguments: ["", "\r", "\r\n", "G", "GET / HTTP/1.1", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r"])
  func `a head without its end is incomplete`(text: String) throws {
    #expect(try ParsedRequest(text).progress == .incomplete)
  }

  @Test(arguments: ["\u{16}\u{3}\u{1}\u{2}", "\n", " GET /", ":", "\0"])
  func `what begins like no request is refused at once`(text: String) {
    #expect(refusal(text) != nil)
  }

  @Test func `a bare line feed is refused before the head is complete`() {
    #expect(refusal("GET / HTTP/1.1\n") == .requestMalformed(.lineEnd))
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\n") == .requestMalformed(.lineEnd))
  }

  @Test(arguments: [
    ("GET  / HTTP/1.1", Violation.version), ("GET /  HTTP/1.1", .version), ("GET / HTTP/1.1 ", .fieldValue),
    ("GET\t/ HTTP/1.1", .methodToken), ("G@T / HTTP/1.1", .methodToken), ("GET", .methodToken), ("GET /", .targetBytes),
    ("GET /\u{7F} HTTP/1.1", .targetBytes), ("GET /\0 HTTP/1.1", .targetBytes), ("GET /a\tb HTTP/1.1", .targetBytes),
    ("GET é HTTP/1.1", .targetForm), ("GET /a b HTTP/1.1", .version), ("GET /\r HTTP/1.1", .targetBytes),
    ("GET / HTTP/1.2", .version), ("GET / HTTP/2.0", .version), ("GET / HTTP/0.9", .version),
    ("GET / http/1.1", .version),
    ("GET / HTTP/1", .version), ("GET / HTTP/1.10", .fieldValue), ("GET / HTTP/01.1", .version),
    ("GET / ICY/1.1", .version),
    ("GET / HTTP/1.1\r", .lineEnd),
  ])
  func `a request line that is not exactly method, target, version is refused`(line: String, rule: Violation) {
    #expect(refusal(line + "\r\nHost: a\r\n\r\n") == .requestMalformed(rule))
  }

  @Test func `bytes beyond ASCII in path and query are left to who judges paths`() throws {
    let parsed = try ParsedRequest("GET /é?ü HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(parsed.text(parsed.head.path) == "/é")
    #expect(parsed.text(parsed.head.query) == "ü")
  }

  @Test func `the preface of HTTP2 in mid-connection is refused`() {
    #expect(refusal("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == .requestMalformed(.version))
  }

  @Test(arguments: [
    (" X: y", Violation.lineFolding), ("\tX: y", .lineFolding), ("X: y\r\n folded", .lineFolding),
    ("X: y\r\n\t", .lineFolding),
    ("X : y", .spaceBeforeColon), ("X\t: y", .spaceBeforeColon), ("Host : b", .spaceBeforeColon), (": y", .fieldName),
    ("X", .fieldName), ("X y: z", .spaceBeforeColon), ("X\u{0}: y", .fieldName), ("(X): y", .fieldName),
    ("é: y", .fieldName),
    ("\"X\": y", .fieldName), ("X@: y", .fieldName), ("X: a\u{0}b", .fieldValue), ("X: a\u{1}b", .fieldValue),
    ("X: a\u{7F}b", .fieldValue), ("X: a\u{B}b", .fieldValue), ("X: \u{C}", .fieldValue),
    ("X: a\u{1B}[0m", .fieldValue),
    ("X: a\rb", .lineEnd), ("X: a\nY: b", .lineEnd), ("X: a\r\rY: b", .lineEnd), ("X: a\r", .lineEnd),
    ("\rX: a", .lineEnd),
    ("\nX: a", .lineEnd), ("Transfer-Encoding\u{B}: chunked", .fieldName),
  ])
  func `a malformed field line is refused`(line: String, rule: Violation) {
    #expect(refusal(request(line, method: "GET")) == .requestMalformed(rule))
    // With content behind the head, the end has to be searched for first.
    #expect(refusal(request(line, method: "GET") + "x") == .requestMalformed(rule))
  }

  @Test(arguments: 0...255)
  func `every byte is judged alike at every place of a value`(byte: Int) {
    let byte = UInt8(byte)
    let allowed = byte == 0x09 || (0x20...0x7E).contains(byte) || byte >= 0x80
    for length in 0...17 {
      let value =
        [UInt8(ascii: "a")] + [UInt8](repeating: UInt8(ascii: "b"), count: length) + [byte] + Array("tail of it".utf8)
      let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX: ".utf8) + value + Array("\r\n\r\n".utf8)
      #expect((refusal(bytes: bytes) == nil) == allowed, "byte \(byte) at \(length)")
    }
  }

  @Test func `a name may hold every token character and no other byte`() {
    let token = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
    for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
      let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\nX".utf8) + [byte] + Array("y: z\r\n\r\n".utf8)
      #expect((refusal(bytes: bytes) == nil) == token.contains(byte), "byte \(byte)")
    }
  }
}

@Suite struct RequestLimitTests {
  let limits = MessageLimits(headerSectionBytes: 200, fieldCount: 3, requestLineBytes: 40)

  func line(_ count: Int) -> String { "GET /" + String(repeating: "a", count: count - 14) + " HTTP/1.1" }

  @Test(arguments: ["", "x"])
  func `a request line may be as long as the limit and no longer`(behind: String) {
    #expect(refusal(line(40) + "\r\nHost: a\r\n\r\n" + behind, limits: limits) == nil)
    #expect(refusal(line(41) + "\r\nHost: a\r\n\r\n" + behind, limits: limits) == .requestLineTooLarge)
  }

  @Test func `a request line that only grows is refused when it exceeds the limit`() throws {
    #expect(try ParsedRequest(String(line(60).prefix(41)), limits: limits).progress == .incomplete)
    #expect(refusal(String(line(60).prefix(42)), limits: limits) == .requestLineTooLarge)
  }

  @Test(arguments: ["", "x"])
  func `names, values and 32 a field count towards the section's limit`(behind: String) {
    // Host: 4 + 1 + 32; X: 1 + 130 + 32.
    let fitting = "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 130)
    #expect(refusal(fitting + "\r\n\r\n" + behind, limits: limits) == nil)
    #expect(refusal(fitting + "v\r\n\r\n" + behind, limits: limits) == .headerSectionTooLarge)
  }

  @Test func `white space around values is bounded too`() {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX:" + String(repeating: " ", count: 200)
    #expect(refusal(head + "\r\n\r\n", limits: limits) == .headerSectionTooLarge)
    #expect(refusal(head, limits: limits) == .headerSectionTooLarge)
  }

  @Test func `a section that only grows is refused when it exceeds the limit`() throws {
    let head = "GET / HTTP/1.1\r\nHost: a\r\nX: "
    #expect(try ParsedRequest(head + String(repeating: "v", count: 180), limits: limits).progress == .incomplete)
    #expect(refusal(head + String(repeating: "v", count: 200), limits: limits) == .headerSectionTooLarge)
  }

  @Test(arguments: ["\r\n", "\r\nx", ""])
  func `more fields than the limit are refused, complete or not`(end: String) {
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nb:\r\nc:\r\n\r\n", limits: limits) == nil)
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nb:\r\nc:\r\nd:\r\n" + end, limits: limits) == .headerSectionTooLarge)
  }
}
