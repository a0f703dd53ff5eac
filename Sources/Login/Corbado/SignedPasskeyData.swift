internal import JOSE
internal import OpenSSL
internal import StateStore

/// What a frontend hands in after a passkey login: a JWS of Corbado's, read **without trust**. That it is genuine is
/// Corbado's word, at each login.
struct SignedPasskeyData {
  /// Exactly as it came and is sent on.
  let compact: String
  /// `webauthnId`: whom the passkey is said to be of.
  let webauthnID: String
  /// `sub`: Corbado's own ID of the user; nil where there is none.
  let corbadoUserID: String?
  let jws: CompactJWS
  let expiration: UnixTime
  /// Over the whole text: what somebody else forges, with whatever `jti`, has another one.
  let digest: PasskeyDataDigest

  /// What is wrong, for the log.
  enum Problem: String, Error, CaseIterable {
    /// With a post-login action at Corbado the frontend component hands over a session instead.
    case noJWS = "no_jws"
    case algorithm, type, claims, project, times, user
  }

  /// Corbado's data live 300 s and are signed in the past by up to 10 s.
  static let leeway = Duration.seconds(30)
  /// How long a use is remembered at most. Data that would outlive this are refused.
  static let maximumUseMemory = Duration.seconds(600)
  static let maximumBytes = 16 * 1024

  init(_ compact: String, projectID: String, identifierPath: ClaimPath, now: UnixTime) throws(Problem) {
    let jws: CompactJWS
    do throws(TokenError) { jws = try CompactJWS(compact.utf8.span, maximumBytes: Self.maximumBytes) } catch {
      throw error == .algorithmRefused ? .algorithm : .noJWS
    }
    guard jws.header.algorithm == .rs256 else { throw .algorithm }
    do throws(TokenError) { try jws.header.checkType(TokenTypes(["JWT"], acceptsAbsent: true)) } catch { throw .type }
    let claims: JSONDocument
    do throws(JSONError) { claims = try JSONDocument(jws.unverifiedPayload.span) } catch { throw .claims }
    guard let issuer = claims.member("iss"), claims.isString(issuer, equalTo: projectID) else { throw .project }
    expiration = try Self.checkTimes(claims, now: now)
    guard let user = claims.member("webauthnId"), let webauthnID = claims.string(user),
      Identifier(webauthnID, of: identifierPath) != nil
    else { throw .user }
    self.webauthnID = webauthnID
    corbadoUserID = claims.member("sub").flatMap { claims.string($0) }.flatMap { Identifier.isText($0) ? $0 : nil }
    self.jws = jws
    self.compact = compact
    guard let digest = PasskeyDataDigest(HashFunction.sha256.digest(of: compact.utf8.span)) else { throw .noJWS }
    self.digest = digest
  }

  /// When its use may be forgotten.
  var forgettable: UnixTime { expiration + Self.leeway + .seconds(1) }

  private static func checkTimes(_ claims: JSONDocument, now: UnixTime) throws(Problem) -> UnixTime {
    func time(_ name: String) throws(Problem) -> UnixTime? {
      guard let node = claims.member(name) else { return nil }
      guard let time = claims.numericDate(node) else { throw .times }
      return time
    }
    guard let expiration = try time("exp"), now < expiration + leeway,
      expiration + leeway <= now + maximumUseMemory
    else { throw .times }
    for begin in [try time("nbf"), try time("iat")] {
      if let begin, begin > now + leeway { throw .times }
    }
    return expiration
  }
}
