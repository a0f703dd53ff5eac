/// `/v2/connectTokens`: short-lived secrets that let a frontend do one thing for one user.
struct ConnectTokenCalls {
  typealias ConnectToken = EmulatorState.ConnectToken

  func create(_ content: JSON, _ state: inout EmulatorState, now: Int) throws(APIError) -> DemoResponse {
    var violations: [APIError.Violation] = []
    let typeText = try content.optionalText("type") ?? ""
    let kind = ConnectToken.Kind(rawValue: typeText)
    if typeText.isEmpty {
      violations.append(.init(field: "type", message: "cannot be blank"))
    } else if kind == nil {
      violations.append(.init(field: "type", message: "must be a valid value"))
    }
    let data = content["data"] ?? [:]
    guard data.members != nil else { throw .json }
    let identifier = try data.optionalText("identifier") ?? ""
    let displayName = try data.optionalText("displayName") ?? ""
    if identifier.isEmpty { violations.append(.init(field: "data.identifier", message: "cannot be blank")) }
    if displayName.isEmpty, kind == .append {
      violations.append(.init(field: "data.displayName", message: "cannot be blank"))
    }
    var lifetime = state.settings.connectTokenLifetime
    switch content["maxLifetimeInSeconds"] {
    case nil, .null: break
    case .integer(let seconds) where seconds < 1:
      violations.append(.init(field: "maxLifetimeInSeconds", message: "must be no less than 1"))
    case .integer(let seconds): lifetime = min(lifetime, seconds)
    default: throw .json
    }
    guard violations.isEmpty, let kind else { throw .validation(violations) }
    if kind == .append { _ = state.resolveUser(identifier: identifier, displayName: displayName, now: now) }
    let token = ConnectToken(
      id: "ctk-" + RandomText.number(), kind: kind, identifier: identifier,
      displayName: displayName.isEmpty ? nil : displayName,
      data: data, secret: "ctk1_" + RandomText.alphanumeric(count: 30), expiresAt: now + lifetime)
    state.connectTokens.append(token)
    var entity = token.entity
    entity.set("secret", .string(token.secret))
    return DemoResponse(json: entity)
  }

  func list(_ request: DemoRequest, _ state: EmulatorState) -> DemoResponse {
    Listing(request).answer(
      "connectTokens", state.connectTokens.map(\.entity),
      fields: ["token": "id", "tokenType": "tokenType", "status": "connectTokenStatus", "expires": "expires"])
  }

  func update(_ id: String, _ content: JSON, _ state: inout EmulatorState) throws(APIError) -> DemoResponse {
    guard let index = state.connectTokens.firstIndex(where: { $0.id == id }) else { throw .unknownConnectToken }
    let text = try content.optionalText("status") ?? ""
    guard let status = ConnectToken.Status(rawValue: text) else {
      throw .validation("status", text.isEmpty ? "cannot be blank" : "must be a valid value")
    }
    state.connectTokens[index].status = status
    return Envelope.success()
  }

  func delete(_ id: String, _ state: inout EmulatorState) throws(APIError) -> DemoResponse {
    guard let index = state.connectTokens.firstIndex(where: { $0.id == id }) else { throw .unknownConnectToken }
    state.connectTokens.remove(at: index)
    return Envelope.success()
  }
}

extension APIError {
  fileprivate static let unknownConnectToken = validation("connectTokenID", "does not exist")
}

extension EmulatorState.ConnectToken {
  /// Without the secret, which only its creator sees.
  var entity: JSON {
    [
      "id": .string(id), "tokenType": .string(kind.rawValue), "data": data,
      "connectTokenStatus": .string(status.rawValue),
      "expires": .integer(expiresAt),
    ]
  }
}
