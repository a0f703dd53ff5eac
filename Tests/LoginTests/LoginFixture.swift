import Foundation
import HTTPClient
import JOSE
import OpenSSL
import StateStore
import Synchronization
import Telemetry
import TestPeers
import Testing
import Transport

@testable import Login

/// The endpoints over a store in a temporary folder, a fake Corbado, and a clock that stands still.
final class LoginFixture: Sendable {
  let folder: URL
  let executor: LoopExecutor
  let corbado: CorbadoFake
  let store: any StateStore
  let login: LoginEndpoints
  let clock: ManualClock
  private let calls = ServiceCalls()
  /// What reached anybody but Corbado.
  var serviceCalls: [CorbadoFake.Call] { calls.all }
  private let log: FileHandle
  private let writer: LineWriter

  init(
    _ configuration: Configuration? = nil, store: ((any StateStore) -> any StateStore)? = nil,
    passkeyDataKeys: PasskeyDataKeys? = nil, services: (@Sendable (CorbadoFake.Call) -> CorbadoFake.Script)? = nil,
    onCall: @escaping @Sendable (CorbadoFake.Call) async -> Void = { _ in },
    publishRevocations: @escaping RevocationFeed.Publish = { _ in }
  ) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "login-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let executor = try LoopExecutor()
    self.executor = executor
    _ = try Transport.Thread(named: "control") { executor.run() }
    corbado = try CorbadoFake(onCall: onCall)
    let sqlite = try SQLiteStateStore(path: folder.appending(path: "state.db").path, deadlinesOn: executor)
    self.store = store?(sqlite) ?? sqlite
    clock = ManualClock()
    _ = FileManager.default.createFile(atPath: folder.appending(path: "log").path, contents: nil)
    log = try FileHandle(forWritingTo: folder.appending(path: "log"))
    writer = try LineWriter(descriptor: log.fileDescriptor)
    let clock = clock
    login = LoginEndpoints(
      try configuration ?? .sample(), store: self.store, outbound: corbado.outbound(besides: services, calls),
      log: EventLog(writer: writer, level: .debug), executor: executor, passkeyDataKeys: passkeyDataKeys,
      publishRevocations: publishRevocations,
      now: { clock.now }, monotonic: { clock.monotonic })
  }

  deinit {
    executor.stop()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Another process on the same state.
  func restarted(_ configuration: Configuration? = nil) throws -> LoginEndpoints {
    let clock = clock
    return LoginEndpoints(
      try configuration ?? .sample(),
      store: try SQLiteStateStore(path: folder.appending(path: "state.db").path, deadlinesOn: executor),
      outbound: corbado.outbound, log: .discarding, executor: executor, now: { clock.now })
  }

  /// The event log up to now; there is none afterwards.
  func closedLog() throws -> [String] {
    writer.close(within: .seconds(10))
    let text = try String(contentsOf: folder.appending(path: "log"), encoding: .utf8)
    return text.split(separator: "\n").map(String.init)
  }

  /// Data that Corbado signed a second ago.
  func signedData(
    for identifier: String = "alice@example.com", challenge: String = UUID().uuidString, jti: String = UUID().uuidString,
    signer: TokenFactory? = nil, header: String? = nil, changing changes: [String: String?] = [:]
  ) throws -> String {
    let moment = clock.now.seconds - 1
    var members = [
      "iss": "\"\(CorbadoFake.projectID)\"", "sub": "\"usr-1\"", "iat": "\(moment)", "nbf": "\(moment - 10)",
      "exp": "\(moment + 300)", "jti": "\"\(jti)\"", "processId": "\"p\"", "username": "\"\"", "credential": "\"cre-1\"",
      "challengeId": "\"\(challenge)\"", "webauthnId": "\"\(identifier)\"", "isCUI": "false",
    ]
    for (name, value) in changes { members[name] = value }
    let claims = members.map { "\"\($0.key)\":\($0.value)" }.joined(separator: ",")
    return try (signer ?? corbado.signer).token("{\(claims)}", header: header)
  }

  /// Each call is a client's of its own, unless it is named.
  func completeLogin(
    _ data: String, username: String? = nil, client: String = UUID().uuidString
  ) async -> EndpointAnswer {
    await login.completeLogin(content: content(data, username: username), client: client)
  }

  func content(_ data: String, username: String? = nil) -> [UInt8] {
    Array("{\"signedPasskeyData\":\"\(data)\"\(username.map { ",\"username\":\"\($0)\"" } ?? "")}".utf8)
  }

  func connectToken(_ type: String = "passkey-append", for identity: VerifiedIdentity) async -> EndpointAnswer {
    await login.createConnectToken(for: identity, content: Array("{\"connectTokenType\":\"\(type)\"}".utf8))
  }

  /// Whom a minted token speaks of, as the Gate would hand it in.
  func identity(of answer: EndpointAnswer) async throws -> VerifiedIdentity {
    let token = try #require(answer.json["accessToken"] as? String)
    var reader = TokenReader()
    try reader.read(token.utf8.span, maximumBytes: 16_384)
    let keys = try await login.verificationKeys()
    guard case .key(let index) = keys.selection(for: reader.header) else { throw TokenError.keyUnknown }
    let claims = try reader.verify(with: keys[index])
    let session = claims.claim("sid").flatMap { claims.document.string($0) }
    let origin = claims.claim("idp").flatMap { claims.document.string($0) }
    return VerifiedIdentity(
      subjectIssuer: try #require(origin), subject: try #require(claims.subject), claims: claims.document,
      origin: .passkeyLogin(sessionID: session))
  }
}

