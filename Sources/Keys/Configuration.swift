public import HTTPClient
public import JOSE

/// Where the keys of each issuer come from. Immutable and valid by construction.
public struct Configuration: Sendable {
  /// In the order of the policy's issuers: what ``KeyService`` calls issuer `n` is the n-th here.
  public let issuers: [Issuer]

  public init(issuers: [Issuer]) { self.issuers = issuers }

  /// Why an issuer's keys cannot be configured so.
  public enum Refusal: Error, Equatable, Sendable {
    /// An `http` URL whose host is not loopback, without `allowCleartext`.
    case cleartext
    /// Discovery needs an issuer that is an http(s) URL without query and fragment (RFC 8414 §2).
    case issuerNotDiscoverable
    /// `refresh` under one second.
    case refreshTooShort
    /// `keepWhenUnreachable` is negative.
    case keepNegative
  }

  public enum Source: Sendable {
    /// A JWK Set (RFC 7517 §5).
    case url(OutboundURL)
    /// The `jwks_uri` of the issuer's metadata: OpenID Connect Discovery 1.0 §4, then RFC 8414 §3.
    case discovery
    /// Path of a JWK Set, or of one public key in PEM. Re-read every few seconds.
    case file(String)
    /// Path of a secret for HMAC, a trailing newline cut. Re-read every few seconds.
    case secretFile(String, allowsShort: Bool)
    /// Keys that are there from the start: a secret of the environment; none for an issuer whose keys are handed in
    /// (``KeyService/handIn(_:issuer:)``).
    case fixed([VerificationKey])
  }

  public struct Issuer: Sendable {
    /// `iss`, compared exactly; in logs.
    public let issuer: String
    public let source: Source
    /// The longest time between two fetches. Default 10 minutes.
    public let refresh: Duration
    /// How long keys are used beyond their freshness while they cannot be fetched. Default 24 hours; above: dropped.
    public let keepWhenUnreachable: Duration
    public let authority: CertificateAuthority
    public let allowsCleartext: Bool
    /// Of the metadata, in the order in which they are asked; empty unless the source is `discovery`.
    let metadata: [OutboundURL]

    public init(
      issuer: String, source: Source, refresh: Duration = .seconds(600),
      keepWhenUnreachable: Duration = .seconds(86_400), authority: CertificateAuthority = .system,
      allowsCleartext: Bool = false
    ) throws(Refusal) {
      guard refresh >= .seconds(1) else { throw .refreshTooShort }
      guard keepWhenUnreachable >= .zero else { throw .keepNegative }
      var metadata: [OutboundURL] = []
      switch source {
      case .url(let url):
        guard url.isSecure || url.isLoopback || allowsCleartext else { throw .cleartext }
      case .discovery:
        metadata = Metadata.locations(of: issuer)
        guard let url = metadata.first else { throw .issuerNotDiscoverable }
        guard url.isSecure || url.isLoopback || allowsCleartext else { throw .cleartext }
      case .file, .secretFile, .fixed: break
      }
      self.issuer = issuer
      self.source = source
      self.refresh = refresh
      self.keepWhenUnreachable = keepWhenUnreachable
      self.authority = authority
      self.allowsCleartext = allowsCleartext
      self.metadata = metadata
    }

    /// Whether a new configuration leaves its keys as they are. Two sets that were handed in or came from the environment
    /// are never taken for the same, unless both are empty.
    func isSame(as other: Issuer) -> Bool {
      guard issuer.utf8.elementsEqual(other.issuer.utf8), refresh == other.refresh,
        keepWhenUnreachable == other.keepWhenUnreachable, authority == other.authority,
        allowsCleartext == other.allowsCleartext
      else { return false }
      switch (source, other.source) {
      case (.url(let left), .url(let right)): return left == right
      case (.discovery, .discovery): return true
      case (.file(let left), .file(let right)): return left == right
      case (.secretFile(let left, let allowsShort), .secretFile(let right, let otherAllowsShort)):
        return left == right && allowsShort == otherAllowsShort
      case (.fixed(let left), .fixed(let right)): return left.isEmpty && right.isEmpty
      default: return false
      }
    }

    var timing: KeyTiming {
      switch source {
      case .url, .discovery, .fixed: KeyTiming(refresh: refresh, keepWhenUnreachable: keepWhenUnreachable)
      case .file, .secretFile:
        // A file costs nothing to read, so it is simply read again; its failures need no patience either.
        KeyTiming(
          refresh: KeyService.filePollInterval, keepWhenUnreachable: keepWhenUnreachable,
          firstRetry: KeyService.filePollInterval, longestRetry: KeyService.filePollInterval)
      }
    }
  }
}

extension OutboundURL {
  /// RFC 6761 §6.3, RFC 1122 §3.2.1.3, RFC 4291 §2.5.3: what is sent there does not leave this host.
  public var isLoopback: Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }
}
