import Testing

@testable import passkey_sidecar_demo

@Suite struct EmulatorCeremonyTests {
  private func authenticator() -> SoftwareAuthenticator { SoftwareAuthenticator(origin: EmulatorUnderTest.origin) }

  // MARK: The whole way

  @Test func `a passkey added with a connect token signs its user in`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    #expect(corbado.verify(try corbado.signedPasskeyData(&authenticator), username: "u-1") == "success")
  }

  @Test func `an identifier over 64 bytes gets a random user handle and still comes back`() throws {
    let corbado = try EmulatorUnderTest()
    let identifier = String(repeating: "x", count: 65)
    var authenticator = authenticator()
    try corbado.addPasskey(for: identifier, &authenticator)
    #expect(authenticator.passkeys[0].userHandle.count == 64)
    #expect(authenticator.passkeys[0].userHandle != Array(identifier.utf8.prefix(64)))
    #expect(corbado.verify(try corbado.signedPasskeyData(&authenticator), username: identifier) == "success")
  }

  @Test func `the user handle is the identifier's bytes`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    #expect(authenticator.passkeys[0].userHandle == Array("u-1".utf8))
  }

  @Test func `with a typed identifier only its passkeys are allowed`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    try corbado.addPasskey(for: "u-2", &authenticator)
    let (process, _) = try corbado.startLogin()
    let started = corbado.frontend(
      "login/start", ["identifier": "u-1", "source": "text-field", "loadedMs": 0], process: process)
    let options = try #require(started.json["assertionOptions"]?.text)
    let finished = corbado.finishLogin(try authenticator.assert(options: options), process: process, conditional: false)
    let token = try #require(finished.json["signedPasskeyData"]?.text.flatMap { CompactToken($0) })
    #expect(token.claims["webauthnId"] == "u-1")
    #expect(token.claims["isCUI"] == false)
  }

  @Test func `a user without passkeys falls back`() throws {
    let corbado = try EmulatorUnderTest()
    let (process, _) = try corbado.startLogin()
    let started = corbado.frontend(
      "login/start", ["identifier": "nobody", "source": "text-field", "loadedMs": 0], process: process)
    #expect(started.json["assertionOptions"] == "")
    #expect(started.json["fallbackOperationError"]?["error"]?["code"] == "no_cbo_user")
  }

  @Test func `a passkey that is there already is excluded`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let options = try corbado.startAppend(for: "u-1").options
    #expect(throws: SoftwareAuthenticator.Failure.self) { try authenticator.create(options: options) }
  }

  @Test func `a credential belongs to the first who registers it`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    let first = try corbado.startAppend(for: "u-1")
    let owned = try authenticator.create(options: first.options)
    #expect(corbado.finishAppend(owned, process: first.process).status == 200)
    // Attestation `none` signs nothing: another user's answer can carry the same credential.
    let second = try corbado.startAppend(for: "u-2")
    var stolen = try JSON(reading: owned)
    var response = try #require(stolen["response"])
    response.set(
      "clientDataJSON",
      try JSON(reading: try authenticator.create(options: second.options))["response"]?["clientDataJSON"])
    stolen.set("response", response)
    let answer = corbado.finishAppend(stolen.description, process: second.process)
    #expect(answer.violation == "attestationResponse: credential_already_registered")
  }

  // MARK: Connect tokens

  @Test(arguments: [
    ("reused", "appendTokenValue: is already consumed"), ("expired", "appendTokenValue: is expired"),
    ("of another type", "appendTokenValue: is of another type"), ("unknown", "appendTokenValue: does not exist"),
  ])
  func `a connect token opens one flow, of its type, in its time`(which: String, violation: String) throws {
    let corbado = try EmulatorUnderTest()
    let process = try #require(corbado.frontend("append/init", EmulatorUnderTest.opening).json["processID"]?.text)
    var token = try corbado.connectToken(
      which == "of another type" ? "passkey-list" : "passkey-append", for: "u-1", lifetime: 60)
    func start() -> DemoResponse {
      corbado.frontend("append/start", ["appendTokenValue": .string(token), "loadedMs": 0], process: process)
    }
    switch which {
    case "reused": #expect(start().status == 200)
    case "expired": corbado.advance(seconds: 60)
    case "unknown": token = "ctk1_unknown"
    default: break
    }
    #expect(start().status == 400)
    #expect(start().violation == violation)
  }

  @Test func `each look at the list takes a token of its own`() throws {
    let corbado = try EmulatorUnderTest()
    let process = try #require(corbado.frontend("manage/init", EmulatorUnderTest.opening).json["processID"]?.text)
    let body: JSON = ["connectToken": .string(try corbado.connectToken("passkey-list", for: "u-1")), "mode": "default"]
    #expect(corbado.frontend("manage/list", body, process: process).json["passkeys"] == [])
    #expect(corbado.frontend("manage/list", body, process: process).violation == "connectToken: is already consumed")
  }

  @Test func `a passkey can be deleted only with a token of its user`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    try corbado.addPasskey(for: "u-2", &authenticator)
    let process = try #require(corbado.frontend("manage/init", EmulatorUnderTest.opening).json["processID"]?.text)
    let id = try #require(try self.list("u-1", corbado, process).first?["id"]?.text)
    func delete(as identifier: String) throws -> DemoResponse {
      let token = try corbado.connectToken("passkey-delete", for: identifier)
      return corbado.frontend(
        "manage/delete", ["connectToken": .string(token), "credentialID": .string(id)], process: process)
    }
    #expect(try delete(as: "u-2").violation == "credentialID: does not exist")
    #expect(try delete(as: "u-1").json == ["credentialID": .string(id)])
    #expect(try self.list("u-1", corbado, process).isEmpty)
  }

  private func list(_ identifier: String, _ corbado: EmulatorUnderTest, _ process: String) throws -> [JSON] {
    let token = try corbado.connectToken("passkey-list", for: identifier)
    let answer = corbado.frontend("manage/list", ["connectToken": .string(token)], process: process)
    return try #require(answer.json["passkeys"]?.elements)
  }

  @Test func `a deleted passkey is answered with cui_credential_deleted`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let process = try #require(corbado.frontend("manage/init", EmulatorUnderTest.opening).json["processID"]?.text)
    let id = try #require(try list("u-1", corbado, process).first?["id"]?.text)
    let token = try corbado.connectToken("passkey-delete", for: "u-1")
    _ = corbado.frontend(
      "manage/delete", ["connectToken": .string(token), "credentialID": .string(id)], process: process)
    let login = try corbado.startLogin()
    let answer = corbado.finishLogin(try authenticator.assert(options: login.options), process: login.process)
    #expect(answer.status == 200)
    #expect(answer.json["signedPasskeyData"] == "")
    #expect(answer.json["fallbackOperationError"]?["error"]?["code"] == "cui_credential_deleted")
  }

  // MARK: What a ceremony refuses

  struct Bend: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var reason: String
    var apply: @Sendable (inout SoftwareAuthenticator) -> Void
  }

  static let bends = [
    Bend(testDescription: "wrong origin", reason: "origin_mismatch") { $0.origin = "http://localhost:8081" },
    Bend(testDescription: "origin of another scheme", reason: "origin_mismatch") {
      $0.origin = "https://localhost:8080"
    },
    Bend(testDescription: "wrong RP ID", reason: "rp_id_mismatch") { $0.rpIDOverride = "example.com" },
    Bend(testDescription: "user not verified", reason: "user_not_verified") { $0.flags.remove(.userVerified) },
    Bend(testDescription: "user not present", reason: "user_not_present") { $0.flags.remove(.userPresent) },
    Bend(testDescription: "backed up without being eligible", reason: "backup_flags_inconsistent") {
      $0.flags.remove(.backupEligible)
    },
  ]

  @Test(arguments: bends) func `a registration is refused`(bend: Bend) throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    bend.apply(&authenticator)
    let started = try corbado.startAppend(for: "u-1")
    let answer = corbado.finishAppend(try authenticator.create(options: started.options), process: started.process)
    #expect(answer.status == 400)
    #expect(answer.violation == "attestationResponse: " + bend.reason)
  }

  @Test(arguments: bends) func `an assertion is refused`(bend: Bend) throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    bend.apply(&authenticator)
    let started = try corbado.startLogin()
    let answer = corbado.finishLogin(try authenticator.assert(options: started.options), process: started.process)
    #expect(answer.status == 400)
    #expect(answer.violation == "assertionResponse: " + bend.reason)
  }

  @Test func `a challenge is answered once`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let started = try corbado.startLogin()
    let assertion = try authenticator.assert(options: started.options)
    #expect(corbado.finishLogin(assertion, process: started.process).status == 200)
    #expect(
      corbado.finishLogin(assertion, process: started.process).violation == "assertionResponse: challenge_mismatch")
  }

  @Test func `a challenge of another process is refused`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let (first, second) = (try corbado.startLogin(), try corbado.startLogin())
    let answer = corbado.finishLogin(try authenticator.assert(options: first.options), process: second.process)
    #expect(answer.violation == "assertionResponse: challenge_mismatch")
  }

  @Test func `a challenge given for a login does not take a registration`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    let append = try corbado.startAppend(for: "u-1")
    let login = try #require((try JSON(reading: try corbado.startLogin().options))["publicKey"]?["challenge"])
    var options = try JSON(reading: append.options)
    var publicKey = try #require(options["publicKey"])
    publicKey.set("challenge", login)
    options.set("publicKey", publicKey)
    let answer = corbado.finishAppend(try authenticator.create(options: options.description), process: append.process)
    #expect(answer.violation == "attestationResponse: challenge_mismatch")
  }

  @Test func `a challenge has an end`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let started = try corbado.startLogin()
    corbado.advance(seconds: 301)
    let answer = corbado.finishLogin(try authenticator.assert(options: started.options), process: started.process)
    #expect(answer.violation == "assertionResponse: challenge_mismatch")
  }

  @Test func `another user's passkey does not answer for a typed identifier`() throws {
    let corbado = try EmulatorUnderTest()
    var (own, other) = (authenticator(), authenticator())
    try corbado.addPasskey(for: "u-1", &own)
    try corbado.addPasskey(for: "u-2", &other)
    let (process, _) = try corbado.startLogin()
    let started = corbado.frontend(
      "login/start", ["identifier": "u-1", "source": "text-field", "loadedMs": 0], process: process)
    var options = try JSON(reading: try #require(started.json["assertionOptions"]?.text))
    var publicKey = try #require(options["publicKey"])
    publicKey.set("allowCredentials", [])
    options.set("publicKey", publicKey)
    let answer = corbado.finishLogin(
      try other.assert(options: options.description), process: process, conditional: false)
    #expect(answer.violation == "assertionResponse: credential_of_another_user")
  }

  @Test func `a user handle that is not the passkey owner's is refused`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let started = try corbado.startLogin()
    var assertion = try JSON(reading: try authenticator.assert(options: started.options))
    var response = try #require(assertion["response"])
    response.set("userHandle", .string(Base64.urlEncoded(Array("u-2".utf8))))
    assertion.set("response", response)
    let answer = corbado.finishLogin(assertion.description, process: started.process)
    #expect(answer.violation == "assertionResponse: user_handle_mismatch")
  }

  @Test func `a discoverable login without a user handle is refused`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let started = try corbado.startLogin()
    var assertion = try JSON(reading: try authenticator.assert(options: started.options))
    var response = try #require(assertion["response"])
    response.set("userHandle", .null)
    assertion.set("response", response)
    let answer = corbado.finishLogin(assertion.description, process: started.process)
    #expect(answer.violation == "assertionResponse: user_handle_mismatch")
  }

  @Test func `a signature over something else is refused`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    try corbado.addPasskey(for: "u-1", &authenticator)
    let started = try corbado.startLogin()
    var assertion = try JSON(reading: try authenticator.assert(options: started.options))
    var response = try #require(assertion["response"])
    let data = try #require(response["authenticatorData"]?.text.flatMap { Base64.urlDecoded($0) })
    // Another signature count than the one that was signed.
    response.set("authenticatorData", .string(Base64.urlEncoded(data.dropLast() + [9])))
    assertion.set("response", response)
    let answer = corbado.finishLogin(assertion.description, process: started.process)
    #expect(answer.violation == "assertionResponse: signature_invalid")
  }

  @Test func `a signature count that does not grow is refused`() throws {
    let corbado = try EmulatorUnderTest()
    var authenticator = authenticator()
    authenticator.signatureCount = 5
    try corbado.addPasskey(for: "u-1", &authenticator)
    _ = try corbado.signedPasskeyData(&authenticator)
    authenticator.signatureCount = 5
    let started = try corbado.startLogin()
    let answer = corbado.finishLogin(try authenticator.assert(options: started.options), process: started.process)
    #expect(answer.violation == "assertionResponse: signature_count_not_increased")
  }

  // MARK: Pages and processes

  @Test func `a page of another origin gets neither an answer nor CORS fields`() throws {
    let answer = try EmulatorUnderTest().frontend(
      "login/init", EmulatorUnderTest.opening, origin: "http://evil.example")
    #expect(answer.status == 403)
    #expect(answer.errorType == "invalid_origin")
    #expect(answer.field("access-control-allow-origin") == nil)
  }

  @Test func `a preflight of the page's origin is answered with credentials`() throws {
    let corbado = try EmulatorUnderTest()
    let answer = corbado.emulator.handle(
      DemoRequest(
        "OPTIONS", "/v2/connect/login/init",
        fields: [
          .init(name: "Origin", value: EmulatorUnderTest.origin),
          .init(name: "Access-Control-Request-Method", value: "POST"),
        ]))
    #expect(answer.status == 204)
    #expect(answer.field("access-control-allow-origin") == EmulatorUnderTest.origin)
    #expect(answer.field("access-control-allow-credentials") == "true")
    #expect(answer.field("access-control-allow-headers")?.contains("x-corbado-process-id") == true)
  }

  @Test(arguments: [nil, "unknown"])
  func `a call after init needs its process`(process: String?) throws {
    let answer = try EmulatorUnderTest().frontend(
      "append/start", ["appendTokenValue": "x", "loadedMs": 0], process: process)
    #expect(answer.status == 404)
  }

  @Test func `a cleared process is gone`() throws {
    let corbado = try EmulatorUnderTest()
    let (process, _) = try corbado.startLogin()
    #expect(corbado.frontend("process/clear", ["processId": .string(process)]).json == ["processId": .string(process)])
    #expect(corbado.frontend("process/clear", ["processId": .string(process)]).status == 404)
  }
}