final class ServiceCalls: Sendable {
  private let calls = Mutex<[CorbadoFake.Call]>([])
  var all: [CorbadoFake.Call] { calls.withLock { $0 } }
  func add(_ call: CorbadoFake.Call) { calls.withLock { $0.append(call) } }
}

final class ManualClock: Sendable {
  private let seconds = Mutex<Int64>(1_750_000_000)

  var now: UnixTime { UnixTime(seconds: seconds.withLock { $0 }) }
  var monotonic: MonotonicTime { MonotonicTime(nanoseconds: seconds.withLock { $0 } * 1_000_000_000) }
  func advance(_ duration: Int64) { seconds.withLock { $0 += duration } }
}

extension Configuration {
  static func sample(
    identifier: String = "email", displayName: String = "name", source: Identity.Source = .link,
    claim: Identity.Claim = .webauthnID, unlinked: Identity.Unlinked = .refuse, identifierIsSubject: Bool = false,
    remember: [String] = ["email", "name"], confirm: Identity.Service? = nil,
    verifyUsername: Corbado.VerifyUsername = .webauthnID, backendAPI: String = "http://127.0.0.1:9",
    apiSecret: String = CorbadoFake.apiSecret, credential: BackendCredential? = nil, perSecondCount: Int = 100_000,
    connectTokenLifetime: Duration? = nil, frontendMembers: Corbado.FrontendMembers = .connectToken,
    algorithm: Algorithm = .es256, key: Token.KeySource = .generated, form: Token.Form? = nil, loginAttempts: Int = 30,
    refreshLifetime: Duration? = nil
  ) throws -> Configuration {
    try Configuration(
      corbado: Corbado(
        projectID: CorbadoFake.projectID, credential: credential ?? .init(.apiSecret, Array(apiSecret.utf8)),
        backendAPI: #require(OutboundURL(backendAPI)), verifyUsername: verifyUsername,
        maximumPerSecondCount: perSecondCount, connectTokenLifetime: connectTokenLifetime,
        frontendMembers: frontendMembers),
      connect: Connect(identifier: #require(ClaimPath(identifier)), displayName: #require(ClaimPath(displayName))),
      identity: Identity(
        source: source, claim: claim, unlinked: unlinked, identifierIsSubject: identifierIsSubject,
        remember: remember.map { try #require(ClaimPath($0)) }, confirm: confirm),
      token: Token(issuer: "https://app.test", audience: "my-app", algorithm: algorithm, key: key, form: form,
        refreshLifetime: refreshLifetime),
      loginAttemptsPerMinute: loginAttempts)
  }
}

extension VerifiedIdentity {
  static let issuer = "https://idp.test/"

  static func conventional(
    issuer: String = issuer, subject: String = "alice", email: String = "alice@example.com", isVerified: Bool? = true,
    emailsAreVerified: Bool = false, extra: String = #","name":"Alice","roles":["admin"]"#
  ) throws -> VerifiedIdentity {
    let verified = isVerified.map { ",\"email_verified\":\($0)" } ?? ""
    return try claims(
      "{\"sub\":\"\(subject)\",\"email\":\"\(email)\"\(verified)\(extra)}", issuer: issuer, subject: subject,
      emailsAreVerified: emailsAreVerified)
  }

  static func claims(
    _ claims: String, issuer: String = issuer, subject: String = "alice", emailsAreVerified: Bool = false
  ) throws -> VerifiedIdentity {
    VerifiedIdentity(
      subjectIssuer: issuer, subject: subject, claims: try JSONDocument(claims.utf8.span),
      origin: .issuer(emailsAreVerified: emailsAreVerified))
  }
}

extension EndpointAnswer {
  var text: String { String(decoding: content, as: UTF8.self) }

  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(content))) as? [String: Any] ?? [:] }

  /// The claims of the access token, decoded by somebody else.
  var tokenClaims: [String: Any] { part(1) }
  var tokenHeader: [String: Any] { part(0) }

  private func part(_ index: Int) -> [String: Any] {
    let parts = (json["accessToken"] as? String ?? "").split(separator: ".").map(String.init)
    guard index < parts.count, let bytes = CorbadoFake.decoded(parts[index]) else { return [:] }
    return (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:]
  }
}
