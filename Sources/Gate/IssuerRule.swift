public import JOSE

/// What tokens of one issuer must be like, as configured.
public struct IssuerRule: Sendable {
  /// Compared byte for byte with `iss`; names the issuer everywhere else.
  public var issuer: String
  /// Further spellings of `iss` that its tokens may have.
  public var otherSpellings: [String]
  /// One of these must be in `aud`.
  public var audiences: [String]
  /// `aud` is not looked at.
  public var acceptsAnyAudience: Bool
  public var algorithms: AlgorithmSet
  /// Accepted `typ`.
  public var types: TokenTypes
  /// Tolerance of `exp`, `nbf` and `iat`.
  public var leeway: Duration
  /// Conditions on every token, as in routes.
  public var claims: [ClaimRule]
  /// Put before `sub`: subjects are unique only within their issuer (RFC 7519 §4.1.2).
  public var subjectPrefix: String
  /// The issuer whose subjects these are too.
  public var sharesSubjectsWith: String?
  /// `acr`, `amr` and `auth_time` of its tokens count for `passkeyWithin`.
  public var stepUp: Bool

  public init(
    issuer: String, otherSpellings: [String] = [], audiences: [String], acceptsAnyAudience: Bool = false,
    algorithms: AlgorithmSet = AlgorithmSet([.rs256]), types: TokenTypes = .standard, leeway: Duration = .seconds(30),
    claims: [ClaimRule] = [], subjectPrefix: String = "", sharesSubjectsWith: String? = nil, stepUp: Bool = false
  ) {
    self.issuer = issuer
    self.otherSpellings = otherSpellings
    self.audiences = audiences
    self.acceptsAnyAudience = acceptsAnyAudience
    self.algorithms = algorithms
    self.types = types
    self.leeway = leeway
    self.claims = claims
    self.subjectPrefix = subjectPrefix
    self.sharesSubjectsWith = sharesSubjectsWith
    self.stepUp = stepUp
  }
}

/// Ourselves as an issuer: the tokens that passkey logins end in. Only `typ: at+jwt` is accepted of us, so that nothing
/// else that we sign can pass for an access token. `sub` is the subject as the app knows it, `idp` the issuer it is
/// from.
public struct LoginIssuer: Sendable {
  public var issuer: String
  public var audience: String
  public var algorithms: AlgorithmSet
  public var leeway: Duration

  public init(
    issuer: String, audience: String, algorithms: AlgorithmSet = AlgorithmSet([.es256]), leeway: Duration = .seconds(30)
  ) {
    self.issuer = issuer
    self.audience = audience
    self.algorithms = algorithms
    self.leeway = leeway
  }
}
