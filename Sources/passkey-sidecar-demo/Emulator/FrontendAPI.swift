/// The calls that a page makes in Corbado Connect: `/v2/connect/…`. Each begins with an init, which gives a process ID.
struct FrontendAPI {
  let identity: EmulatorIdentity

  static let requestFields = [
    "content-type", "x-corbado-process-id", "x-corbado-sdk", "x-corbado-client-timezone", "x-corbado-flags",
  ]

  /// `path` is what follows `/v2/connect/`.
  func answer(_ path: String, _ request: DemoRequest, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    let calls: Set = [
      "login/init", "login/start", "login/finish", "append/init", "append/start", "append/finish", "manage/init",
      "manage/list",
      "manage/delete", "events", "process/clear",
    ]
    guard calls.contains(path) else { throw .notFound }
    guard request.method == "POST" else { throw .method }
    guard let content = try? JSON(reading: request.body), content.members != nil else { throw .json }
    switch path {
    case "login/init", "append/init", "manage/init":
      var answer = try initProcess(path, content, &state, now: now)
      // Where the caller found us is where it shall go on.
      answer.set("frontendApiUrl", .string("http://" + (request.field("host") ?? "localhost")))
      return DemoResponse(json: answer)
    case "events":
      try content.require("eventType")
      return DemoResponse(status: 204)
    case "process/clear": return try clearProcess(content, &state)
    default: break
    }
    guard let process = request.field("x-corbado-process-id"), let end = state.processes[process], end > now else {
      throw .notFound
    }
    switch path {
    case "login/start": return try startLogin(content, process, &state, now: now)
    case "login/finish": return try finishLogin(content, process, &state, now: now)
    case "append/start": return try startAppend(content, process, &state, now: now)
    case "append/finish": return try finishAppend(content, process, &state, now: now)
    case "manage/list": return try list(content, &state, now: now)
    default: return try delete(content, &state, now: now)
    }
  }
}

// MARK: - Processes

extension FrontendAPI {
  private static let processLifetime = 1800

  private func startProcess(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError) -> String {
    try content.require("clientInformation", "flags")
    state.processes = state.processes.filter { $0.value > now }
    let process = RandomText.alphanumeric(count: 20)
    state.processes[process] = now + Self.processLifetime
    return process
  }

  private func initProcess(
    _ path: String, _ content: JSON, _ state: inout EmulatorState, now: Int
  ) throws(APIError) -> JSON {
    let process = try startProcess(content, &state, now: now)
    var answer: JSON = ["expiresAt": .integer(now + Self.processLifetime), "flags": [:]]
    switch path {
    case "login/init":
      let challenge = state.offerChallenge(.login(userID: nil), processID: process, now: now)
      answer.set("token", .string(process))
      answer.set("loginAllowed", true)
      answer.set("flags", ["conditional-ui-allowed": "true"])
      answer.set("conditionalUIChallenge", .string(assertionOptions(challenge, allowed: []).description))
    case "append/init":
      answer.set("processID", .string(process))
      answer.set("appendAllowed", true)
    default:
      answer.set("processID", .string(process))
      answer.set("manageAllowed", true)
    }
    return answer
  }

  private func clearProcess(_ content: JSON, _ state: inout EmulatorState) throws(APIError) -> DemoResponse {
    let process = try content.requiredText("processId")
    guard state.processes.removeValue(forKey: process) != nil else { throw .notFound }
    return DemoResponse(json: ["processId": .string(process)])
  }
}

// MARK: - The list of passkeys

extension FrontendAPI {
  private func list(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError) -> DemoResponse {
    let token = try consume("connectToken", of: content, as: .list, &state, now: now)
    let user = state.user(identifier: token.identifier)
    let passkeys = user.map { state.credentials(of: $0).map(\.entity) } ?? []
    return DemoResponse(
      json: [
        "passkeys": .array(passkeys), "rpID": .string(identity.relyingParty.id),
        "userID": .string(Base64.urlEncoded(user?.handle ?? Array(token.identifier.utf8))),
        "signalAllAcceptedCredentials": true,
      ])
  }

  private func delete(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError) -> DemoResponse {
    let id = try content.requiredText("credentialID")
    let token = try consume("connectToken", of: content, as: .delete, &state, now: now)
    guard let user = state.user(identifier: token.identifier),
      let index = state.credentials.firstIndex(where: { $0.id == id && $0.userID == user.id })
    else { throw .validation("credentialID", "does not exist") }
    state.deletedKeyIDs.insert(state.credentials[index].keyID)
    state.credentials.remove(at: index)
    return DemoResponse(json: ["credentialID": .string(id)])
  }

  func consume(
    _ member: String, of content: JSON, as kind: EmulatorState.ConnectToken.Kind, _ state: inout EmulatorState, now: Int
  ) throws(APIError) -> EmulatorState.ConnectToken {
    let secret = try content.requiredText(member)
    do throws(EmulatorState.ConnectTokenRefusal) {
      return try state.consumeConnectToken(secret, as: kind, now: now)
    } catch {
      throw .validation(member, error.rawValue)
    }
  }
}

extension JSON {
  func require(_ names: String...) throws(APIError) {
    let missing = names.filter { self[$0] == nil || self[$0] == .null }
    guard missing.isEmpty else {
      throw .validation(missing.map { APIError.Violation(field: $0, message: "cannot be blank") })
    }
  }

  func requiredText(_ name: String) throws(APIError) -> String {
    guard let text = try optionalText(name), !text.isEmpty else { throw .validation(name, "cannot be blank") }
    return text
  }
}
