import OpenSSL
import TestPeers
import Testing

@Suite struct MessageAuthenticationKeyTests {
  @Test func `an empty secret is refused`() {
    #expect(throws: KeyFailure.malformed) { try MessageAuthenticationKey(secret: [UInt8](), hash: .sha256) }
  }

  /// RFC 4231 §4.3.
  @Test func `the tag is that of RFC 4231, each time anew`() throws {
    let key = try MessageAuthenticationKey(secret: [UInt8]("Jefe".utf8), hash: .sha256)
    let content = [UInt8]("what do ya want for nothing?".utf8)
    let tag = hexadecimal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    let first = key.tag(over: content)
    let second = key.tag(over: content)
    let isValid = key.accepts(tag, over: content)
    #expect(first == tag)
    #expect(second == tag)
    #expect(isValid)
  }
}
