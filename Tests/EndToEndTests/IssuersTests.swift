import Foundation
import Synchronization
import TestPeers
import Testing

/// A value that a test and its peers reach.
final class Guarded<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>
  init(_ value: Value) { storage = Mutex(value) }
  var value: Value { storage.withLock { $0 } }
  func change(_ body: (inout Value) -> Void) { storage.withLock { body(&$0) } }
}

/// Several issuers, each with an algorithm and a source of keys of its own.
@Suite struct IssuersTests {
  struct Town {
    let app: RecordingApp
    let sidecar: ConfiguredSidecar
    let server: JSONServer
    let url: TokenFactory
    let file: TokenFactory
    let discovered: TokenFactory
    let secret = SecretIssuer(issuer: "https://secret.test", secret: "0123456789abcdef0123456789abcdef")

    init() throws {
      app = try RecordingApp()
      server = try JSONServer()
      let place = "http://127.0.0.1:\(server.port)"
      url = try TokenFactory(issuer: "https://url.test")
      file = try TokenFactory(issuer: "https://file.test", algorithm: .edDSA)
      discovered = try TokenFactory(issuer: place + "/tenant", algorithm: .ps256)
      server.put("/jwks", try url.jwkSet)
      server.put("/ps", try discovered.jwkSet)
      server.put(
        "/tenant/.well-known/openid-configuration", #"{"issuer":"\#(place)/tenant","jwks_uri":"\#(place)/ps"}"#)
      sidecar = try ConfiguredSidecar(
        app: app.port, files: ["keys.json": try file.jwkSet, "secret": secret.secret + "\n"],
        """
        issuers:
          - {issuer: "https://url.test", audiences: [my-app], algorithms: [ES256], subjectPrefix: "url-", keys: {url: "\(place)/jwks"}}
          - {issuer: "https://file.test", audiences: [my-app], algorithms: [EdDSA], subjectPrefix: "file-", keys: {file: keys.json}}
          - {issuer: "\(discovered.issuer)", audiences: [my-app], algorithms: [PS256], sharesSubjectsWith: "https://url.test", keys: {discovery: true}}
          - {issuer: "https://secret.test", audiences: [my-app], algorithms: [HS256], subjectPrefix: "secret-", keys: {secret: {file: secret}}}
        login: {token: {issuer: https://app.example.com, audience: my-app}}

        """)
    }
  }

  static let town = Result { try Town() }
  let town: Town

  init() throws { town = try Self.town.get() }

  @Test func `a token of every issuer is accepted, under its own name for the user`() throws {
    #expect(try town.sidecar.outcome("/a", token: town.url.token()) == "url-alice")
    #expect(try town.sidecar.outcome("/a", token: town.file.token()) == "file-alice")
    #expect(try town.sidecar.outcome("/a", token: town.discovered.token()) == "url-alice")
    #expect(try town.sidecar.outcome("/a", token: town.secret.token(town.secret.claims("bob"))) == "secret-bob")
  }

  @Test func `a token that says another issuer than the one who signed it is refused`() throws {
    let cases: [(String, String)] = [
      (try town.secret.token(town.url.claims()), "algorithm_refused"),
      (try town.file.token(town.url.claims()), "algorithm_refused"),
      (try TokenFactory(issuer: "https://url.test").token(), "signature_invalid"),
      (try town.url.token(town.secret.claims("bob")), "algorithm_refused"),
      (try SecretIssuer(issuer: "https://secret.test", secret: "x").token(town.secret.claims("bob")), "signature_invalid"),
      // The oldest attack there is: the published key taken for a secret.
      (try SecretIssuer(issuer: "https://url.test", secret: town.url.jwk).token(town.url.claims()), "algorithm_refused"),
    ]
    for (token, reason) in cases {
      #expect(try town.sidecar.outcome("/a", token: token) == #"401 {"error":"\#(reason)"}"#)
    }
  }

