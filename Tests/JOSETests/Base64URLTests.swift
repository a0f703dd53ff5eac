import Foundation
import JOSE
import TestPeers
import Testing

@Suite struct Base64URLTests {
  /// RFC 4648 §10, without padding; RFC 7515 appendix C.
  @Test(arguments: [
    ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
    ("foobar", "Zm9vYmFy"),
  ])
  func `the RFC's examples go both ways`(plain: String, encoded: String) throws {
    #expect(try Base64URL.decode(encoded) == bytes(plain))
    #expect(Base64URL.encode(bytes(plain)) == encoded)
  }

  @Test func `the URL-safe letters are used`() throws {
    #expect(try Base64URL.decode("A-z_4ME") == [3, 236, 255, 224, 193])
    #expect(Base64URL.encode([3, 236, 255, 224, 193]) == "A-z_4ME")
  }

  @Test(arguments: [
    ("Zg==", Base64URLError.invalidByte), ("Zm8=", .invalidByte), ("Z", .invalidCount), ("Zm9vY", .invalidCount),
    ("Zh", .spareBits), ("Zm9", .spareBits), ("Zm9vYh", .spareBits), ("Zm+v", .invalidByte), ("Zm/v", .invalidByte),
    (" Zm9v", .invalidCount), ("Zm9v\n", .invalidCount), ("Zm\n9", .invalidByte), ("Zm9v    ", .invalidByte),
    ("Zm.v", .invalidByte), ("Zm9\u{0}", .invalidByte), ("Z\u{E9}v", .invalidByte), ("====", .invalidByte),
    ("Zm9v~g", .invalidByte), ("Zm9vY~", .invalidByte), ("Zm9vYm~", .invalidByte),
  ])
  func `a second spelling is refused`(text: String, error: Base64URLError) {
    #expect(throws: error) { try Base64URL.decode(text) }
  }

  @Test func `what was in the output stays when decoding fails`() {
    var output: [UInt8] = [1, 2]
    let text = bytes("Zm9v!!!!")
    #expect(throws: Base64URLError.invalidByte) { try Base64URL.decode(text.span, appendingTo: &output) }
    #expect(output == [1, 2])
  }

  @Test func `Foundation reads what is written and the other way round`() throws {
    var content: [UInt8] = []
    for count in 0..<300 {
      let text = TokenFactory.base64URL(content)
      #expect(Base64URL.encode(content) == text)
      #expect(try Base64URL.decode(text) == content)
      content.append(UInt8(truncatingIfNeeded: count &* 167 &+ 13))
    }
  }

  /// Each byte in each place of a group: accepted exactly if it is of the alphabet.
  @Test func `the alphabet is exactly that of RFC 4648 section 5`() {
    let alphabet = Set(bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"))
    for byte in UInt8.min...UInt8.max {
      for place in 0..<4 {
        var text = bytes("AAAA")
        text[place] = byte
        #expect(((try? Base64URL.decode(text.span)) != nil) == alphabet.contains(byte))
      }
    }
  }
}
