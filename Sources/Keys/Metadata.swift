internal import HTTPClient
internal import JOSE

/// An issuer's own description of itself: OpenID Connect Discovery 1.0, RFC 8414.
struct Metadata {
  let keys: OutboundURL

  /// Where it is found, in the order in which to ask: OpenID Connect appends its path to the issuer (§4.1), RFC 8414
  /// §3.1 puts it between host and path. Empty if the issuer is no URL that may be asked.
  static func locations(of issuer: String) -> [OutboundURL] {
    guard let url = OutboundURL(issuer), !issuer.contains("?") else { return [] }
    let path = url.target.hasSuffix("/") ? String(url.target.dropLast()) : url.target
    return [
      url.replacingTarget(path + "/.well-known/openid-configuration"),
      url.replacingTarget("/.well-known/oauth-authorization-server" + path),
    ]
  }

  /// - Parameter location: where `content` was found.
  init(_ content: [UInt8], issuer: String, location: OutboundURL, allowsCleartext: Bool) throws(KeyFetchFailure) {
    let document: JSONDocument
    let limits = JSONLimits(textBytes: KeyService.contentLimitBytes)
    do { document = try JSONDocument(content.span, limits: limits) } catch { throw .metadataMalformed }
    guard let named = document.member("issuer") else { throw .metadataMalformed }
    guard document.isString(named, equalTo: issuer) else { throw .metadataIssuerMismatch }
    guard let member = document.member("jwks_uri"), let text = document.string(member), let url = OutboundURL(text)
    else { throw .metadataMalformed }
    // An issuer out there cannot send us to a port of this host.
    guard url.isSecure || allowsCleartext || (url.isLoopback && location.isLoopback) else { throw .metadataCleartext }
    keys = url
  }
}
