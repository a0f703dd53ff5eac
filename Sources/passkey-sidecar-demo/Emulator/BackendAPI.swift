/// Corbado's Backend API as far as a Connect backend uses it, with the statuses of its specification.
struct BackendAPI {
  let identity: EmulatorIdentity

  private enum Call: Equatable {
    case createConnectToken, listConnectTokens
    case updateConnectToken(String)
    case deleteConnectToken(String)
    case verifySignedData, postLogin
    case listUsers
    case user(String)
    case listIdentifiers
    case userIdentifiers(String)
    case userCredentials(String)

    var permission: String {
      switch self {
      case .createConnectToken, .updateConnectToken, .deleteConnectToken: "connect_tokens:write"
      case .listConnectTokens: "connect_tokens:read"
      case .verifySignedData, .postLogin: "passkeys:verify"
      case .listUsers, .user, .listIdentifiers, .userIdentifiers, .userCredentials: "users:read"
      }
    }
  }

  func answer(_ request: DemoRequest, _ state: inout EmulatorState, now: Int) throws(APIError) -> DemoResponse {
    let permissions = try self.permissions(of: request)
    guard let methods = routes(request.path, mode: state.settings.mode) else { throw .notFound }
    guard let call = methods[request.method] else { throw .method }
    if let permissions, !permissions.contains(call.permission) { throw .permission }
    let tokens = ConnectTokenCalls()
    switch call {
    case .createConnectToken: return try tokens.create(try content(request), &state, now: now)
    case .listConnectTokens: return tokens.list(request, state)
    case .updateConnectToken(let id): return try tokens.update(id, try content(request), &state)
    case .deleteConnectToken(let id): return try tokens.delete(id, &state)
    case .verifySignedData: return try verifySignedData(try content(request), &state, now: now)
    case .postLogin: return try postLogin(try content(request), &state, now: now)
    case .listUsers: return DirectoryCalls().users(request, state)
    case .user(let id): return try DirectoryCalls().user(id, state)
    case .listIdentifiers: return DirectoryCalls().identifiers(request, state)
    case .userIdentifiers(let id): return try DirectoryCalls().identifiers(of: id, request, state)
    case .userCredentials(let id): return try DirectoryCalls().credentials(of: id, request, state)
    }
  }

  /// The calls of a path by method, or nil for an unknown path.
  private func routes(_ path: String, mode: EmulatorSettings.Mode) -> [String: Call]? {
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(2).map(String.init)
    switch segments.count {
    case 1 where segments[0] == "connectTokens": return ["POST": .createConnectToken, "GET": .listConnectTokens]
    case 1 where segments[0] == "users": return ["GET": .listUsers]
    case 1 where segments[0] == "identifiers": return ["GET": .listIdentifiers]
    case 2 where segments[0] == "connectTokens":
      return ["PATCH": .updateConnectToken(segments[1]), "DELETE": .deleteConnectToken(segments[1])]
    case 2 where segments[0] == "users": return ["GET": .user(segments[1])]
    case 2 where segments == ["passkey", "verifySignedData"]: return ["POST": .verifySignedData]
    case 2 where segments == ["passkeys", "verifySignedData"] && mode == .seed: return ["POST": .verifySignedData]
    case 2 where segments == ["passkey", "postLogin"]: return ["POST": .postLogin]
    case 3 where segments[0] == "users" && segments[2] == "identifiers": return ["GET": .userIdentifiers(segments[1])]
    case 3 where segments[0] == "users" && segments[2] == "credentials": return ["GET": .userCredentials(segments[1])]
    default: return nil
    }
  }

  /// The permissions of a Bearer key; nil for the project's own secret, which may do everything.
  private func permissions(of request: DemoRequest) throws(APIError) -> Set<String>? {
    guard let credential = request.field("authorization") else { throw .login }
    let parts = credential.split(separator: " ", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw .login }
    switch parts[0].lowercased() {
    case "basic":
      guard let pair = Base64.decoded(parts[1]), pair == Array("\(identity.projectID):\(identity.apiSecret)".utf8)
      else { throw .login }
      return nil
    case "bearer":
      guard let key = identity.bearerKeys.first(where: { $0.key == parts[1] }) else { throw .login }
      return key.permissions
    default: throw .login
    }
  }

  private func content(_ request: DemoRequest) throws(APIError) -> JSON {
    guard let json = try? JSON(reading: request.body), json.members != nil else { throw .json }
    return json
  }
}

// MARK: - Signed passkey data

extension BackendAPI {
  private func verifySignedData(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError)
    -> DemoResponse
  {
    let data = try content.optionalText("signedPasskeyData") ?? ""
    let username = try content.optionalText("username") ?? ""
    var violations: [APIError.Violation] = []
    if data.isEmpty { violations.append(.init(field: "signedPasskeyData", message: "cannot be blank")) }
    if username.isEmpty, state.settings.mode == .strict {
      violations.append(.init(field: "username", message: "cannot be blank"))
    }
    guard violations.isEmpty else { throw .validation(violations) }
    let verdict = verdict(on: data, username: username.isEmpty ? nil : username, &state, now: now)
    return DemoResponse(json: ["verificationResult": .string(verdict.rawValue)])
  }

  /// In this order: form, signature, project and times; the challenge; the user. Only the last step of all uses the
  /// data up.
  private func verdict(
    on data: String, username: String?, _ state: inout EmulatorState, now: Int
  ) -> EmulatorSettings.Verdict {
    let claims: JSON
    do throws(SignedPasskeyData.Refusal) {
      claims = try SignedPasskeyData.verifiedClaims(of: data, keys: state.keys, projectID: identity.projectID, now: now)
    } catch {
      return error == .expired ? state.settings.expiryVerdict : .invalidSignature
    }
    guard let id = claims["challengeId"]?.text, let index = state.challenges.firstIndex(where: { $0.id == id }) else {
      return .invalidChallenge
    }
    guard state.challenges[index].stage == .answered else { return state.settings.replayVerdict }
    if let username, username != claims["webauthnId"]?.text {
      if state.settings.mismatchConsumes { state.challenges[index].stage = .consumed }
      return .userMismatch
    }
    state.challenges[index].stage = .consumed
    return .success
  }

  private func postLogin(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError) -> DemoResponse {
    guard let data = try content.optionalText("signedPasskeyData"), !data.isEmpty else {
      throw .validation("signedPasskeyData", "cannot be blank")
    }
    guard verdict(on: data, username: nil, &state, now: now) == .success else {
      throw .validation("signedPasskeyData", "is invalid")
    }
    return DemoResponse(json: ["session": .string(state.settings.session)])
  }
}

extension JSON {
  /// A member that is a string or absent; anything else is no request of this API.
  func optionalText(_ name: String) throws(APIError) -> String? {
    switch self[name] {
    case nil, .null: return nil
    case .string(let text): return text
    default: throw .json
    }
  }
}
