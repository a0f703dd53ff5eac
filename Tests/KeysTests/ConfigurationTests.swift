import HTTPClient
import Testing

@testable import Keys

@Suite struct ConfigurationTests {
  static func url(_ text: String) -> OutboundURL { OutboundURL(text)! }

  @Test(arguments: ["http://idp.example.com/jwks", "http://10.0.0.1/jwks", "http://localhost.example.com/jwks"])
  func `keys over cleartext are refused unless it is said that they may be`(_ text: String) throws {
    let source = Configuration.Source.url(Self.url(text))
    #expect(throws: Configuration.Refusal.cleartext) { try Configuration.Issuer(issuer: "i", source: source) }
    _ = try Configuration.Issuer(issuer: "i", source: source, allowsCleartext: true)
  }

  @Test(
    arguments: [
      "https://idp.example.com/jwks", "http://127.0.0.1:9/jwks", "http://localhost/jwks", "http://[::1]/jwks",
    ])
  func `keys over TLS or from this host are accepted`(_ text: String) throws {
    _ = try Configuration.Issuer(issuer: "i", source: .url(Self.url(text)))
  }

  @Test(
    arguments: [
      ("localhost", true), ("127.0.0.1", true), ("127.255.255.254", true), ("::1", true),
      ("127.0.0.1.example.com", false), ("127.0.0", false), ("127.0.0.256", false), ("128.0.0.1", false),
      ("::2", false), ("0.0.0.0", false), ("example.com", false), ("127...1", false),
    ])
  func `loopback is what never leaves this host`(_ host: String, _ isLoopback: Bool) {
    #expect(OutboundURL(isSecure: false, host: host, port: 80, target: "/").isLoopback == isLoopback)
  }

  @Test(
    arguments: [
      "my-issuer", "https://idp.example.com/?tenant=1", "https://idp.example.com/#x", "", "ftp://idp.example.com",
    ])
  func `discovery needs an issuer that is a URL`(_ issuer: String) {
    #expect(throws: Configuration.Refusal.issuerNotDiscoverable) {
      try Configuration.Issuer(issuer: issuer, source: .discovery)
    }
  }

  @Test func `discovery over cleartext is refused`() {
    #expect(throws: Configuration.Refusal.cleartext) {
      try Configuration.Issuer(issuer: "http://idp.example.com", source: .discovery)
    }
  }

  @Test func `times that make no sense are refused`() {
    #expect(throws: Configuration.Refusal.refreshTooShort) {
      try Configuration.Issuer(issuer: "i", source: .file("f"), refresh: .milliseconds(999))
    }
    #expect(throws: Configuration.Refusal.keepNegative) {
      try Configuration.Issuer(issuer: "i", source: .file("f"), keepWhenUnreachable: .seconds(-1))
    }
  }

  @Test func `the longest times do not overflow`() throws {
    let issuer = try Configuration.Issuer(
      issuer: "i", source: .fixed([]), refresh: .seconds(Int64.max), keepWhenUnreachable: .seconds(Int64.max))
    var life = Life(issuer.timing)
    _ = life.at(0, .timeReached)
    _ = life.at(0, .fetched(freshness: .seconds(Int64.max)))
    #expect(life.cycle.nextEventAt == .distantFuture)
  }
}
