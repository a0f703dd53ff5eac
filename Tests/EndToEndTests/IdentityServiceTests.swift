import Foundation
import TestPeers
import Testing

/// Whom an identifier stands for, asked of others by the whole process: a directory, a confirmation, the identity provider.
@Suite struct IdentityServiceTests {
  /// A service on this host: one answer for all who ask, and what they asked.
  private final class Service: Sendable {
    struct Question: Sendable {
      let authorization: String
      let content: String
      var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(content.utf8))) as? [String: Any] ?? [:] }
    }

    private let app: RecordingApp
    private let answer = Guarded<(status: Int, content: String)?>((200, "{}"))
    private let questions = Guarded<[Question]>([])
    var port: UInt16 { app.port }
    var asked: [Question] { questions.value }

    init() throws {
      app = try RecordingApp()
      let (answer, questions) = (answer, questions)
      app.on("/ask") { head, connection in
        var message = head
        try connection.readBody(of: &message)
        questions.change { [message] in
          $0.append(Question(authorization: message.values("authorization").first ?? "", content: message.text))
        }
        // The other end gives up.
        guard let (status, content) = answer.value else { return connection.readToEnd().bytes.isEmpty && false }
        try connection.send(
          "HTTP/1.1 \(status) \r\nContent-Type: application/json\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)")
        return true
      }
    }

    func says(_ status: Int, _ content: String = "") { answer.change { $0 = (status, content) } }
    func hangs() { answer.change { $0 = nil } }
  }

  private let service: Service
  let emulator: EmulatorProcess
  let app: RecordingApp

  init() throws {
    service = try Service()
    emulator = try EmulatorProcess()
    app = try RecordingApp()
  }

  /// - Parameter identity: of `login.identity`; `ASK` stands for the service's URL.
  private func sidecar(_ identity: String, _ more: String = "") throws -> SidecarUnderTest {
    let url = "\"http://127.0.0.1:\(service.port)/ask\""
    return try SidecarUnderTest(app: app.port) { text, folder in
      try Data("s3cret".utf8).write(to: URL(fileURLWithPath: folder + "/service-secret"))
      return text.replacing(sections: [
        "corbado": emulator.corbado(),
        "login": """
          login:
            identity: \(identity.replacing("ASK", with: url))
            token: {issuer: https://app.example.com, audience: my-app}
          \(more)
          """,
      ])
    }
  }

  private func login(_ sidecar: SidecarUnderTest) throws -> H1Message {
    let data = try emulator.signedPasskeyData(for: "alice@example.com")
    return try sidecar.call("/auth/completeLogin", #"{"signedPasskeyData":"\#(data)"}"#)
  }

  private func append(_ sidecar: SidecarUnderTest) throws -> Int {
    let token = try sidecar.issuer.first.token(sidecar.claims)
    return try sidecar.call("/auth/createConnectToken", #"{"connectTokenType":"passkey-append"}"#, token: token).status
  }

  private func user(_ token: Any?, _ sidecar: SidecarUnderTest) throws -> String? {
    let seen = try sidecar.get("/me", token: try #require(token as? String))
    return seen.text.split(separator: "\r\n").first { $0.lowercased().hasPrefix("x-user-id: ") }.map { String($0.dropFirst(11)) }
  }

  private func isFailure(_ answer: H1Message) -> Bool {
    answer.status == 500 && answer.text == #"{"success":false,"error":"Verification failed"}"#
  }

  @Test func `the directory says who it is, at each login and each refresh, and without it nobody comes in`() throws {
    let sidecar = try sidecar(
      "{mode: directory, directory: {url: ASK, secret: {file: service-secret}, timeout: 500ms, cache: 0s}}",
      "  refresh: {lifetime: 30d}\nendpoints: {refresh: true}")
    service.says(404)
    #expect(try login(sidecar).status == 401)
    service.says(503)
    #expect(isFailure(try login(sidecar)))
    service.hangs()
    #expect(isFailure(try login(sidecar)))
    service.says(200, #"{"subject":"4711","claims":{"email":"ada@corp.example"}}"#)
    let first = try login(sidecar)
    #expect(try user(first.json["accessToken"], sidecar) == "4711", "\(sidecar.events)")
    let asked = try #require(service.asked.last)
    #expect(asked.authorization == "Bearer s3cret" && asked.json["identifier"] as? String == "alice@example.com")
    #expect((asked.json["corbadoUserID"] as? String)?.hasPrefix("usr-") == true)

    let token = try #require(first.json["refreshToken"] as? String)
    func refresh() throws -> H1Message { try sidecar.call("/auth/refresh", #"{"refreshToken":"\#(token)"}"#) }
    service.hangs()
    #expect(try refresh().status == 500)
    service.says(503)
    #expect(try refresh().status == 500)
    // Whom it no longer knows it may know again: no failure has burned the token.
    service.says(404)
    #expect(try refresh().status == 401)
    service.says(200, #"{"subject":"4711"}"#)
    #expect(try user(refresh().json["accessToken"], sidecar) == "4711")
    #expect(try refresh().status == 401)
  }

  @Test func `each login is confirmed where that is configured`() throws {
    let sidecar = try sidecar("{confirm: ASK}")
    #expect(try append(sidecar) == 200)
    service.says(404)
    #expect(try login(sidecar).status == 401)
    service.says(500)
    #expect(isFailure(try login(sidecar)))
    service.says(204)
    #expect(try user(login(sidecar).json["accessToken"], sidecar) == "alice")
    #expect(service.asked.last?.json as? [String: String] == [
      "identifier": "alice@example.com", "issuer": sidecar.issuer.first.issuer, "subject": "alice",
    ])
  }

  @Test func `the client gets the identity provider's token untouched, for an assertion that says whose it is`() throws {
    let sidecar = try sidecar(
      "{mode: exchange, exchange: {url: ASK, audience: my-app, clientID: sidecar, clientSecret: {file: service-secret}}}")
    #expect(try append(sidecar) == 200)
    for (status, content, expected) in [
      (400, #"{"error":"invalid_grant"}"#, 401), (401, #"{"error":"invalid_client"}"#, 500), (503, "", 500),
    ] {
      service.says(status, content)
      #expect(try login(sidecar).status == expected)
    }
    let issued = try sidecar.issuer.first.token(sidecar.claims)
    service.says(
      200,
      #"{"access_token":"\#(issued)","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"}"#)
    let answer = try login(sidecar)
    #expect(answer.json["accessToken"] as? String == issued, "\(sidecar.events)")
    #expect(try user(issued, sidecar) == "alice")
    let asked = try #require(service.asked.last)
    #expect(asked.authorization == "Basic " + Data("sidecar:s3cret".utf8).base64EncodedString())
    let form = Dictionary(
      asked.content.split(separator: "&").map { $0.split(separator: "=").map { $0.removingPercentEncoding ?? "" } }
        .map { ($0[0], $0[1]) }, uniquingKeysWith: { first, _ in first })
    #expect(form["grant_type"] == "urn:ietf:params:oauth:grant-type:token-exchange" && form["audience"] == "my-app")
    let assertion = try #require(form["subject_token"])
    let claims = try assertion.tokenPart(1)
    #expect(claims["sub"] as? String == "alice" && claims["idp"] as? String == sidecar.issuer.first.issuer)
    #expect(claims["identifier"] as? String == "alice@example.com")
    #expect(claims["aud"] as? String == "http://127.0.0.1:\(service.port)/ask")
    // It opens nothing here.
    #expect(try sidecar.get("/me", token: assertion).status == 401)
  }
}
