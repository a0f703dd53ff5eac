import HTTP
import JOSE

/// What ends the judging of a request before it is forwarded or served.
enum Interruption: Error {
  case denied(Denied)
  case needsKeys(KeyRequest)

  init(_ denial: Denial, rule: Int? = nil, endpoint: Endpoint? = nil) {
    self = .denied(Denied(denial, rule: rule, endpoint: endpoint))
  }
}

/// The snapshots that one decision is made with.
struct Snapshots {
  let policy: Policy
  let keys: KeySnapshot
  let revocations: Revocations
  let now: UnixTime
  let keysWereJustFetched: Bool
}

extension Gate {
  /// The way of a request, top to bottom.
  mutating func judge(
    _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) throws(Interruption) -> Decision {
    let policy = snapshots.policy
    try judgeMethod(head)
    observer.passed(.method, head.fields.string(head.methodName))
    try readPath(head)
    observer.passed(.path, path.isPlain ? "has one reading" : "has several readings")

    for endpoint in policy.endpointTable where endpoint.matches(path) {
      return try judge(endpoint, head, snapshots, lastToken: &lastToken, observer: &observer)
    }
    observer.passed(.endpoint, "none of ours")

    let rule = try chooseRule(head, policy)
    let requirement = policy.requirement(ofRule: rule)
    observer.passed(.rule, rule.map { "rule \($0 + 1): \(requirement.access)" } ?? "none: a token is required")
    if requirement.access == .public {
      observer.passed(.credential, "not looked at")
      return .forward(Admission(policy: policy, rule: rule, access: .public))
    }
    if requirement.forwardsPreflight, OriginRule.isPreflight(head) {
      observer.passed(.credential, "none: a CORS preflight has no credentials")
      return .forward(Admission(policy: policy, rule: rule, access: requirement.access))
    }
    do throws(Interruption) {
      return .forward(
        try admit(head, rule, requirement, snapshots, lastToken: &lastToken, observer: &observer))
    } catch {
      throw Self.located(error, rule, head, policy)
    }
  }

  private func judgeMethod(_ head: borrowing RequestHead) throws(Interruption) {
    if head.method == .trace || head.method == .connect && head.upgradeProtocol.isEmpty {
      throw Interruption(.methodNotAllowed)
    }
  }

  private mutating func readPath(_ head: borrowing RequestHead) throws(Interruption) {
    let bytes = head.fields.bytes.span.extracting(head.path.range)
    if head.method == .options, bytes.matches("*") {
      path.readAsterisk()
      return
    }
    do throws(Denial) { try path.read(bytes) } catch { throw Interruption(error) }
    if head.hasQuery, !PathReadings.isAcceptedQuery(head.fields.bytes.span.extracting(head.query.range)) {
      throw Interruption(.pathNotCanonical)
    }
  }

  private mutating func chooseRule(_ head: borrowing RequestHead, _ policy: Policy) throws(Interruption) -> Int? {
    do throws(Denial) {
      return try policy.rule(for: head, path, candidates: &candidates)
    } catch { throw Interruption(error) }
  }

  /// A request that may need a token.
  private mutating func admit(
    _ head: borrowing RequestHead, _ rule: Int?, _ requirement: Requirement, _ snapshots: Snapshots,
    lastToken: inout TokenHint, observer: inout some DecisionObserver
  ) throws(Interruption) -> Admission {
    var source: CredentialSource?
    let token: VerifiedToken
    do throws(Interruption) {
      guard let credential = try self.credential(head, snapshots.policy) else {
        guard requirement.access == .required else {
          observer.passed(.credential, "none: anonymous")
          return Admission(policy: snapshots.policy, rule: rule, access: requirement.access)
        }
        throw Interruption(.tokenMissing)
      }
      source = credential.source
      observer.passed(.credential, "\(credential.source)")
      token = try verified(credential, head, snapshots, lastToken: &lastToken, observer: &observer)
    } catch {
      let admission = try anonymous(instead: error, source, rule, requirement, snapshots.policy)
      observer.passed(.credential, "not good, and the route does without: anonymous")
      return admission
    }
    try judgeOrigin(head, source, snapshots.policy)
    observer.passed(.origin, source == .cookie ? "met, or not needed for a safe method" : "asked for with cookies only")
    try judge(token, requirement, snapshots, observer: &observer)
    let assertion = try assertion(for: token, hint: lastToken, snapshots)
    return Admission(
      policy: snapshots.policy, rule: rule, access: requirement.access, token: token, source: source,
      assertion: assertion)
  }

