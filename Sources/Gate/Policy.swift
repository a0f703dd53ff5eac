public import HTTP
import JOSE

/// The compiled rules of the Gate: immutable, valid by construction, shared by all workers.
///
/// A new configuration is a new policy. Whoever holds an ``Admission`` holds the policy that it was made by.
public final class Policy: Sendable {
  let issuers: [CompiledIssuer]
  let credentials: CredentialReader
  let credentialOrigins: OriginRule
  let loginSetsCookie: Bool
  let rules: [CompiledRule]
  /// Of the rules, in their order.
  let probes: [RuleProbe]
  let tokenRequired = Requirement()
  let hasUpperCaseRules: Bool
  let endpointTable: [EndpointPath]
  /// The distinct claim rules of issuers and routes.
  let claimRules: [CompiledClaimRule]
  /// The distinct claim paths of claim rules and identity fields.
  let claimPaths: [ClaimPath]
  let identityFields: IdentityFields
  let assertion: AssertionRule?
  let managedNames: ManagedNames
  let forwardedFields: ForwardedFields
  let keepsAuthorization: Bool
  let corsOrigins: [[UInt8]]
  let trustedProxies: [TrustedProxies]

  /// - Throws: all errors of the draft at once.
  public init(_ draft: PolicyDraft) throws(PolicyErrors) {
    var compiler = PolicyCompiler(draft)
    issuers = compiler.issuers()
    credentials = compiler.credentials()
    credentialOrigins = compiler.credentialOrigins()
    loginSetsCookie = draft.credential.loginSetsCookie
    rules = compiler.rules()
    probes = rules.map { RuleProbe($0.pattern) }
    hasUpperCaseRules = rules.contains(where: \.pattern.hasUpperCase)
    endpointTable = compiler.endpoints()
    identityFields = compiler.identityFields()
    assertion = draft.assertion
    managedNames = compiler.managedNames()
    forwardedFields = ForwardedFields(name: "passkey-sidecar")
    keepsAuthorization = draft.keepsAuthorization
    corsOrigins = compiler.corsOrigins()
    trustedProxies = compiler.trustedProxies()
    claimRules = compiler.claimRules
    claimPaths = compiler.claimPaths
    guard compiler.errors.isEmpty else { throw PolicyErrors(list: compiler.errors) }
  }

  /// The issuers in the order of their positions: the configured ones, then ourselves if logins are on.
  public var issuerNames: [String] { issuers.map(\.issuer) }

  /// Empty: there is no such issuer.
  public func issuerName(_ position: Int) -> String { issuers.indices.contains(position) ? issuers[position].issuer : "" }

  /// Name of the cookie that may hold a token.
  public var credentialCookie: String? { credentials.cookieName.map { String(decoding: $0, as: UTF8.self) } }

  /// The path of a rule as the configuration writes it, for the log.
  public func path(ofRule rule: Int) -> String? { rules.indices.contains(rule) ? rules[rule].path : nil }

  /// The path of the rule's login page.
  public func loginPage(ofRule rule: Int) -> String? { rules.indices.contains(rule) ? rules[rule].loginPage : nil }

  /// The rule's own limit from the request's end to the response head.
  public func responseHead(ofRule rule: Int) -> Duration? { rules.indices.contains(rule) ? rules[rule].responseHead : nil }

  /// The facts of a connection, for all its requests.
  ///
  /// - Parameter listener: position in ``PolicyDraft/trustedProxies``; without such an entry nobody is trusted.
  public func facts(
    peer: PeerAddress, listener: Int, isTLS: Bool, clientCertificateSubject: String? = nil
  ) -> ConnectionFacts {
    let isTrusted = trustedProxies.indices.contains(listener) && trustedProxies[listener].contains(peer)
    return ConnectionFacts(
      peer: peer, isTLS: isTLS, isTrustedProxy: isTrusted,
      clientCertificateSubject: clientCertificateSubject,
      certificateFields: identityFields.render(certificateSubject: clientCertificateSubject))
  }

  /// Whether a field of the header section may go on as far as its name is concerned.
  ///
  /// - Parameter name: as the codec gave it.
  public func mayPass(_ name: Span<UInt8>, known: KnownField) -> Bool {
    switch known {
    case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost, .proxyAuthorization, .http2Settings: false
    default: managedNames.mayPass(name)
    }
  }

  /// Whether a field of the trailer section may go on.
  public func mayPassInTrailers(_ name: Span<UInt8>, known: KnownField) -> Bool {
    !known.isRefusedInTrailers && managedNames.mayPass(name)
  }

  /// The head's `Origin`, if pages of that origin may read the answers of our endpoints and our refusals.
  public func corsOrigin(of head: borrowing RequestHead) -> Slice? { OriginRule.origin(of: head, in: corsOrigins) }
}
