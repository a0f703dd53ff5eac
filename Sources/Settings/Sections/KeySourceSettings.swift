public import HTTPClient
internal import Keys

/// `issuers[].keys`: where an issuer's keys come from, one of four.
public struct KeySourceSettings: Equatable, Sendable {
  public enum Source: Equatable, Sendable {
    case url(OutboundURL)
    /// The metadata of the issuer say where.
    case discovery
    /// Path of a JWK Set or of a public key in PEM.
    case file(String)
    case secret(SharedSecret)
  }

  public let source: Source
  /// `secret` may be shorter than the hash.
  public let allowsShortSecret: Bool
  /// Upper bound; Cache-Control may shorten it.
  public let refresh: Duration
  /// Beyond freshness, while the keys cannot be fetched.
  public let keepWhenUnreachable: Duration
  public let certificateAuthority: CertificateAuthority
  /// `url`, the issuer and what its metadata name may be http although the host is another one.
  public let allowsCleartext: Bool

  /// - Parameter preset: the URL where the file names no source; nil: it must.
  init(_ keys: Section, preset: OutboundURL?) {
    let allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
    var sources: [(key: String, source: Source)] = []
    let url = keys.value("url", Kind.serviceURL(allowsCleartext: allowsCleartext).orNull, default: "null")
    if let url { sources.append(("url", .url(url))) }
    if keys.value("discovery", .flag, default: "false") { sources.append(("discovery", .discovery)) }
    let file = keys.value("file", Kind<String>.path.orNull, default: "null")
    if let file { sources.append(("file", .file(file))) }
    let secret = keys.value("secret", Kind.sharedSecret.orNull, default: "null")
    if let secret { sources.append(("secret", .secret(secret))) }
    for other in sources.dropFirst() { keys.refuse(other.key, "stands beside \(sources[0].key): one source only") }
    if sources.isEmpty, preset == nil { keys.refuse("one of url, discovery, file and secret is needed") }
    source = sources.first?.source ?? preset.map(Source.url) ?? .discovery

    self.allowsCleartext = allowsCleartext
    allowsShortSecret = keys.value("allowShortSecret", .flag, default: "false")
    refresh = keys.value("refresh", .duration(.seconds(10)...(.seconds(86_400))), default: "10m")
    keepWhenUnreachable = keys.value(
      "keepWhenUnreachable", .duration(.zero...(.seconds(90 * 86_400))), default: "24h")
    certificateAuthority = keys.value("certificateAuthority", .certificateAuthority, default: "system")

    if allowsCleartext, let url, !url.isSecure, !url.isLoopback {
      keys.warn("allowCleartext", "whoever can change what \(url.host) answers on its way can sign in as anyone")
    }
    if allowsShortSecret, secret == nil { keys.refuse("allowShortSecret", "belongs beside secret") }
    if allowsShortSecret, secret != nil {
      keys.warn("allowShortSecret", "a short secret can be found by trying, from a single token")
    }
  }
}