  /// An optional route may go on without the token that was refused.
  private func anonymous(
    instead error: Interruption, _ source: CredentialSource?, _ rule: Int?, _ requirement: Requirement, _ policy: Policy
  ) throws(Interruption) -> Admission {
    guard requirement.access == .optional, case .denied(let denied) = error else { throw error }
    let isExpiredCookie = source == .cookie && denied.denial == .tokenExpired
    guard isExpiredCookie || requirement.anonymousOnBadToken && denied.denial.isBadToken else { throw error }
    return Admission(policy: policy, rule: rule, access: .optional, clearsCredentialCookie: isExpiredCookie)
  }

  private func credential(_ head: borrowing RequestHead, _ policy: Policy) throws(Interruption) -> Credential? {
    do throws(Denial) {
      return try policy.credentials.credential(of: head)
    } catch { throw Interruption(error) }
  }

  /// A browser sends a cookie for whoever asks it to: what changes something, or opens a stream, must come from a page
  /// of ours.
  private func judgeOrigin(
    _ head: borrowing RequestHead, _ source: CredentialSource?, _ policy: Policy
  ) throws(Interruption) {
    guard source == .cookie, !head.method.isSafe || !head.upgradeProtocol.isEmpty else { return }
    guard policy.credentialOrigins.isMet(by: head) else { throw Interruption(.originRefused) }
  }

  /// What the issuer's rule and the route ask of a valid token.
  private func judge(
    _ token: VerifiedToken, _ requirement: Requirement, _ snapshots: Snapshots, observer: inout some DecisionObserver
  ) throws(Interruption) {
    let policy = snapshots.policy
    let issuer = token.issuerIndex
    if !requirement.issuers.isEmpty {
      guard requirement.issuers.contains(token.issuerIndex) else { throw Interruption(.issuerNotAcceptedHere) }
      observer.passed(.issuers, token.issuer)
    }
    if !requirement.audiences.isEmpty {
      do throws(TokenError) { try token.claims.checkAudience(requirement.audiences) } catch {
        throw Interruption(Denial(error))
      }
      observer.passed(.audiences, requirement.audiences.joined(separator: ", "))
    }
    for index in policy.issuers[issuer].claims where !policy.claimRules[index].isMet(by: token) {
      throw Interruption(.claimsInsufficient)
    }
    for index in requirement.claims where !policy.claimRules[index].isMet(by: token) {
      throw Interruption(.claimsInsufficient)
    }
    observer.passed(.claims, "conditions met: \(policy.issuers[issuer].claims.count + requirement.claims.count)")
    if let limit = requirement.passkeyWithin {
      guard token.hasPasskey(within: limit, now: snapshots.now, leeway: policy.issuers[issuer].leeway) else {
        var denied = Denied(.passkeyRequired)
        denied.passkeyWithin = limit
        throw .denied(denied)
      }
      observer.passed(.passkey, "within \(limit)")
    }
  }

  /// The denial with its rule, and with the login page for a browser that can be sent there.
  private static func located(
    _ error: Interruption, _ rule: Int?, _ head: borrowing RequestHead, _ policy: Policy
  ) -> Interruption {
    guard case .denied(var denied) = error, let rule else { return error }
    denied.rule = rule
    denied.redirectsToLoginPage =
      denied.denial.status == 401 && policy.rules[rule].loginPage != nil && head.isNavigation
    return .denied(denied)
  }
}

// MARK: Our endpoints

