public import HTTP

/// The Gate's answer. No value means "no opinion".
public enum Decision: Sendable {
  /// The request goes on to the app, as ``Admission/forwardLines(of:facts:into:)`` writes it.
  case forward(Admission)
  /// One of our endpoints answers.
  case serve(EndpointCall)
  /// One of our endpoints answers a CORS preflight of a configured origin.
  case answerPreflight(EndpointPreflight)
  case refuse(Denied)
  /// The request waits until the keys of that issuer were fetched, then the Gate is asked once more.
  case needsKeys(KeyRequest)
}

/// A request for an issuer's keys.
public struct KeyRequest: Equatable, Sendable {
  /// Position in ``Policy/issuers``.
  public let issuer: Int
  /// The key ID that is missing, at most 1,024 bytes; nil if there are no keys yet or the token names none. Not
  /// verified: anybody can send any.
  public let keyID: String?
}

/// A call of one of our endpoints that may be served: method, path, media type, origin and credential are judged.
public struct EndpointCall: Sendable {
  public let endpoint: Endpoint
  /// Where the endpoint needs one.
  public let token: VerifiedToken?
  /// How the token came.
  public let credentialSource: CredentialSource?

  init(_ endpoint: Endpoint, token: VerifiedToken? = nil, credentialSource: CredentialSource? = nil) {
    self.endpoint = endpoint
    self.token = token
    self.credentialSource = credentialSource
  }
}

/// A CORS preflight (Fetch §3.2.2) to one of our endpoints from an origin that is configured.
public struct EndpointPreflight: Sendable {
  public let endpoint: Endpoint
  /// The `Origin` field, in the head's arena.
  public let origin: Slice

  init(_ endpoint: Endpoint, origin: Slice) {
    self.endpoint = endpoint
    self.origin = origin
  }
}
