/// Where a claim goes: one field for the app.
public struct IdentityField: Sendable {
  public enum Format: Sendable {
    /// Strings, numbers and booleans as they are, lists joined by the separator.
    case text(separator: String)
    /// Any value as JSON.
    case json
  }

  public var name: String
  /// A name, or names of nested members joined by dots. `sub` is the subject with its issuer's prefix.
  public var claim: String
  public var format: Format

  public init(name: String, claim: String, format: Format = .text(separator: ",")) {
    self.name = name
    self.claim = claim
    self.format = format
  }
}

/// Where else than in `Authorization` a token may stand.
public struct CredentialRule: Sendable {
  /// Name of a cookie.
  public var cookie: String?
  /// Origins whose pages may use that cookie for anything but safe requests, as browsers write them:
  /// `https://host[:port]`.
  public var origins: [String]
  /// `bearer.<token>` among the values of `Sec-WebSocket-Protocol`.
  public var webSocketSubprotocol: Bool
  /// Our login sets a cookie: completeLogin, refresh and logout are bound to the origins too.
  public var loginSetsCookie: Bool
  /// Bytes of a token. Default 16,384; above: 401 `token_too_large`.
  public var tokenBytes: Int

  public init(
    cookie: String? = nil, origins: [String] = [], webSocketSubprotocol: Bool = false, loginSetsCookie: Bool = false,
    tokenBytes: Int = 16_384
  ) {
    self.cookie = cookie
    self.origins = origins
    self.webSocketSubprotocol = webSocketSubprotocol
    self.loginSetsCookie = loginSetsCookie
    self.tokenBytes = tokenBytes
  }
}

/// Where our endpoints are.
public struct EndpointPaths: Sendable {
  public var prefix: String
  public var enabled: Set<Endpoint>
  /// Further paths.
  public var aliases: [(path: String, endpoint: Endpoint)]

  public init(
    prefix: String = "/auth", enabled: Set<Endpoint> = [.createConnectToken, .completeLogin],
    aliases: [(path: String, endpoint: Endpoint)] = []
  ) {
    self.prefix = prefix
    self.enabled = enabled
    self.aliases = aliases
  }
}

/// Everything that a ``Policy`` is compiled from, as configured and not yet judged.
public struct PolicyDraft: Sendable {
  public var issuers: [IssuerRule]
  public var loginIssuer: LoginIssuer?
  public var credential: CredentialRule
  public var routes: [RouteRule]
  public var endpoints: EndpointPaths
  public var identityFields: [IdentityField]
  /// Its field must be among `reservedFields`.
  public var assertion: AssertionRule?
  /// `Authorization` with a verified token goes on to the app.
  public var keepsAuthorization: Bool
  /// Names exempted from the removal list, byte for byte but for ASCII case.
  public var passThrough: [String]
  /// Names that only we may write, besides those of `identityFields`.
  public var reservedFields: [String]
  /// Origins whose pages may read the answers of our endpoints.
  public var corsOrigins: [String]
  /// CIDRs of trusted proxies, or `unix` for peers on a Unix domain socket, for each listener.
  public var trustedProxies: [[String]]

  public init(
    issuers: [IssuerRule], loginIssuer: LoginIssuer? = nil, credential: CredentialRule = CredentialRule(),
    routes: [RouteRule] = [], endpoints: EndpointPaths = EndpointPaths(),
    identityFields: [IdentityField] = [
      IdentityField(name: "X-User-ID", claim: "sub"), IdentityField(name: "X-User-Email", claim: "email"),
    ],
    assertion: AssertionRule? = nil, keepsAuthorization: Bool = false, passThrough: [String] = [], reservedFields: [String] = [],
    corsOrigins: [String] = [], trustedProxies: [[String]] = []
  ) {
    self.issuers = issuers
    self.loginIssuer = loginIssuer
    self.credential = credential
    self.routes = routes
    self.endpoints = endpoints
    self.identityFields = identityFields
    self.assertion = assertion
    self.keepsAuthorization = keepsAuthorization
    self.passThrough = passThrough
    self.reservedFields = reservedFields
    self.corsOrigins = corsOrigins
    self.trustedProxies = trustedProxies
  }
}

/// Why a draft is no policy, with its position in the draft.
public enum PolicyError: Error, Equatable, Sendable {
  case noIssuer
  case issuer(Int, Problem)
  case loginIssuer(Problem)
  case credential(Problem)
  case route(Int, Problem)
  case endpoints(Problem)
  case identityField(Int, Problem)
  case passThrough(Int, Problem)
  case reservedField(Int, Problem)
  case corsOrigin(Int, Problem)
  case trustedProxy(listener: Int, Int, Problem)

  public enum Problem: String, Error, Sendable {
    case empty = "is empty"
    case repeated = "is there twice"
    /// Also a spelling of an issuer that another one has.
    case alreadyUsed = "is used elsewhere"
    case audienceMissing = "has no audiences and does not say anyAudience"
    case audienceContradicted = "has audiences and says anyAudience"
    case algorithmMissing = "has no algorithm"
    case negative = "is negative"
    case subjectNamespaceMissing = "needs a subjectPrefix or sharesSubjectsWith, as there are several issuers"
    case subjectPrefixOverlaps = "has a subjectPrefix that begins like that of another issuer"
    case subjectPrefixUnused = "has a subjectPrefix and sharesSubjectsWith"
    case issuerNotConfigured = "names an issuer that is not configured"
    case subjectsSharedInTurn = "names an issuer that itself shares subjects"
    case pathMalformed = "is no path: it begins with /, has RFC 3986 characters and no dot segment"
    case loginPageMalformed = "is no path of this origin: it begins with one /, and with /\\ or // for no browser"
    case wildcardMisplaced = "may have * as a whole segment and ** as the last one only"
    case methodMalformed = "is no method"
    case restrictionNeedsToken = "restricts tokens on a route that does without one"
    case badTokenNeedsOptional = "says badToken on a route that is not optional"
    case claimPathMalformed = "is no claim path"
    case conditionEmpty = "lists no value"
    case endpointPathOverlaps = "is the path of another endpoint"
    case originsMissing = "has a cookie but no origins"
    case originMalformed = "is no origin"
    case nameMalformed = "is no field or cookie name"
    case nameReserved = "is a field that has a meaning of its own"
    case separatorMalformed = "is no separator: printable ASCII without %"
    case addressMalformed = "is no address or CIDR"
  }
}

/// All reasons why a draft is no policy; never empty.
public struct PolicyErrors: Error, Sendable {
  public let list: [PolicyError]
}
