import HTTP
import Testing

@Suite struct RequestRulesTests {
  // Host and authority (RFC 9112 §3.2).

  @Test func `HTTP 1_1 needs exactly one Host`() {
    #expect(refusal("GET / HTTP/1.1\r\n\r\n") == .authorityInvalid(.hostMissing))
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n") == .authorityInvalid(.hostRepeated))
    #expect(refusal("GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n") == .authorityInvalid(.hostRepeated))
    #expect(refusal("GET http://a/ HTTP/1.1\r\n\r\n") == .authorityInvalid(.hostMissing))
  }

  @Test(arguments: ["", " ", "a b", "u@a", "a/b", "a,b", "a:", ":80", "a:x", "[::1", "a\u{9}b", "http://a", "é"])
  func `a Host that is no authority is refused`(value: String) {
    #expect(refusal("GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n") == .authorityInvalid(.authority))
  }

  @Test func `HTTP 1_0 may come without Host and ends its connection`() throws {
    let parsed = try ParsedRequest("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(parsed.head.version == .http10)
    #expect(parsed.head.authority.isEmpty)
    #expect(parsed.persists == false)
    #expect(refusal("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n") == .authorityInvalid(.hostRepeated))
  }

  // Framing (RFC 9112 §6).

  @Test(arguments: [
    ("0", 0, BodyFraming.none), ("1", 1, .length(1)), ("0042", 42, .length(42)),
    ("18446744073709551615", UInt64.max, .length(.max)),
  ])
  func `a plain Content-Length frames the body`(value: String, length: UInt64, framing: BodyFraming) throws {
    let parsed = try ParsedRequest(request("Content-Length: \(value)"))
    #expect(parsed.head.contentLength == length)
    #expect(parsed.body == framing)
    #expect(parsed.head.hasBody == (framing != .none))
  }

  @Test(arguments: [
    "", "+5", "-5", "5 5", "5,5", "5, 5", "0x5", "5;", "5.0", "1e3", "18446744073709551616", "99999999999999999999999",
    "５", "five",
    "\u{22}5\u{22}", "5,",
  ])
  func `an odd Content-Length is refused`(value: String) {
    #expect(refusal(request("Content-Length: \(value)")) == .requestMalformed(.contentLength))
  }

  @Test func `a repeated Content-Length is refused even if both agree`() {
    #expect(refusal(request("Content-Length: 5", "content-length: 5")) == .requestMalformed(.contentLengthRepeated))
  }

  @Test(arguments: ["chunked", "Chunked", "CHUNKED"])
  func `chunked frames the body`(coding: String) throws {
    let parsed = try ParsedRequest(request("Transfer-Encoding: \(coding)"))
    #expect(parsed.body == .chunked)
    #expect(parsed.head.hasBody)
    #expect(parsed.head.contentLength == nil)
  }

  @Test(arguments: [
    "", "identity", "gzip", "gzip, chunked", "chunked, gzip", "chunked, chunked", "chunked,", ",chunked", "chunked;a=b",
    "xchunked",
    "chunked\u{9}x", "\u{22}chunked\u{22}", "chunk",
  ])
  func `any other Transfer-Encoding is refused`(value: String) {
    #expect(refusal(request("Transfer-Encoding: \(value)")) == .requestMalformed(.transferEncoding))
  }

  @Test func `Transfer-Encoding is refused twice, with a length, and in HTTP 1_0`() {
    let chunked = "Transfer-Encoding: chunked"
    #expect(refusal(request(chunked, chunked)) == .requestMalformed(.transferEncoding))
    #expect(refusal(request(chunked, "Content-Length: 5")) == .requestMalformed(.transferEncodingWithLength))
    #expect(refusal(request("Content-Length: 0", chunked)) == .requestMalformed(.transferEncodingWithLength))
    #expect(refusal(request(chunked, version: "1.0")) == .requestMalformed(.transferEncoding))
  }

  // Persistence and expectations.

  @Test(arguments: [
    ("close", false), ("Close", false), ("keep-alive", true), ("keep-alive, close", false), ("x ,\tclose", false),
    ("closed", true),
    ("", true), (",,close,", false),
  ])
  func `close among the connection options ends the connection`(value: String, persists: Bool) throws {
    #expect(try ParsedRequest(request("Connection: \(value)")).persists == persists)
  }

  @Test func `a request may list 64 fields as connection options and no more`() {
    let names = (0..<65).map { "f\($0)" }
    #expect(refusal(request("Connection: " + names.prefix(64).joined(separator: ","))) == nil)
    #expect(refusal(request("Connection: " + names.joined(separator: ","))) == .requestMalformed(.connectionOptions))
  }

  @Test func `only a request with content expects 100, and only in HTTP 1_1`() throws {
    #expect(try ParsedRequest(request("Expect: 100-Continue", "Content-Length: 1")).head.expectsContinue)
    #expect(try ParsedRequest(request("Expect: 100-continue", "Transfer-Encoding: chunked")).head.expectsContinue)
    #expect(try !ParsedRequest(request("Expect: 100-continue")).head.expectsContinue)
    #expect(
      try !ParsedRequest(request("Expect: 100-continue", "Content-Length: 1", version: "1.0")).head.expectsContinue)
    #expect(try !ParsedRequest(request("Content-Length: 1")).head.expectsContinue)
  }

  @Test(arguments: ["", "200-ok", "100-continue, x", "100-continue;q=1"])
  func `any other expectation fails`(value: String) {
    #expect(refusal(request("Expect: \(value)", "Content-Length: 1")) == .expectationFailed)
  }
}
