/// The way of a person through the demo, without the person: password, passkey added, signed out, passkey, same user.
struct Walk {
  /// Where everything is.
  struct Places {
    /// The sidecar's URL without a path.
    var sidecar: String
    var login: String
    var emulator: String
    /// What the browser would call the page; the emulator's relying party expects it.
    var origin: String
    /// A path of the app that answers JSON with a member `userID`.
    var whoami = "/api/whoami"
    /// What the app's member `protocol` has to be, if anything: whether the sidecar speaks to it as it should.
    var appProtocol: String?
  }

  typealias Exchange = (
    _ method: String, _ url: String, _ fields: [DemoRequest.Field], _ json: JSON?
  ) throws -> DemoResponse

  struct Failure: Error, CustomStringConvertible { var description: String }

  private let places: Places
  private let exchange: Exchange
  private let report: (String) -> Void
  private var authenticator: SoftwareAuthenticator

  init(_ places: Places, exchange: @escaping Exchange, report: @escaping (String) -> Void) {
    self.places = places
    self.exchange = exchange
    self.report = report
    authenticator = SoftwareAuthenticator(origin: places.origin)
  }

  /// Whether every step went well; reports each, stops at the first that did not.
  mutating func run() -> Bool {
    do {
      try walk()
      return true
    } catch {
      report("  ✗ \(error)")
      return false
    }
  }

  private mutating func walk() throws {
    try step("without a token the app is not reached") { walk in try walk.expectRefused() }
    let password = try step("a password gives a token") { walk in try walk.passwordToken() }
    let user = try step("the app sees who signed in") { walk in try walk.user(token: password) }
    try step("it is \(user), whatever X-User-ID the client sends") { walk in
      let seen = try walk.user(token: password, fields: [.init(name: "X-User-ID", value: "admin")])
      try walk.expect(seen == user, "the app saw \(seen)")
    }
    try step("a passkey is added with a connect token") { walk in try walk.append(token: password) }
    let passkey = try step("the list shows one passkey") { walk in try walk.onlyPasskey(token: password) }
    try step("signed out, the token does not reach the app any more") { walk in
      try walk.signOut(token: password)
      try walk.expectRefused(token: password)
    }
    let data = try step("the passkey signs in at the emulator") { walk in try walk.signedPasskeyData() }
    let minted = try step("the sidecar turns that into an access token") { walk in try walk.completeLogin(data) }
    try step("the app sees the same user, \(user)") { walk in
      let seen = try walk.user(token: minted)
      try walk.expect(seen == user, "the app saw \(seen)")
    }
    try step("the same login is not accepted twice") { walk in try walk.expectReplayRefused(data) }
    try step("the passkey is deleted with the new token") { walk in try walk.delete(passkey, token: minted) }
    try step("the deleted passkey signs nobody in") { walk in try walk.expectPasskeyGone() }
  }

  @discardableResult
  private mutating func step<Result>(_ name: String, _ action: (inout Walk) throws -> Result) throws -> Result {
    do {
      let result = try action(&self)
      report("  ✓ \(name)")
      return result
    } catch {
      throw Failure(description: "\(name): \(error)")
    }
  }

  private func expect(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    guard condition else { throw Failure(description: reason()) }
  }
}

// MARK: - At the sidecar

extension Walk {
  private func authorized(_ token: String?) -> [DemoRequest.Field] {
    token.map { [.init(name: "Authorization", value: "Bearer \($0)")] } ?? []
  }

  private func expectRefused(token: String? = nil) throws {
    let answer = try exchange("GET", places.sidecar + places.whoami, authorized(token), nil)
    try expect(answer.status == 401, "\(answer.status), not 401")
  }

  private func signOut(token: String) throws {
    let answer = try exchange("POST", places.sidecar + "/auth/logout", authorized(token), [:])
    try expect(answer.status == 204, "\(answer.status), not 204")
  }

  private func user(token: String, fields: [DemoRequest.Field] = []) throws -> String {
    let answer = try exchange("GET", places.sidecar + places.whoami, authorized(token) + fields, nil)
    guard answer.status == 200, let json = try? JSON(reading: answer.body), let user = json["userID"]?.text else {
      throw Failure(answer)
    }
    if let appProtocol = places.appProtocol {
      try expect(json["protocol"]?.text == appProtocol, "not over \(appProtocol): \(json)")
    }
    return user
  }

  private func connectToken(_ type: String, token: String) throws -> String {
    let body: JSON = ["connectTokenType": .string(type)]
    let answer = try exchange("POST", places.sidecar + "/auth/createConnectToken", authorized(token), body)
    let json = try? JSON(reading: answer.body)
    guard answer.status == 200, let secret = json?["connectToken"]?.text else { throw Failure(answer) }
    try expect(json == ["connectToken": .string(secret)], "the answer has other members")
    return secret
  }

