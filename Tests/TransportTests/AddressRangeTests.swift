import Testing
import Transport

@Suite struct AddressRangeTests {
  @Test(arguments: [
    ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.1.2.3", true),
    ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false),
    ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false), ("2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", true),
    ("2001:db8::8000:0:0:0/65", "2001:db8::7fff:0:0:1", false), ("::/0", "10.0.0.1", true), ("::1/128", "::1", true), ("::1", "127.0.0.1", false),
  ])
  func `a range holds the addresses that begin as it does`(range: String, address: String, isInside: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(try #require(SocketAddress(literal: address, port: 1))) == isInside)
  }

  @Test(arguments: [
    "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.1/8", "::1/64", "::/129", "10.0.0/8", "10.0.0.0/٨", "x", "10.0.0.0 /8",
    "10.0.0.0/99999999999999999999",
  ])
  func `anything else is no range`(text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test(arguments: [("0.0.0.0/0", true), ("::/0", true), ("0.0.0.0/1", false), ("10.0.0.0/8", false), ("::/96", false)])
  func `a range of everything is known as such`(text: String, isEverything: Bool) {
    #expect(AddressRange(text)?.isEverything == isEverything)
  }
}
