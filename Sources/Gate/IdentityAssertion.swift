internal import HTTP
internal import JOSE

/// Proof for the app that a request came through here and whose it is: a short-lived JWT in a field of its own.
///
/// Its `typ` is none of an access token's and its `aud` is the app's alone, so that nobody who sees one can use it here or
/// anywhere else as a credential.
public struct AssertionRule: Sendable {
  public var field: String
  /// `iss`.
  public var issuer: String
  /// `aud`.
  public var audience: String
  public var lifetime: Duration

  public init(field: String, issuer: String, audience: String, lifetime: Duration = .seconds(60)) {
    self.field = field
    self.issuer = issuer
    self.audience = audience
    self.lifetime = lifetime
  }

  /// `typ` of the header.
  public static let type = "identity-assertion+jwt"
}

/// One that was made: kept with its token and given to all its requests until it is half used up.
public final class IdentityAssertion: Sendable {
  /// The field line, name in lower case.
  let name: [UInt8]
  let value: [UInt8]
  private let token: VerifiedToken
  private let madeAt: UnixTime
  private let renewAt: UnixTime

  init(
    _ rule: AssertionRule, _ token: VerifiedToken, _ policy: Policy, with key: SigningKey, now: UnixTime
  ) throws(SigningFailure) {
    self.token = token
    madeAt = now
    let expiration = min(now + rule.lifetime, token.validUntil)
    renewAt = now + rule.lifetime / 2
    name = rule.field.utf8.map { FieldSyntax.lowerCased($0) }
    var claims = JSONWriter()
    claims.beginObject()
    claims.member("iss", rule.issuer)
    claims.member("aud", rule.audience)
    claims.member("sub", token.subject)
    claims.member("idp", token.subjectIssuer)
    claims.member("iat", now.seconds)
    claims.member("exp", max(expiration.seconds, now.seconds + 1))
    // What the identity fields say, in the claims' own names.
    var written: Set<String> = ["iss", "aud", "sub", "idp", "iat", "exp", "nbf", "jti"]
    for field in policy.identityFields.fields where !field.isSubject {
      let path = policy.claimPaths[field.path].text
      guard let node = token.nodes[field.path], written.insert(path).inserted else { continue }
      claims.member(path, node, of: token.claims.document)
    }
    claims.endObject()
    value = try key.mint(claims, type: AssertionRule.type)
  }

  func serves(_ token: VerifiedToken, at now: UnixTime) -> Bool { self.token === token && madeAt <= now && now < renewAt }
}

extension Gate {
  /// The assertion for a token that was found good; nil where the policy wants none.
  ///
  /// - Parameter hint: where the token is in the cache, if it is there.
  /// - Throws: `keysUnavailable` as long as there is no key: an app that wants proof must not get less.
  mutating func assertion(
    for token: VerifiedToken, hint: TokenHint, _ snapshots: Snapshots
  ) throws(Interruption) -> IdentityAssertion? {
    guard let rule = snapshots.policy.assertion else { return nil }
    let place = Int(hint.slot)
    if let known = assertions[place], known.serves(token, at: snapshots.now) { return known }
    guard let assertionKey else { throw Interruption(.keysUnavailable) }
    do throws(SigningFailure) {
      let made = try IdentityAssertion(rule, token, snapshots.policy, with: assertionKey, now: snapshots.now)
      // Bounded by the cache, whose places these are.
      if isCached(token, at: place) { assertions[place] = made }
      return made
    } catch { throw Interruption(.keysUnavailable) }
  }
}
