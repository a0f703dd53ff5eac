import HTTP
import Testing

@Suite struct SerializerTests {
  func written(_ write: (inout [UInt8]) -> Void) -> String {
    var output: [UInt8] = []
    write(&output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test func `a request head is written with Host first, from its authority`() throws {
    let parsed = try ParsedRequest(
      "PUT http://a.example:81/b?c HTTP/1.1\r\nX-A: 1\r\nHost: A.example:81\r\nX-B:\r\n\r\n")
    #expect(
      written { Serializer.append(parsed.head, to: &$0) }
        == "PUT /b?c HTTP/1.1\r\nhost: a.example:81\r\nx-a: 1\r\nx-b: \r\n\r\n")
  }

  @Test(arguments: [
    RequestParserTests.example, "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: [::1]:8\r\n\r\n",
    request("Content-Length: 3", "X: \t a\u{9}b é \t"),
    request("Transfer-Encoding: chunked", "Cookie: a=b; c", "COOKIE: d"),
  ])
  func `what is written reads as what was read`(text: String) throws {
    let first = try ParsedRequest(text)
    let second = try ParsedRequest(written { Serializer.append(first.head, to: &$0) })
    func rest(_ parsed: ParsedRequest) -> [String] {
      parsed.head.fields.lines.filter { $0.known != .host }.map { "\(parsed.text($0.name)): \(parsed.text($0.value))" }
    }
    #expect(rest(first) == rest(second))
    #expect(first.text(first.head.target) == second.text(second.head.target))
    #expect(first.text(first.head.authority) == second.text(second.head.authority))
    #expect(first.body == second.body)
  }

  @Test func `a response head is written with its standard reason`() {
    var head = ResponseHead()
    head.status = 404
    head.fields.append("content-length", "0")
    head.fields.append("x", "y")
    #expect(
      written { Serializer.append(head, to: &$0) } == "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nx: y\r\n\r\n")
  }

  @Test(
    arguments: [(100, "100 Continue"), (200, "200 OK"), (431, "431 Request Header Fields Too Large"), (599, "599 ")]
      as [(UInt16, String)])
  func `a status has three digits and perhaps a reason`(status: UInt16, text: String) {
    #expect(written { Serializer.appendStatusLine(status, to: &$0) } == "HTTP/1.1 \(text)\r\n")
  }

  @Test func `every final status can be read back`() throws {
    for status in UInt16(200)...599 {
      let text = written { output in
        Serializer.appendStatusLine(status, to: &output)
        Serializer.endSection(&output)
      }
      #expect(try ParsedResponse(text).head.status == status)
    }
  }

  @Test(arguments: [1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65_535, 65_536])
  func `chunks of any size are decoded again`(size: Int) throws {
    let content = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
    var output: [UInt8] = []
    Serializer.appendChunk(content.span, to: &output)
    Serializer.appendLastChunk(to: &output)
    let header = String(decoding: output.prefix(while: { $0 != 0x0D }), as: UTF8.self)
    #expect(header == String(size, radix: 16))
    let body = try DecodedBody(output, .chunked)
    #expect(body.content == content)
    #expect(body.isComplete)
    #expect(body.consumed == output.count)
  }

  @Test func `no content makes no chunk`() {
    let none: [UInt8] = []
    let text = written { Serializer.appendChunk(none.span, to: &$0) }
    #expect(text == "")
  }

  @Test func `trailers follow the last chunk`() throws {
    var trailers = FieldSection()
    trailers.append("grpc-status", "0")
    let text = written { Serializer.appendLastChunk(trailers: trailers, to: &$0) }
    #expect(text == "0\r\ngrpc-status: 0\r\n\r\n")
    #expect(try DecodedBody(text, .chunked).trailers == ["grpc-status: 0"])
  }
}
