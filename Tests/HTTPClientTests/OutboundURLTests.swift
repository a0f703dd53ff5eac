import HTTPClient
import Testing

/// URLs of services of somebody else, as configurations write them.
@Suite struct OutboundURLTests {
  @Test(arguments: [
    ("https://a.example", true, "a.example", 443, "/", "a.example"),
    ("HTTPS://A.Example:8443/x?y=z", true, "a.example", 8443, "/x?y=z", "a.example:8443"),
    ("http://127.0.0.1:80/", false, "127.0.0.1", 80, "/", "127.0.0.1"),
    ("http://[::1]:9/k", false, "::1", 9, "/k", "[::1]:9"),
    ("https://a.example?q", true, "a.example", 443, "/?q", "a.example"),
  ] as [(String, Bool, String, UInt16, String, String)])
  func `a URL is taken apart`(
    _ text: String, _ isSecure: Bool, _ host: String, _ port: UInt16, _ target: String, _ authority: String
  ) throws {
    let url = try #require(OutboundURL(text))
    #expect(url == OutboundURL(isSecure: isSecure, host: host, port: port, target: target))
    #expect(url.authority == authority)
  }

  @Test(arguments: [
    "", "a.example", "ftp://a.example", "https://", "https://user@a.example", "https://a.example#x", "https://a.example:0",
    "https://a.example:99999", "https://a example", "https://a.example/\u{e9}", "https://[::1", "https://[zz]/", "https://a.example:+1",
  ])
  func `what is no such URL is refused`(_ text: String) {
    #expect(OutboundURL(text) == nil)
  }
}
