import Testing

@testable import passkey_sidecar_demo

/// The walk in front of a sidecar of forty lines, whole and with one thing wrong: a check that cannot fail proves
/// nothing.
@Suite struct DemoWalkTests {
  enum Defect: String, CaseIterable {
    case admitsWithoutToken, admitsAfterSignOut, passesTheClientsUserID, mintsForCorbadosUser, acceptsReplays,
      answersMore, sharesOneConnectToken
  }

  /// Sidecar, app, login and emulator in one function.
  final class Town {
    let corbado: EmulatorUnderTest
    let provider: IdentityProvider
    let app = DemoApp(surroundings: .init(login: "", emulator: ""))
    var defect: Defect?
    private var users: [String: String] = [:]
    private var cachedConnectToken: String?
    private var ended: Set<String> = []

    init(_ defect: Defect?) throws {
      corbado = try EmulatorUnderTest()
      provider = IdentityProvider(
        issuer: "http://login", audience: "demo", origins: [], key: try EmulatorUnderTest.key.get())
      self.defect = defect
    }

    func exchange(_ method: String, _ url: String, _ fields: [DemoRequest.Field], _ json: JSON?) throws -> DemoResponse
    {
      let parts = url.dropFirst("http://".count).split(separator: "/", maxSplits: 1)
      let request = DemoRequest(method, "/" + parts[1], fields: fields, body: json?.bytes ?? [])
      switch parts[0] {
      case "login": return provider.handle(request)
      case "emulator": return corbado.emulator.handle(request)
      default: return try sidecar(request, json ?? [:])
      }
    }

    private func sidecar(_ request: DemoRequest, _ json: JSON) throws -> DemoResponse {
      let subject = request.field("authorization").flatMap { CompactToken(String($0.dropFirst(7))) }?.claims["sub"]?
        .text
      switch request.path {
      case "/auth/completeLogin":
        let data = try #require(json["signedPasskeyData"]?.text)
        let claims = try #require(CompactToken(data)).claims
        let identifier = try #require(claims["webauthnId"]?.text)
        let verdict = corbado.verify(data, username: identifier)
        guard verdict == "success" || defect == .acceptsReplays else { return DemoResponse(status: 401, json: [:]) }
        let minted = defect == .mintsForCorbadosUser ? claims["sub"] : users[identifier].map(JSON.string)
        let token = try EmulatorUnderTest.key.get().token(["sub": minted ?? .null])
        return DemoResponse(json: ["success": true, "accessToken": .string(token)])
      case "/auth/createConnectToken":
        let subject = try #require(subject)
        users[subject] = subject
        let type = try #require(json["connectTokenType"]?.text)
        let token = try cachedConnectToken ?? corbado.connectToken(type, for: subject)
        if defect == .sharesOneConnectToken { cachedConnectToken = token }
        return DemoResponse(
          json: defect == .answersMore ? ["connectToken": .string(token), "more": 1] : ["connectToken": .string(token)])
      case "/auth/logout":
        if defect != .admitsAfterSignOut { ended.insert(request.field("authorization") ?? "") }
        return DemoResponse(status: 204)
      default:
        let isSignedIn = subject != nil && !ended.contains(request.field("authorization") ?? "")
        guard isSignedIn || defect == .admitsWithoutToken else {
          return DemoResponse(status: 401, text: "Unauthorized")
        }
        var forwarded = request
        if defect != .passesTheClientsUserID { forwarded.fields.removeAll { $0.name == "X-User-ID" } }
        forwarded.fields.append(.init(name: "X-User-ID", value: subject ?? ""))
        return app.handle(forwarded)
      }
    }

    func walk() -> (isWhole: Bool, lines: [String]) {
      var lines: [String] = []
      var walk = Walk(
        .init(
          sidecar: "http://sidecar", login: "http://login", emulator: "http://emulator",
          origin: EmulatorUnderTest.origin),
        exchange: exchange, report: { lines.append($0) })
      return (walk.run(), lines)
    }
  }

  @Test func `in front of a good sidecar every step is taken`() throws {
    let (isWhole, lines) = try Town(nil).walk()
    #expect(isWhole, "\(lines.last ?? "")")
    #expect(lines.count == 13 && lines.allSatisfy { $0.hasPrefix("  ✓ ") })
  }

  @Test(arguments: Defect.allCases) func `in front of a faulty one it ends with the reason`(defect: Defect) throws {
    let (isWhole, lines) = try Town(defect).walk()
    #expect(!isWhole)
    #expect(lines.last?.hasPrefix("  ✗ ") == true)
  }
}