  private func completeLogin(_ data: String) throws -> String {
    let answer = try exchange("POST", places.sidecar + "/auth/completeLogin", [], ["signedPasskeyData": .string(data)])
    let json = try? JSON(reading: answer.body)
    guard answer.status == 200, let token = json?["accessToken"]?.text else { throw Failure(answer) }
    try expect(json == ["success": true, "accessToken": .string(token)], "the answer has other members")
    return token
  }

  private func expectReplayRefused(_ data: String) throws {
    let answer = try exchange("POST", places.sidecar + "/auth/completeLogin", [], ["signedPasskeyData": .string(data)])
    try expect(answer.status == 401, "\(answer.status), not 401")
  }
}

// MARK: - At the conventional login and the emulator

extension Walk {
  private func passwordToken() throws -> String {
    let user = IdentityProvider.demoUsers[0]
    let body: JSON = ["email": .string(user.email), "password": .string(user.password)]
    let answer = try exchange("POST", places.login + "/login", [], body)
    guard answer.status == 200, let token = try? JSON(reading: answer.body)["accessToken"]?.text else {
      throw Failure(answer)
    }
    return token
  }

  private func frontend(_ path: String, _ body: JSON, process: String?) throws -> JSON {
    var fields = [DemoRequest.Field(name: "Origin", value: places.origin)]
    if let process { fields.append(.init(name: "X-Corbado-Process-Id", value: process)) }
    let answer = try exchange("POST", places.emulator + "/v2/connect/" + path, fields, body)
    guard answer.status == 200, let json = try? JSON(reading: answer.body) else { throw Failure(answer) }
    return json
  }

  private func startProcess(_ kind: String) throws -> (id: String, opened: JSON) {
    let opened = try frontend("\(kind)/init", ["clientInformation": [:], "flags": [:]], process: nil)
    return (try (opened["processID"] ?? opened["token"]).text("process ID"), opened)
  }

  private mutating func append(token: String) throws {
    let process = try startProcess("append").id
    let connectToken = JSON.string(try connectToken("passkey-append", token: token))
    let started = try frontend("append/start", ["appendTokenValue": connectToken, "loadedMs": 0], process: process)
    let attestation = try authenticator.create(options: try started["attestationOptions"].text("attestationOptions"))
    let body: JSON = ["attestationResponse": .string(attestation), "completionType": "manual"]
    _ = try frontend("append/finish", body, process: process)
  }

  private func passkeys(token: String) throws -> [JSON] {
    let process = try startProcess("manage").id
    let connectToken = JSON.string(try connectToken("passkey-list", token: token))
    return try frontend("manage/list", ["connectToken": connectToken, "mode": "default"], process: process)["passkeys"]?
      .elements ?? []
  }

  private func onlyPasskey(token: String) throws -> String {
    let passkeys = try passkeys(token: token)
    try expect(passkeys.count == 1, "\(passkeys.count) passkeys")
    return try passkeys[0]["id"].text("id")
  }

  private func delete(_ passkey: String, token: String) throws {
    let process = try startProcess("manage").id
    let connectToken = JSON.string(try connectToken("passkey-delete", token: token))
    _ = try frontend(
      "manage/delete", ["connectToken": connectToken, "credentialID": .string(passkey)], process: process)
    try expect(try passkeys(token: token).isEmpty, "it is still in the list")
  }

  private mutating func finishLogin() throws -> JSON {
    let (process, opened) = try startProcess("login")
    let assertion = try authenticator.assert(
      options: try opened["conditionalUIChallenge"].text("conditionalUIChallenge"))
    let body: JSON = ["isConditionalUI": true, "assertionResponse": .string(assertion), "loadedMs": 0]
    return try frontend("login/finish", body, process: process)
  }

  private mutating func signedPasskeyData() throws -> String {
    try finishLogin()["signedPasskeyData"].text("signedPasskeyData")
  }

  private mutating func expectPasskeyGone() throws {
    let finished = try finishLogin()
    let code = finished["fallbackOperationError"]?["error"]?["code"]
    try expect(finished["signedPasskeyData"] == "" && code == "cui_credential_deleted", "\(finished)")
  }
}

extension Walk.Failure {
  fileprivate init(_ answer: DemoResponse) {
    description = "\(answer.status) \(String(decoding: answer.body.prefix(300), as: UTF8.self))"
  }
}

extension JSON? {
  /// The text of a member that an answer must have.
  fileprivate func text(_ name: String) throws -> String {
    guard let text = self?.text, !text.isEmpty else { throw Walk.Failure(description: "the answer lacks \(name)") }
    return text
  }
}
