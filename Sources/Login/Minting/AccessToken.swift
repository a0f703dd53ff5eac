internal import JOSE
internal import OpenSSL

/// An access token of ours: RFC 9068, or in the form of an issuer whose tokens the app verifies itself.
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
  /// Of the token, and of the passkey's use unless ``authenticatedAt`` says otherwise.
  var issuedAt: UnixTime
  var authenticatedAt: UnixTime?
  var lifetime: Duration
  /// An object; its members become claims.
  var remembered: JSONDocument

  /// The claims that every token has or may get: none of them can be a remembered one.
  static let ownClaims: Set<String> = [
    "iss", "aud", "sub", "client_id", "idp", "exp", "nbf", "iat", "jti", "sid", "auth_time", "acr", "amr", "cnf", "act",
    "may_act",
  ]

  /// The longest leeway that an issuer can be configured with, and some.
  static let maximumLeeway = Duration.seconds(330)

  func mint(with key: SigningKey) throws(KeyFailure) -> [UInt8] {
    var claims = JSONWriter()
    claims.beginObject()
    claims.member("iss", issuer)
    claims.member("aud", audience)
    claims.member("sub", subject)
    claims.member("client_id", clientID)
    claims.member("idp", origin)
    writeLogin(&claims)
    writeRemembered(&claims)
    claims.endObject()
    return try key.mint(claims, type: "at+jwt")
  }

  /// As that issuer would, with the claims of its template.
  ///
  /// - Throws: `malformed` for a subject that is none of that issuer's.
  func mint(as form: Configuration.Token.Form) throws(KeyFailure) -> [UInt8] {
    guard subject.utf8.starts(with: form.subjectPrefix.utf8) else { throw .malformed }
    var claims = JSONWriter()
    claims.beginObject()
    claims.member("iss", form.issuer)
    claims.member("aud", audience)
    claims.member("sub", String(decoding: subject.utf8.dropFirst(form.subjectPrefix.utf8.count), as: UTF8.self))
    writeLogin(&claims)
    var whole = claims
    writeRemembered(&whole)
    whole.endObject()
    let document: JSONDocument
    do throws(JSONError) { document = try JSONDocument(whole.bytes.span) } catch { throw .malformed }
    writeRemembered(&claims, butNot: Set(form.claims.map(\.name)))
    for (name, path) in form.claims {
      guard let node = document.node(at: path) else { continue }
      claims.member(name, node, of: document)
    }
    claims.endObject()
    return try form.key.mint(claims, type: form.type)
  }

  /// For an identity provider that is to exchange it (RFC 8693 §2.1, RFC 7523 §3). Its `typ` keeps it from being an access
  /// token anywhere that we are an issuer.
  func assertion(for audience: String, identifier: String, with key: SigningKey) throws(KeyFailure) -> [UInt8] {
    var token = self
    token.lifetime = LoginEndpoints.assertionLifetime
    var claims = JSONWriter()
    claims.beginObject()
    claims.member("iss", issuer)
    claims.member("aud", audience)
    claims.member("sub", subject)
    claims.member("idp", origin)
    claims.member("identifier", identifier)
    token.writeLogin(&claims)
    claims.endObject()
    return try key.mint(claims, type: "JWT")
  }

  private func writeLogin(_ claims: inout JSONWriter) {
    claims.member("exp", (issuedAt + lifetime).seconds)
    claims.member("iat", issuedAt.seconds)
    claims.member("jti", tokenID)
    claims.member("sid", sessionID)
    claims.member("auth_time", (authenticatedAt ?? issuedAt).seconds)
    // Phishing-resistant (OpenID EAP §3): possession of a key, and the user verified (RFC 8176 §2).
    claims.member("acr", "phr")
    claims.member("amr", ["pop", "user"])
  }

  /// What was remembered under an earlier configuration must not pass for a claim of ours either.
  private func writeRemembered(_ claims: inout JSONWriter, butNot template: Set<String> = []) {
    for (name, value) in remembered.members(of: remembered.root) {
      guard let text = remembered.string(name), !Self.ownClaims.contains(text), !template.contains(text) else { continue }
      claims.member(text, value, of: remembered)
    }
  }

  /// 160 bits that nobody can guess.
  static func randomID() throws(KeyFailure) -> String {
    let bytes = try randomBytes(20)
    return Base64URL.encode(bytes.span)
  }
}
