internal import Gate
internal import JOSE

extension SidecarSettings {
  /// What the Gate's policy is compiled from.
  var policyDraft: PolicyDraft {
    PolicyDraft(
      issuers: issuers.map { issuer in
        IssuerRule(
          issuer: issuer.issuer, otherSpellings: issuer.otherSpellings, audiences: issuer.audiences,
          acceptsAnyAudience: issuer.acceptsAnyAudience, algorithms: AlgorithmSet(issuer.algorithms),
          types: TokenTypes(issuer.types, acceptsAbsent: true), leeway: issuer.leeway, claims: issuer.claims,
          subjectPrefix: issuer.subjectPrefix, sharesSubjectsWith: issuer.sharesSubjectsWith, stepUp: issuer.stepUp)
      },
      loginIssuer: loginIssuer,
      credential: CredentialRule(
        cookie: credential.cookie, origins: cors.origins, webSocketSubprotocol: credential.webSocketSubprotocol,
        loginSetsCookie: login.cookie != nil, tokenBytes: limits.tokenBytes),
      routes: routes.map(\.rule),
      endpoints: EndpointPaths(
        prefix: endpoints.prefix, enabled: endpoints.enabled,
        aliases: endpoints.aliases.map { ($0.path, $0.endpoint) }),
      identityFields: identity.fields.map { field in
        IdentityField(
          name: field.name, claim: field.claim.text,
          format: field.format == .json ? .json : .text(separator: field.separator))
      },
      assertion: identity.assertion.map { assertion in
        AssertionRule(
          field: assertion.field, issuer: login.token.issuer, audience: assertion.audience, lifetime: assertion.lifetime)
      },
      keepsAuthorization: identity.authorization == .keep, passThrough: identity.passThrough,
      reservedFields: identity.assertion.map { [$0.field] } ?? [],
      corsOrigins: cors.origins, trustedProxies: listeners.map(\.trustedProxies))
  }

  /// Ourselves; nil where logins end in tokens of another issuer's form, or in that issuer's own.
  private var loginIssuer: LoginIssuer? {
    guard login.mintsOwnTokens else { return nil }
    return LoginIssuer(
      issuer: login.token.issuer, audience: login.token.audience, algorithms: AlgorithmSet([login.token.algorithm]))
  }

  /// The Gate's policy; nil when it was refused.
  func policy(_ reading: Reading) -> Policy? {
    do throws(PolicyErrors) {
      return try Policy(policyDraft)
    } catch {
      // The origins of the credential are those of CORS, which are told with their places.
      for error in error.list where error != .credential(.originMalformed) {
        reading.refuse(key(of: error), message(of: error))
      }
      return nil
    }
  }

  /// The key that an error of the draft is about.
  private func key(of error: PolicyError) -> String {
    switch error {
    case .noIssuer: "issuers"
    case .issuer(let index, let problem): "issuers[\(index)].\(issuerKey(problem))"
    case .loginIssuer(.empty): "login.token"
    case .loginIssuer: "login.token.issuer"
    case .credential(.negative): "limits.token"
    case .credential(.originsMissing) where credential.cookie == nil: "login.cookie"
    case .credential: "credential.cookie"
    case .route(let index, let problem): "routes[\(index)].\(routeKey(index, problem))"
    case .endpoints: "endpoints.prefix"
    case .identityField(let index, let problem): identityKey(index, problem)
    case .passThrough(let index, _): "identity.passThrough[\(index)]"
    case .reservedField: "identity.assertion.field"
    case .corsOrigin(let index, _): "cors.origins[\(index)]"
    case .trustedProxy(let listener, let index, _): "listen[\(listener)].trustedProxies[\(index)]"
    }
  }

  private func issuerKey(_ problem: PolicyError.Problem) -> String {
    switch problem {
    case .audienceMissing: "audiences"
    case .audienceContradicted: "anyAudience"
    case .claimPathMalformed, .conditionEmpty: "claims"
    case .algorithmMissing: "algorithms"
    case .negative: "leeway"
    case .subjectNamespaceMissing, .subjectPrefixOverlaps, .subjectPrefixUnused: "subjectPrefix"
    case .issuerNotConfigured, .subjectsSharedInTurn: "sharesSubjectsWith"
    default: "issuer"
    }
  }

  private func routeKey(_ index: Int, _ problem: PolicyError.Problem) -> String {
    switch problem {
    case .methodMalformed: return "methods"
    case .restrictionNeedsToken:
      let route = routes[index]
      if !route.claims.isEmpty { return "claims" }
      if !route.issuers.isEmpty { return "issuers" }
      return route.audiences.isEmpty ? "passkeyWithin" : "audiences"
    case .badTokenNeedsOptional: return "badToken"
    case .claimPathMalformed, .conditionEmpty: return "claims"
    case .issuerNotConfigured: return "issuers"
    case .empty: return "audiences"
    case .negative: return "passkeyWithin"
    case .loginPageMalformed: return "loginPage"
    default: return "path"
    }
  }

  private func identityKey(_ index: Int, _ problem: PolicyError.Problem) -> String {
    guard identity.fields.indices.contains(index) else { return "identity.fields" }
    let field = "identity.fields." + identity.fields[index].name
    return problem == .separatorMalformed ? field + ".separator" : field
  }

  private func message(of error: PolicyError) -> String {
    switch error {
    case .noIssuer: "at least one is needed"
    case .issuer(_, .audienceMissing): "lists none: one must be in `aud`, or say anyAudience: true"
    case .issuer(_, .audienceContradicted): "true does not go with audiences: [] belongs beside it"
    case .credential(.originsMissing):
      "needs cors.origins: a browser sends cookies whoever asks it to, and only these pages may change anything by them"
    case .route(_, .restrictionNeedsToken): "asks for a token on a route that does without one: access: required"
    case .route(_, .badTokenNeedsOptional): "belongs on a route with access: optional"
    case .loginIssuer(.alreadyUsed): "is also a configured issuer; tokens of the two could not be told apart"
    case .passThrough(_, .nameReserved): "is written by the sidecar itself: a client could then write it too"
    case .identityField(_, .repeated), .reservedField(_, .repeated):
      "is the same as an earlier name to servers that take - and _ for each other"
    case .corsOrigin:
      "is no origin as browsers send it: https://host[:port] in lower case, without path and default port"
    case .issuer(_, let problem), .loginIssuer(let problem), .credential(let problem), .route(_, let problem),
      .endpoints(let problem), .identityField(_, let problem), .passThrough(_, let problem),
      .reservedField(_, let problem), .trustedProxy(_, _, let problem):
      problem.rawValue
    }
  }
}

extension RouteSettings {
  var rule: RouteRule {
    let access: RouteRule.Access =
      switch self.access {
      case .public: .public
      case .optional: .optional
      case .required: .required
      }
    return RouteRule(
      path: path, methods: methods, access: access, isExact: isExact, claims: claims, issuers: issuers,
      audiences: audiences, passkeyWithin: passkeyWithin, badToken: badToken == .anonymous ? .anonymous : .refuse,
      forwardsPreflight: preflight == .forward, loginPage: loginPage, responseHead: responseHead,
      endsWithToken: endsWithToken)
  }
}

extension EndpointSettings {
  /// The endpoints that are served.
  var enabled: Set<Endpoint> {
    var enabled: Set<Endpoint> = [.createConnectToken, .completeLogin]
    if hasJWKSet { enabled.insert(.jwks) }
    if hasLogout { enabled.insert(.logout) }
    if hasRefresh { enabled.insert(.refresh) }
    return enabled
  }
}
