internal import JOSE
internal import OpenSSL

/// An access token of ours (RFC 9068).
struct AccessToken {
  var issuer: String
  var audience: String
  var subject: String
  /// Corbado's project: the client, as far as there is one.
  var clientID: String
  /// The issuer that the subject is one of: of the link, or ourselves where there was none.
  var origin: String
  var sessionID: String
  var tokenID: String
  /// Of the passkey's use, and of the token.
  var issuedAt: UnixTime
  var lifetime: Duration
  /// An object; its members become claims.
  var remembered: JSONDocument

  /// The claims that every token has or may get: none of them can be a remembered one.
  static let ownClaims: Set<String> = [
    "iss", "aud", "sub", "client_id", "idp", "exp", "nbf", "iat", "jti", "sid", "auth_time", "acr", "amr", "cnf", "act",
    "may_act",
  ]

  func mint(with key: SigningKey) throws(KeyFailure) -> [UInt8] {
    var claims = JSONWriter()
    claims.beginObject()
    claims.member("iss", issuer)
    claims.member("aud", audience)
    claims.member("sub", subject)
    claims.member("client_id", clientID)
    claims.member("idp", origin)
    claims.member("exp", (issuedAt + lifetime).seconds)
    claims.member("iat", issuedAt.seconds)
    claims.member("jti", tokenID)
    claims.member("sid", sessionID)
    claims.member("auth_time", issuedAt.seconds)
    // Phishing-resistant (OpenID EAP §3): possession of a key, and the user verified (RFC 8176 §2).
    claims.member("acr", "phr")
    claims.member("amr", ["pop", "user"])
    // What was remembered under an earlier configuration must not pass for a claim of ours either.
    for (name, value) in remembered.members(of: remembered.root) {
      guard let text = remembered.string(name), !Self.ownClaims.contains(text) else { continue }
      claims.member(text, value, of: remembered)
    }
    claims.endObject()
    return try key.mint(claims, type: "at+jwt")
  }

  /// 160 bits that nobody can guess.
  static func randomID() throws(KeyFailure) -> String {
    let bytes = try randomBytes(20)
    return Base64URL.encode(bytes.span)
  }
}
