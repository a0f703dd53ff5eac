/// Signed passkey data: an RS256 JWT that says who signed in with which passkey; Corbado lets it be used once.
struct SignedPasskeyData {
  var identifier: String
  var userID: String
  var credentialID: String
  var challengeID: String
  var processID: String
  var isConditionalUI: Bool

  /// Seconds from `iat` to `exp`, and from `nbf` to `iat`.
  static let lifetime = 300
  static let backwardTolerance = 10

  func claims(projectID: String, usernameClaim: String, now: Int) -> JSON {
    [
      "iss": .string(projectID), "sub": .string(userID), "iat": .integer(now),
      "nbf": .integer(now - Self.backwardTolerance),
      "exp": .integer(now + Self.lifetime), "jti": .string(RandomText.alphanumeric(count: 30)),
      "processId": .string(processID),
      "username": .string(usernameClaim), "credential": .string(credentialID), "challengeId": .string(challengeID),
      "webauthnId": .string(identifier), "isCUI": .boolean(isConditionalUI),
    ]
  }

  enum Refusal: Error, Equatable { case invalid, expired }

  /// The claims of what one of our keys signed for this project and what is within its times.
  static func verifiedClaims(
    of text: String, keys: [TokenSigningKey], projectID: String, now: Int
  ) throws(Refusal) -> JSON {
    guard let token = CompactToken(text), token.isSigned(byOneOf: keys), token.claims["iss"]?.text == projectID,
      let notBefore = token.claims["nbf"]?.integer, notBefore <= now, let expiration = token.claims["exp"]?.integer
    else { throw .invalid }
    guard now < expiration else { throw .expired }
    return token.claims
  }
}
