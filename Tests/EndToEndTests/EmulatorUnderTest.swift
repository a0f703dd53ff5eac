import Synchronization
import Testing

@testable import passkey_sidecar_demo

/// An emulator with a clock that stands still, and short forms of its calls.
final class EmulatorUnderTest: Sendable {
  static let projectID = "pro-7001"
  static let secret = "corbado1_test"
  static let origin = "http://localhost:8080"
  /// One key for all tests: making it takes longer than most of them.
  static let key = Result { try TokenSigningKey(id: "pki-1") }

  let emulator: Emulator

  init(bearerKeys: [EmulatorIdentity.BearerKey] = []) throws {
    let identity = EmulatorIdentity(
      projectID: Self.projectID, apiSecret: Self.secret, bearerKeys: bearerKeys,
      relyingParty: RelyingParty(id: "localhost", name: "Test", origins: [Self.origin]))
    let time = Time()
    self.time = time
    emulator = Emulator(identity, firstKey: try Self.key.get(), clock: { time.milliseconds })
  }

  private final class Time: Sendable {
    private let value = Mutex(1_800_000_000_000)
    var milliseconds: Int { value.withLock { $0 } }
    func advance(by milliseconds: Int) { value.withLock { $0 += milliseconds } }
  }

  private let time: Time

  var now: Int { time.milliseconds / 1000 }
  func advance(seconds: Int) { time.advance(by: seconds * 1000) }

  // MARK: The Backend API

  static let basic = "Basic " + Base64.encoded(Array("\(projectID):\(secret)".utf8))

  func backend(
    _ method: String, _ target: String, _ body: JSON? = nil, authorization: String? = basic, raw: [UInt8]? = nil
  ) -> DemoResponse {
    var fields: [DemoRequest.Field] = []
    if let authorization { fields.append(.init(name: "Authorization", value: authorization)) }
    return emulator.handle(DemoRequest(method, target, fields: fields, body: raw ?? body?.bytes ?? []))
  }

  func connectToken(_ type: String, for identifier: String, lifetime: Int? = nil) throws -> String {
    var body: JSON = ["type": .string(type), "data": ["identifier": .string(identifier), "displayName": "Somebody"]]
    if let lifetime { body.set("maxLifetimeInSeconds", .integer(lifetime)) }
    let answer = backend("POST", "/v2/connectTokens", body)
    return try #require(answer.json["secret"]?.text)
  }

  func verify(_ data: String, username: String?) -> String? {
    var body: JSON = ["signedPasskeyData": .string(data)]
    if let username { body.set("username", .string(username)) }
    return backend("POST", "/v2/passkey/verifySignedData", body).json["verificationResult"]?.text
  }

  // MARK: The control surface

  func control(_ method: String, _ target: String, _ body: JSON? = nil) -> DemoResponse {
    emulator.control(DemoRequest(method, target, body: body?.bytes ?? []))
  }

  func set(_ settings: JSON) { #expect(control("PUT", "/settings", settings).status == 200) }

  func minted(_ identifier: String, _ more: JSON = [:]) throws -> String {
    var body = more
    body.set("identifier", .string(identifier))
    return try #require(control("POST", "/mint", body).json["signedPasskeyData"]?.text)
  }

  // MARK: The Frontend API

  func frontend(_ path: String, _ body: JSON, process: String? = nil, origin: String? = origin) -> DemoResponse {
    var fields: [DemoRequest.Field] = []
    if let origin { fields.append(.init(name: "Origin", value: origin)) }
    if let process { fields.append(.init(name: "X-Corbado-Process-Id", value: process)) }
    return emulator.handle(DemoRequest("POST", "/v2/connect/" + path, fields: fields, body: body.bytes))
  }

  static let opening: JSON = ["clientInformation": [:], "flags": [:]]

  /// `append/init` and `append/start`: the process and the options.
  func startAppend(for identifier: String) throws -> (process: String, options: String) {
    let process = try #require(frontend("append/init", Self.opening).json["processID"]?.text)
    let token = try connectToken("passkey-append", for: identifier)
    let started = frontend("append/start", ["appendTokenValue": .string(token), "loadedMs": 0], process: process)
    return (process, try #require(started.json["attestationOptions"]?.text))
  }

  func finishAppend(_ attestation: String, process: String) -> DemoResponse {
    frontend(
      "append/finish", ["attestationResponse": .string(attestation), "completionType": "manual"], process: process)
  }

  /// A passkey for `identifier` in this authenticator.
  func addPasskey(for identifier: String, _ authenticator: inout SoftwareAuthenticator) throws {
    let started = try startAppend(for: identifier)
    let finished = finishAppend(try authenticator.create(options: started.options), process: started.process)
    try #require(finished.status == 200, "\(finished.text)")
  }

  /// `login/init`: the process and the options for a discoverable passkey.
  func startLogin() throws -> (process: String, options: String) {
    let opened = frontend("login/init", Self.opening).json
    return (try #require(opened["token"]?.text), try #require(opened["conditionalUIChallenge"]?.text))
  }

  func finishLogin(_ assertion: String, process: String, conditional: Bool = true) -> DemoResponse {
    frontend(
      "login/finish", ["isConditionalUI": .boolean(conditional), "assertionResponse": .string(assertion)],
      process: process)
  }

  /// A whole login with a passkey.
  func signedPasskeyData(_ authenticator: inout SoftwareAuthenticator) throws -> String {
    let started = try startLogin()
    let finished = finishLogin(try authenticator.assert(options: started.options), process: started.process)
    return try #require(finished.json["signedPasskeyData"]?.text, "\(finished.text)")
  }
}

extension DemoResponse {
  var text: String { String(decoding: body, as: UTF8.self) }
  var json: JSON { (try? JSON(reading: body)) ?? .null }
  /// `field: message` of the first violation in an error envelope.
  var violation: String? {
    guard let first = json["error"]?["validation"]?.elements?.first else { return nil }
    return "\(first["field"]?.text ?? ""): \(first["message"]?.text ?? "")"
  }
  var errorType: String? { json["error"]?["type"]?.text }
}
