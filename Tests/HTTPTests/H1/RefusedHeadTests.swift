import HTTP
import Testing

/// What is left in a head that was refused: it is logged.
@Suite struct RefusedHeadTests {
  private static func refused(_ text: String) -> RequestHead {
    var parser = RequestParser()
    var head = RequestHead()
    let bytes = Array(text.utf8)
    #expect(throws: MessageError.self) { try parser.parse(bytes.span, limits: MessageLimits(), into: &head) }
    return head
  }

  @Test func `a request with a bad field keeps its method and path for the log`() {
    let head = Self.refused("PUT /a?b HTTP/1.1\r\nHost: a\r\nName : x\r\n\r\n")
    #expect(head.fields.string(head.methodName) == "PUT")
    #expect(head.fields.string(head.path) == "/a")
    #expect(head.fields.lines.isEmpty)
  }

  @Test(arguments: [
    "GET /x HTTP/1.1\r\nName : x\r\n\r\n", "GET /x HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /x HTTP/9.9\r\nHost: a\r\n\r\n", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "\u{16}\u{3}\u{1}",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET \(String(repeating: "/x", count: 20_000)) HTTP/1.1\r\n", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n",
  ])
  func `no position of a refused head is outside of its bytes`(_ text: String) {
    let head = Self.refused(text)
    let count = head.fields.bytes.count
    for slice in [head.methodName, head.scheme, head.authority, head.path, head.query, head.upgradeProtocol] {
      #expect(slice.range.upperBound <= count || slice.isEmpty)
    }
    for line in head.fields.lines { #expect(line.name.range.upperBound <= count && line.value.range.upperBound <= count) }
  }
}