extension Gate {
  private mutating func judge(
    _ path: EndpointPath, _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) throws(Interruption) -> Decision {
    do throws(Interruption) {
      guard path.isWritten(head.fields.bytes.span.extracting(head.path.range)) else {
        // Another spelling reaches nothing; whoever has no token does not learn even that.
        _ = try requireToken(head, snapshots, lastToken: &lastToken, observer: &observer)
        throw Interruption(.endpointUnknown)
      }
      observer.passed(.endpoint, path.endpoint.rawValue)
      if OriginRule.isPreflight(head) {
        guard let origin = snapshots.policy.corsOrigin(of: head) else { throw Interruption(.originRefused) }
        return .answerPreflight(EndpointPreflight(path.endpoint, origin: origin))
      }
      return .serve(try call(path.endpoint, head, snapshots, lastToken: &lastToken, observer: &observer))
    } catch {
      guard case .denied(var denied) = error else { throw error }
      denied.endpoint = path.endpoint
      if denied.denial == .methodNotAllowed { denied.allowedMethods = path.endpoint.allowedMethods }
      throw .denied(denied)
    }
  }

  private mutating func call(
    _ endpoint: Endpoint, _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) throws(Interruption) -> EndpointCall {
    let isAllowed = endpoint == .jwks ? head.method == .get || head.method == .head : head.method == .post
    guard isAllowed else { throw Interruption(.methodNotAllowed) }
    var bearer: (token: VerifiedToken, source: CredentialSource)?
    if endpoint.requiresToken {
      bearer = try requireToken(head, snapshots, lastToken: &lastToken, observer: &observer)
    }
    if endpoint.isOriginBound, snapshots.policy.loginSetsCookie, !snapshots.policy.credentialOrigins.isMet(by: head) {
      throw Interruption(.originRefused)
    }
    observer.passed(.origin, "asked for with cookies only")
    let needsContent = endpoint == .createConnectToken || endpoint == .completeLogin
    if endpoint.takesContent, needsContent || head.hasBody, !head.isJSON { throw Interruption(.mediaTypeRefused) }
    observer.passed(.mediaType, "JSON")
    return EndpointCall(endpoint, token: bearer?.token, credentialSource: bearer?.source)
  }

  private mutating func requireToken(
    _ head: borrowing RequestHead, _ snapshots: Snapshots, lastToken: inout TokenHint,
    observer: inout some DecisionObserver
  ) throws(Interruption) -> (token: VerifiedToken, source: CredentialSource) {
    guard let credential = try credential(head, snapshots.policy) else { throw Interruption(.tokenMissing) }
    observer.passed(.credential, "\(credential.source)")
    let token = try verified(credential, head, snapshots, lastToken: &lastToken, observer: &observer)
    try judgeOrigin(head, credential.source, snapshots.policy)
    try judge(token, snapshots.policy.tokenRequired, snapshots, observer: &observer)
    return (token, credential.source)
  }
}

extension RequestHead {
  /// A browser goes to a page: it says so, or it wants HTML.
  var isNavigation: Bool {
    guard method == .get || method == .head, upgradeProtocol.isEmpty else { return false }
    let arena = fields.bytes.span
    if let mode = fields.only(.secFetchMode) { return arena.extracting(mode.range).matches("navigate") }
    for line in fields.lines where line.known == .accept {
      var elements = ListElements(line.value)
      while let element = elements.next(in: arena) {
        let bytes = arena.extracting(element.range)
        if bytes.count >= 9, bytes.extracting(first: 9).matchesIgnoringCase("text/html") { return true }
      }
    }
    return false
  }

  /// One `Content-Type`, of JSON.
  var isJSON: Bool {
    guard let type = fields.only(.contentType) else { return false }
    let bytes = fields.bytes.span.extracting(type.range)
    var end = 0
    while end < bytes.count, bytes[end] != UInt8(ascii: ";") { end += 1 }
    while end > 0, FieldSyntax.isWhiteSpace(bytes[end - 1]) { end -= 1 }
    return bytes.extracting(first: end).matchesIgnoringCase("application/json")
  }
}