  @Test func `readiness tells of each issuer how its keys are`() throws {
    // Ready is who has the keys of one; a token waits for those of its own.
    for issuer in [town.url, town.file, town.discovered] { _ = try town.sidecar.outcome("/a", token: issuer.token()) }
    func issuersThatAreUsable() throws -> [[String: Any]]? {
      let text = try #require(town.sidecar.probe("/ready")?.text)
      let body = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
      let issuers = try #require(body?["issuers"] as? [[String: Any]])
      return issuers.allSatisfy { $0["state"] as? String == "usable" && ($0["keys"] as? Int ?? 0) >= 1 } ? issuers : nil
    }
    let usable = try eventually(issuersThatAreUsable)
    let issuers = try #require(usable)
    #expect(issuers.compactMap { $0["issuer"] as? String }.count == 5)
    #expect(issuers.dropLast().allSatisfy { ($0["age_seconds"] as? Double ?? -1) >= 0 }, "\(issuers)")
  }

  @Test func `a file of keys that was exchanged lets in the new key and no longer the old one`() throws {
    let app = try RecordingApp()
    let (old, new) = (try TokenFactory(keyID: "old"), try TokenFactory(keyID: "new"))
    let sidecar = try ConfiguredSidecar(
      app: app.port, files: ["keys.json": try old.jwkSet],
      """
      issuers: [{issuer: "\(old.issuer)", audiences: [my-app], algorithms: [ES256], keys: {file: keys.json}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    let oldToken = try old.token()
    #expect(try sidecar.outcome("/a", token: oldToken) == "alice")
    try Data(new.jwkSet.utf8).write(to: URL(fileURLWithPath: sidecar.folder + "keys.json"), options: .atomic)
    #expect(try sidecar.outcome("/a", token: new.token()) == "alice")
    #expect(try sidecar.outcome("/a", token: oldToken) == #"401 {"error":"key_unknown"}"#)
  }

  @Test func `a key that its issuer withdraws is refused, also for a token that was accepted before`() throws {
    let (app, server) = (try RecordingApp(), try JSONServer())
    let (old, new) = (try TokenFactory(keyID: "old"), try TokenFactory(keyID: "new"))
    server.put("/jwks", try old.jwkSet)
    let sidecar = try ConfiguredSidecar(
      app: app.port,
      """
      issuers: [{issuer: "\(old.issuer)", audiences: [my-app], algorithms: [ES256], keys: {url: "http://127.0.0.1:\(server.port)/jwks"}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    let oldToken = try old.token()
    #expect(try sidecar.outcome("/a", token: oldToken) == "alice")
    #expect(try sidecar.outcome("/a", token: oldToken) == "alice")
    server.put("/jwks", try new.jwkSet)
    // A request of the new key has the set fetched, and is answered from it.
    #expect(try sidecar.outcome("/a", token: new.token()) == "alice")
    #expect(try sidecar.outcome("/a", token: oldToken) == #"401 {"error":"key_unknown"}"#)
    // The old key was asked for, too, once.
    #expect(try sidecar.outcome("/a", token: oldToken) == #"401 {"error":"key_unknown"}"#)
    #expect(server.asked.count == 3)
  }

  @Test func `a key ID that nobody has does not keep out a new key`() throws {
    let (app, server) = (try RecordingApp(), try JSONServer())
    let (old, new) = (try TokenFactory(keyID: "old"), try TokenFactory(keyID: "new"))
    server.put("/jwks", try old.jwkSet)
    let sidecar = try ConfiguredSidecar(
      app: app.port,
      """
      issuers: [{issuer: "\(old.issuer)", audiences: [my-app], algorithms: [ES256], keys: {url: "http://127.0.0.1:\(server.port)/jwks"}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    let stray = try TokenFactory(keyID: "stray").token()
    #expect(try sidecar.outcome("/a", token: stray) == #"401 {"error":"key_unknown"}"#)
    server.put("/jwks", try TokenFactory.jwkSet([old, new]))
    #expect(try sidecar.outcome("/a", token: new.token()) == "alice")
  }

  @Test func `while an issuer is down its tokens get 503, others their way, and its return ends that`() throws {
    let app = try RecordingApp()
    let port = try LoopbackServer.freePort()
    let (down, up) = (try TokenFactory(issuer: "https://down.test"), try TokenFactory(issuer: "https://up.test"))
    let sidecar = try ConfiguredSidecar(
      app: app.port, files: ["up.json": try up.jwkSet], waitsForReady: false,
      """
      issuers:
        - {issuer: "https://down.test", audiences: [my-app], algorithms: [ES256], subjectPrefix: d-, keys: {url: "http://127.0.0.1:\(port)/jwks"}}
        - {issuer: "https://up.test", audiences: [my-app], algorithms: [ES256], subjectPrefix: u-, keys: {file: up.json}}
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    #expect(try sidecar.outcome("/a", token: up.token()) == "u-alice")
    let answer = try sidecar.ask("/a", token: down.token())
    #expect(answer.status == 503 && answer.text == #"{"error":"keys_unavailable"}"#)
    #expect(answer.values("www-authenticate").isEmpty)
    #expect((answer.values("retry-after").first.flatMap { Int($0) } ?? 0) >= 1)
    #expect(sidecar.probe("/ready")?.status == 200)
    #expect(sidecar.probe("/ready")?.text.contains(#""status":"degraded""#) == true)
    let server = try JSONServer(port: port)
    server.put("/jwks", try down.jwkSet)
    #expect(try eventually { try sidecar.outcome("/a", token: down.token()) == "d-alice" ? true : nil } == true)
  }

  @Test func `keys that are kept while their issuer is away serve, and readiness says so`() throws {
    let (app, server) = (try RecordingApp(), try JSONServer())
    let issuer = try TokenFactory()
    server.put("/jwks", try issuer.jwkSet)
    let sidecar = try ConfiguredSidecar(
      app: app.port,
      """
      issuers: [{issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], keys: {url: "http://127.0.0.1:\(server.port)/jwks"}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    #expect(sidecar.probe("/ready")?.text.contains(#""status":"ready""#) == true)
    server.put("/jwks", "no keys")
    // A new key ID is asked for at once.
    _ = try sidecar.outcome("/a", token: TokenFactory(keyID: "stray").token())
    #expect(eventually { sidecar.probe("/ready")?.text.contains(#""status":"degraded""#) == true ? true : nil } == true)
    #expect(sidecar.probe("/ready")?.status == 200)
    #expect(try sidecar.outcome("/a", token: issuer.token()) == "alice")
    server.put("/jwks", try issuer.jwkSet)
    #expect(eventually { sidecar.probe("/ready")?.text.contains(#""status":"ready""#) == true ? true : nil } == true)
  }

  @Test func `random key IDs do not reach the issuer, nor slow down those who have a key`() throws {
    let (app, server) = (try RecordingApp(), try JSONServer())
    let issuer = try TokenFactory()
    server.put("/jwks", try issuer.jwkSet)
    let sidecar = try ConfiguredSidecar(
      app: app.port,
      """
      issuers: [{issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], keys: {url: "http://127.0.0.1:\(server.port)/jwks"}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}

      """)
    let forged = "." + (try issuer.token()).split(separator: ".").dropFirst().joined(separator: ".")
    let connection = try RawConnection(port: sidecar.port)
    for number in 0..<500 {
      let header = TokenFactory.base64URL([UInt8](#"{"alg":"ES256","kid":"random-\#(number)"}"#.utf8))
      try connection.send("GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(header)\(forged)\r\n\r\n")
      #expect(try connection.readResponse().text == #"{"error":"key_unknown"}"#)
    }
    #expect(try sidecar.outcome("/a", token: issuer.token()) == "alice")
    // The first fetch, and one for all that was not known.
    #expect(server.asked.count <= 3)
  }
}
