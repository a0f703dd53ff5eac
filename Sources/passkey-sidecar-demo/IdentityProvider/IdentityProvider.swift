import OpenSSL

/// The app's conventional login as it was before the sidecar: a password in, an RS256 access token out.
struct IdentityProvider: Sendable {
  struct User: Sendable {
    var subject: String
    var email: String
    var emailVerified: Bool
    var name: String
    var password: String
  }

  /// Whom the demo knows. Alan never confirmed his e-mail: the sidecar gives him no connect token.
  static let demoUsers = [
    User(
      subject: "u-1001", email: "ada@example.com", emailVerified: true, name: "Ada Lovelace", password: "analytical"),
    User(
      subject: "u-1002", email: "grace@example.com", emailVerified: true, name: "Grace Hopper", password: "nanosecond"),
    User(subject: "u-1003", email: "alan@example.com", emailVerified: false, name: "Alan Turing", password: "enigma"),
  ]

  /// `iss` of the tokens; the key set is under it at `/jwks`.
  var issuer: String
  var audience: String
  /// Seconds.
  var tokenLifetime = 3600
  var users = demoUsers
  var crossOrigin: CrossOrigin
  let key: TokenSigningKey
  var clock: @Sendable () -> Int = Moment.milliseconds

  init(issuer: String, audience: String, origins: [String], key: TokenSigningKey) {
    self.issuer = issuer
    self.audience = audience
    self.key = key
    crossOrigin = CrossOrigin(origins: origins, requestFields: ["content-type"])
  }

  func handle(_ request: DemoRequest) -> DemoResponse {
    if let preflight = crossOrigin.preflightAnswer(to: request) { return preflight }
    var answer: DemoResponse
    switch (request.method, request.path) {
    case ("GET", "/jwks"):
      answer = DemoResponse(json: ["keys": [key.jwk]])
      answer.set("cache-control", "max-age=300")
    case ("GET", "/.well-known/openid-configuration"):
      answer = DemoResponse(json: ["issuer": .string(issuer), "jwks_uri": .string(issuer + "/jwks")])
    case ("POST", "/login"):
      answer = crossOrigin.admits(request) ? login(request) : DemoResponse(status: 403, json: ["error": "origin"])
      answer.set("cache-control", "no-store")
    case (_, "/jwks"), (_, "/login"), (_, "/.well-known/openid-configuration"):
      answer = DemoResponse(status: 405, json: ["error": "method"])
      answer.set("allow", request.path == "/login" ? "POST" : "GET")
    default: answer = DemoResponse(status: 404, json: ["error": "not found"])
    }
    return crossOrigin.decorated(answer, for: request)
  }

  /// Takes `email` and `password` as JSON or as a form.
  private func login(_ request: DemoRequest) -> DemoResponse {
    var email: String?
    var password: String?
    if request.field("content-type")?.hasPrefix("application/x-www-form-urlencoded") == true {
      let parameters = FormParameters.decoded(String(decoding: request.body, as: UTF8.self))
      email = parameters.first { $0.name == "email" }?.value
      password = parameters.first { $0.name == "password" }?.value
    } else if let json = try? JSON(reading: request.body) {
      email = json["email"]?.text
      password = json["password"]?.text
    }
    guard let email, let password else {
      return DemoResponse(status: 400, json: ["error": "email and password are required"])
    }
    guard let user = users.first(where: { $0.email == email.lowercased() && $0.password == password }),
      let token = try? key.token(claims(of: user))
    else { return DemoResponse(status: 401, json: ["error": "wrong e-mail or password"]) }
    return DemoResponse(
      json: ["accessToken": .string(token), "tokenType": "Bearer", "expiresIn": .integer(tokenLifetime)])
  }

  private func claims(of user: User) -> JSON {
    let now = clock() / 1000
    return [
      "iss": .string(issuer), "aud": .string(audience), "sub": .string(user.subject), "email": .string(user.email),
      "email_verified": .boolean(user.emailVerified), "name": .string(user.name), "iat": .integer(now),
      "exp": .integer(now + tokenLifetime), "jti": .string(RandomText.alphanumeric(count: 20)),
    ]
  }
}
