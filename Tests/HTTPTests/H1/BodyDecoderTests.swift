import HTTP
import Testing

/// A whole body, decoded from input that arrives in pieces.
struct DecodedBody: Equatable {
  var content: [UInt8] = []
  var trailers: [String] = []
  var consumed = 0
  var isComplete = false

  init(
    _ bytes: [UInt8], _ framing: BodyFraming, splitAt positions: [Int] = [], of side: BodyDecoder.Side = .request,
    limits: MessageLimits = MessageLimits()
  ) throws(MessageError) {
    var decoder = BodyDecoder(framing, of: side)
    var section = FieldSection()
    arrivals: for position in positions + [bytes.count] {
      while true {
        let unread = bytes.span.extracting(consumed..<position)
        switch try decoder.decode(unread, limits: limits, trailers: &section) {
        case .content(let range, let taken):
          content += bytes[(consumed + range.lowerBound)..<(consumed + range.upperBound)]
          consumed += taken
          continue
        case .incomplete(let taken): consumed += taken
        case .end(let taken):
          consumed += taken
          isComplete = true
          break arrivals
        }
        break
      }
    }
    trailers = section.lines.map { "\(section.string($0.name)): \(section.string($0.value))" }
  }

  init(_ text: String, _ framing: BodyFraming, limits: MessageLimits = MessageLimits()) throws(MessageError) {
    try self.init(Array(text.utf8), framing, limits: limits)
  }

  var text: String { String(decoding: content, as: UTF8.self) }
}

