/// `/v2/users` and `/v2/identifiers`: who the emulator knows.
struct DirectoryCalls {
  func users(_ request: DemoRequest, _ state: EmulatorState) -> DemoResponse {
    let entities = state.users.map { user in
      var entity = user.entity
      for type in ["email", "username", "phone"] {
        entity.set("\(type)Identifiers", .array(user.identifierType == type ? [user.identifierEntity] : []))
      }
      return entity
    }
    return Listing(request).answer("users", entities, fields: ["userID": "userID", "status": "status"])
  }

  func user(_ id: String, _ state: EmulatorState) throws(APIError) -> DemoResponse {
    DemoResponse(json: try known(id, state).entity)
  }

  func identifiers(_ request: DemoRequest, _ state: EmulatorState) -> DemoResponse {
    identifiers(of: state.users, request)
  }

  func identifiers(of id: String, _ request: DemoRequest, _ state: EmulatorState) throws(APIError) -> DemoResponse {
    identifiers(of: [try known(id, state)], request)
  }

  func credentials(of id: String, _ request: DemoRequest, _ state: EmulatorState) throws(APIError) -> DemoResponse {
    let user = try known(id, state)
    return Listing(request).answer("credentials", state.credentials(of: user).map(\.entity), fields: ["id": "id"])
  }

  private func identifiers(of users: [EmulatorState.User], _ request: DemoRequest) -> DemoResponse {
    Listing(request).answer(
      "identifiers", users.map(\.identifierEntity),
      fields: ["userID": "userID", "identifierType": "type", "identifierValue": "value"])
  }

  private func known(_ id: String, _ state: EmulatorState) throws(APIError) -> EmulatorState.User {
    guard let user = state.user(id: id) else { throw .validation("userID", "does not exist") }
    return user
  }
}

extension EmulatorState.User {
  var identifierType: String { identifier.contains("@") ? "email" : "username" }

  var entity: JSON {
    [
      "userID": .string(id), "status": "active", "fullName": .string(displayName),
      "explicitWebauthnID": .string(identifier),
      "updated": .string(Moment.text(createdAt)), "updatedMs": .integer(createdAt * 1000),
    ]
  }

  var identifierEntity: JSON {
    [
      "identifierID": .string("ide-" + id.dropFirst(4)), "type": .string(identifierType), "value": .string(identifier),
      "status": "primary", "userID": .string(id),
    ]
  }
}

extension EmulatorState.Credential {
  /// As a passkey list shows it, at the Backend API and to a page.
  var entity: JSON {
    [
      "id": .string(id), "credentialID": .string(Base64.urlEncoded(keyID)), "attestationType": "none",
      "transport": .array(transports.map(JSON.string)), "backupEligible": .boolean(flags.contains(.backupEligible)),
      "backupState": .boolean(flags.contains(.backedUp)), "authenticatorAAGUID": .string(modelText),
      "aaguidDetails": Self.unknownModel, "sourceOS": "", "sourceBrowser": "", "lastUsed": .string(Moment.text(usedAt)),
      "lastUsedMs": .integer(usedAt * 1000), "created": .string(Moment.text(createdAt)),
      "createdMs": .integer(createdAt * 1000),
      "status": "active", "tags": [],
    ]
  }

  static let unknownModel: JSON = ["name": "Passkey", "iconLight": "", "iconDark": ""]

  /// The authenticator model's ID in the form of a UUID.
  private var modelText: String {
    var text = ""
    for (index, byte) in authenticatorModel.enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }
}
