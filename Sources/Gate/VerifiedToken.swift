public import JOSE
import HTTP

/// A token that was found valid, with everything that is judged on each later request: the claims, the times, the key.
/// Immutable, made by the Gate alone.
public final class VerifiedToken: Sendable {
  /// Position in ``Policy/issuers``.
  public let issuerIndex: Int
  /// The issuer as configured.
  public let issuer: String
  /// Our own passkey login minted it.
  public let isOwn: Bool
  /// The subject as the app knows it: with the prefix of its issuer.
  public let subject: String
  /// The issuer that the subject is unique within: of shared subjects the one that they are shared with, of our own
  /// tokens that of `idp`.
  public let subjectIssuer: String
  public let claims: Claims
  /// `exp`, without leeway.
  public let expiration: UnixTime
  /// Of the signing input.
  public let digest: TokenDigest

  let bytes: [UInt8]
  let header: JOSEHeader
  let key: VerificationKey
  /// Leeway included.
  let validFrom: UnixTime
  /// Leeway included.
  public let validUntil: UnixTime
  /// The claims at ``Policy/claimPaths``.
  let nodes: [JSONDocument.Node?]
  /// When a passkey was last used, if the issuer's word counts for that.
  let passkeyTime: UnixTime?
  /// The identity fields, rendered; positions count from the beginning of `fieldBytes`.
  let fieldBytes: [UInt8]
  let fieldLines: [FieldLine]

  /// - Throws: `audienceMismatch`, `tokenExpired`, `tokenNotYetValid`, `subjectMissing`, `issuerUnknown`,
  ///   `claimInvalid`
  init(
    _ claims: Claims, token: Span<UInt8>, header: JOSEHeader, key: VerificationKey, issuer index: Int, policy: Policy,
    now: UnixTime, observer: inout some DecisionObserver
  ) throws(Denial) {
    let issuer = policy.issuers[index]
    do throws(TokenError) {
      try claims.checkTimes(now: now, leeway: issuer.leeway)
      observer.passed(.times, "exp, nbf and iat, with a leeway of \(issuer.leeway)")
      if !issuer.acceptsAnyAudience { try claims.checkAudience(issuer.audiences) }
      observer.passed(
        .audience, issuer.acceptsAnyAudience ? "not looked at" : "one of \(issuer.audiences.joined(separator: ", "))")
      try claims.checkSubject()
      observer.passed(.subject, issuer.subjectPrefix + (claims.subject ?? ""))
    } catch { throw Denial(error) }
    // The checks above have seen both.
    guard let subject = claims.subject, let expiration = claims.expiration else { throw .claimInvalid }
    issuerIndex = index
    self.issuer = issuer.issuer
    isOwn = issuer.isOwn
    self.subject = issuer.subjectPrefix + subject
    subjectIssuer = try Self.subjectIssuer(claims, issuer, policy)
    self.claims = claims
    self.expiration = expiration
    digest = TokenDigest(of: token)
    var bytes: [UInt8] = []
    bytes.append(copying: token)
    self.bytes = bytes
    self.header = header
    self.key = key
    validUntil = expiration + issuer.leeway
    let begin = max(claims.notBefore ?? UnixTime(microseconds: .min), claims.issuedAt ?? UnixTime(microseconds: .min))
    validFrom = begin - issuer.leeway
    nodes = policy.claimPaths.map { claims.claim(at: $0) }
    passkeyTime = issuer.stepUp ? Self.passkeyTime(claims) : nil
    let rendered = try policy.identityFields.render(claims, nodes: nodes, subject: self.subject)
    fieldBytes = rendered.bytes
    fieldLines = rendered.lines
  }

  private static func subjectIssuer(_ claims: Claims, _ issuer: CompiledIssuer, _ policy: Policy) throws(Denial)
    -> String
  {
    guard issuer.isOwn else { return issuer.subjectIssuer }
    guard let node = claims.claim("idp"), let origin = claims.document.string(node) else { throw .claimInvalid }
    // An issuer that is no longer configured is no longer believed, whoever passed its word on.
    guard let known = policy.issuers.first(where: { $0.issuer.utf8.elementsEqual(origin.utf8) }) else {
      throw .issuerUnknown
    }
    return known.subjectIssuer
  }

  /// `auth_time`, if `acr` or `amr` say that a key was used that phishing cannot reach (RFC 8176 §2, OpenID EAP §3).
  private static func passkeyTime(_ claims: Claims) -> UnixTime? {
    guard let node = claims.claim("auth_time"), let time = claims.document.numericDate(node) else { return nil }
    let document = claims.document
    if let acr = claims.claim("acr") {
      for value in ["phr", "phrh"] where document.isString(acr, equalTo: value) { return time }
    }
    guard let methods = claims.claim("amr") else { return nil }
    for method in document.elements(of: methods) {
      for value in ["pop", "hwk", "swk", "fido"] where document.isString(method, equalTo: value) { return time }
    }
    return nil
  }

  /// Valid now, whatever the clock has done since the token was verified.
  func checkTimes(now: UnixTime) throws(Denial) {
    guard now < validUntil else { throw .tokenExpired }
    guard now >= validFrom else { throw .tokenNotYetValid }
  }

  func hasPasskey(within limit: Duration, now: UnixTime, leeway: Duration) -> Bool {
    guard let passkeyTime else { return false }
    return passkeyTime <= now + leeway && now - passkeyTime <= limit
  }

  /// The key that verified it is still the one that its issuer publishes for it.
  func isKeyCurrent(in keys: [VerificationKey]) -> Bool {
    guard case .key(let position) = keys.selection(for: header) else { return false }
    return keys[position].isSame(as: key)
  }

  /// Bytes that it occupies, for the cache's bound: what is counted and some for what is not.
  var accountedBytes: Int {
    512 + bytes.count + claims.document.bytes.count * 3 + fieldBytes.count + fieldLines.count * 32 + nodes.count * 8
  }
}