@Suite struct BodyDecoderTests {
  func refusal(_ text: String, limits: MessageLimits = MessageLimits(), of side: BodyDecoder.Side = .request)
    -> MessageError?
  {
    do throws(MessageError) {
      _ = try DecodedBody(Array(text.utf8), .chunked, of: side, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a length takes its bytes and no more`() throws {
    let body = try DecodedBody("helloGET /", .length(5))
    #expect(body.text == "hello")
    #expect(body.consumed == 5)
    #expect(body.isComplete)
    #expect(try !DecodedBody("hell", .length(5)).isComplete)
  }

  @Test func `no body is complete without a byte`() throws {
    let body = try DecodedBody("GET /", .none)
    #expect(body.isComplete)
    #expect(body.consumed == 0)
    #expect(BodyDecoder(.none, of: .request).isComplete)
    #expect(!BodyDecoder(.chunked, of: .request).isComplete)
  }

  // RFC 9112 §7.1.3 and the form of §7.1.
  @Test func `chunks are joined and trailers kept`() throws {
    let framed = "4\r\nWiki\r\nC\r\npedia in \r\n\r\r\n00\r\nExpires: never \r\nX:\r\n\r\n"
    let body = try DecodedBody(framed + "GET /", .chunked)
    #expect(body.text == "Wikipedia in \r\n\r")
    #expect(body.trailers == ["expires: never", "x: "])
    #expect(body.isComplete)
    #expect(body.consumed == framed.utf8.count)
  }

  @Test func `trailers are lines like those of a head, recognised by name`() throws {
    var decoder = BodyDecoder(.chunked, of: .request)
    var trailers = FieldSection()
    let input = Array("0\r\nHOST: a\r\n\r\n".utf8)
    let step = try decoder.decode(input.span, limits: MessageLimits(), trailers: &trailers)
    #expect(step == .end(consumed: input.count))
    #expect(trailers.lines.map(\.known) == [.host])
  }

  @Test(arguments: [
    ";a", ";a=b", ";a=\"b c;\\\"\t\"", ";a;b=c;d=\"\"", " ;a", "\t; a = b ; c", "; a = \"x\" ;b",
  ])
  func `valid chunk extensions are skipped`(text: String) throws {
    let body = try DecodedBody("5\(text)\r\nhello\r\n0\(text)\r\n\r\n", .chunked)
    #expect(body.text == "hello")
    #expect(body.isComplete)
  }

  @Test(arguments: [
    ";", ";;", ";=", ";a=", ";a b", ";a=b c", ";a=\"b", ";a=\"b\"c", ";a=(b)", ";a\u{0}", ";a=\"\u{1}\"",
    ";a=\"\\\u{7F}\"", " ", "\t", " x",
    ";a ", ";a=\"b\nc\"", ";a\n", ";a\r\r", ";é",
  ])
  func `invalid chunk extensions are refused`(text: String) {
    #expect(refusal("5\(text)\r\nhello\r\n0\r\n\r\n") != nil)
  }

  @Test func `chunk extensions are bounded`() {
    let limit = BodyDecoder.chunkExtensionBytes
    #expect(refusal("1;" + String(repeating: "a", count: limit - 1) + "\r\nx\r\n0\r\n\r\n") == nil)
    #expect(
      refusal("1;" + String(repeating: "a", count: limit) + "\r\nx\r\n0\r\n\r\n") == .requestMalformed(.chunkExtension))
    #expect(refusal("1;a=\"" + String(repeating: "b", count: 1 << 20)) == .requestMalformed(.chunkExtension))
  }

  @Test(arguments: [
    "\r\n", "g\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", " 1\r\n", "1,1\r\n", "1.0\r\n", "_1\r\n", "\u{0}1\r\n", "１\r\n",
    "00000000000000001\r\n",
    "FFFFFFFFFFFFFFFFF\r\n", "1\n", "1 \n", "\n",
  ])
  func `an odd chunk size is refused`(text: String) {
    #expect(refusal(text) != nil)
  }

  @Test func `sixteen digits are a size, even the largest`() throws {
    #expect(try DecodedBody("000000000000000A\r\n0123456789\r\n0\r\n\r\n", .chunked).isComplete)
    let body = try DecodedBody("fFfFfFfFfFfFfFfF\r\nabc", .chunked)
    #expect(body.text == "abc")
    #expect(!body.isComplete)
  }

  @Test(arguments: [
    "1\r\nab\r\n", "1\r\na\n", "1\r\na\n0\r\n\r\n", "1\r\na\rb", "1\r\na0\r\n\r\n", "2\r\na\r\n0\r\n\r\n",
    "1\r\rab\r\n", "1\rx",
  ])
  func `a chunk ends with its CRLF`(text: String) {
    #expect(refusal(text) != nil)
  }

  @Test(arguments: ["X : y", " X: y", "X: y\r\n z", "X", ": y", "X: a\rb", "X: a\nb", "X: a\u{0}b"])
  func `a trailer section is as strict as a head`(line: String) {
    #expect(refusal("0\r\n\(line)\r\n\r\n") != nil)
  }

  @Test func `a trailer section is bounded, complete or not`() {
    let limits = MessageLimits(headerSectionBytes: 100, fieldCount: 2)
    #expect(refusal("0\r\na:\r\nb:\r\n\r\n", limits: limits) == nil)
    #expect(refusal("0\r\na:\r\nb:\r\nc:\r\n", limits: limits) == .headerSectionTooLarge)
    #expect(
      refusal("0\r\na: " + String(repeating: "x", count: 68) + "\r\n\r\n", limits: limits) == .headerSectionTooLarge)
    #expect(refusal("0\r\na: " + String(repeating: "x", count: 100), limits: limits) == .headerSectionTooLarge)
  }

  @Test func `a fault in a response is a response's fault`() {
    #expect(refusal("g\r\n", of: .response) == .responseMalformed(.chunkSize))
    #expect(refusal("g\r\n", of: .request) == .requestMalformed(.chunkSize))
  }

  @Test(arguments: [BodyFraming.length(5), .chunked])
  func `a body cut short is an error, never an end`(framing: BodyFraming) {
    var decoder = BodyDecoder(framing, of: .response)
    #expect(throws: MessageError.responseMalformed(.truncated)) { try decoder.endOfStream() }
  }

  @Test func `a body that ends with its connection takes everything and ends there`() throws {
    var decoder = BodyDecoder(.untilClose, of: .response)
    var trailers = FieldSection()
    let input = Array("0\r\n\r\n".utf8)
    let first = try decoder.decode(input.span, limits: MessageLimits(), trailers: &trailers)
    #expect(first == .content(0..<5, consumed: 5))
    let second = try decoder.decode(input.span.extracting(0..<0), limits: MessageLimits(), trailers: &trailers)
    #expect(second == .incomplete(consumed: 0))
    #expect(!decoder.isComplete)
    try decoder.endOfStream()
    #expect(decoder.isComplete)
  }
}
