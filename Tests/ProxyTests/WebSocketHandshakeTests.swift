import HTTP
@testable import Proxy
import Testing

@Suite struct WebSocketHandshakeTests {
  @Test func `the key of RFC 6455 has the answer of RFC 6455`() {
    let key: [UInt8] = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)
    let accept = WebSocketHandshake.accept(for: key.span)
    #expect(String(decoding: accept, as: UTF8.self) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
  }

  @Test func `keys are sixteen bytes and never the same`() throws {
    let keys = try (0..<100).map { _ in try WebSocketHandshake.makeKey() }
    #expect(Set(keys).count == 100)
    #expect(keys.allSatisfy { $0.count == 24 && $0.suffix(2) == Array("==".utf8)[...] })
  }

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `base64 is that of RFC 4648`(text: String, encoded: String) {
    #expect(String(decoding: WebSocketHandshake.base64(Array(text.utf8)), as: UTF8.self) == encoded)
  }

  @Test(arguments: [
    (["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], true), ([], false), (["s3pPLMBiTxaQ9kYGzzhZRbK+xOp="], false), ([""], false),
    (["s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="], false),
  ])
  func `only the one right answer counts`(values: [String], counts: Bool) {
    var head = ResponseHead()
    for value in values { head.fields.append("sec-websocket-accept", value) }
    let isAnswer = WebSocketHandshake.isAnswer(head, to: Array("dGhlIHNhbXBsZSBub25jZQ==".utf8))
    #expect(isAnswer == counts)
  }
}
