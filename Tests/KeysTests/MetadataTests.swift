import HTTPClient
import Testing

@testable import Keys

@Suite struct MetadataTests {
  /// OpenID Connect Discovery 1.0 §4.1, RFC 8414 §3.1 and §5, with their own examples first.
  @Test(
    arguments: [
      (
        "https://example.com", "https://example.com/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server"
      ),
      (
        "https://example.com/issuer1", "https://example.com/issuer1/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server/issuer1"
      ),
      (
        "https://example.com/", "https://example.com/.well-known/openid-configuration",
        "https://example.com/.well-known/oauth-authorization-server"
      ),
      (
        "https://example.com:8443/realms/a/", "https://example.com:8443/realms/a/.well-known/openid-configuration",
        "https://example.com:8443/.well-known/oauth-authorization-server/realms/a"
      ),
    ])
  func `metadata is looked for where the specifications put it`(_ issuer: String, _ openID: String, _ oauth: String) {
    #expect(Metadata.locations(of: issuer) == [OutboundURL(openID), OutboundURL(oauth)])
  }

  static func read(
    _ content: String, issuer: String = "https://idp.example.com/", location: String = "https://idp.example.com/m",
    allowsCleartext: Bool = false
  ) throws(KeyFetchFailure) -> OutboundURL {
    try Metadata(
      Array(content.utf8), issuer: issuer, location: OutboundURL(location)!, allowsCleartext: allowsCleartext
    ).keys
  }

  @Test func `keys may be on another host`() throws {
    let url = try Self.read(#"{"issuer":"https://idp.example.com/","jwks_uri":"https://keys.example.net/certs?v=3"}"#)
    #expect(url == OutboundURL("https://keys.example.net/certs?v=3"))
  }

  @Test(
    arguments: [
      // Compared exactly (RFC 8414 §3.3), canonical equivalence included.
      (#"{"issuer":"https://idp.example.com","jwks_uri":"https://a/b"}"#, .metadataIssuerMismatch),
      (#"{"issuer":"https://IDP.example.com/","jwks_uri":"https://a/b"}"#, .metadataIssuerMismatch),
      (#"{"issuer":["https://idp.example.com/"],"jwks_uri":"https://a/b"}"#, .metadataIssuerMismatch),
      (#"{"jwks_uri":"https://a/b"}"#, .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/"}"#, .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"/b"}"#, .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"file:///etc/passwd"}"#, .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"https://u@a/b"}"#, .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"https://a/b","jwks_uri":"https://c/d"}"#, .metadataMalformed),
      (#"[]"#, .metadataMalformed),
      ("<html>", .metadataMalformed),
      ("", .metadataMalformed),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"http://a/b"}"#, .metadataCleartext),
      (#"{"issuer":"https://idp.example.com/","jwks_uri":"http://127.0.0.1:6379/"}"#, .metadataCleartext),
    ] as [(String, KeyFetchFailure)])
  func `metadata that cannot be trusted is refused`(_ content: String, _ failure: KeyFetchFailure) {
    #expect(throws: failure) { try Self.read(content) }
  }

  @Test func `an issuer on this host may name keys on this host`() throws {
    _ = try Self.read(
      #"{"issuer":"http://localhost:8080","jwks_uri":"http://127.0.0.1:8080/jwks"}"#, issuer: "http://localhost:8080",
      location: "http://localhost:8080/m")
  }

  @Test func `cleartext keys are taken where that is configured`() throws {
    _ = try Self.read(
      #"{"issuer":"http://idp:8080","jwks_uri":"http://idp:8080/jwks"}"#, issuer: "http://idp:8080",
      location: "http://idp:8080/m", allowsCleartext: true)
  }
}
