internal import JOSE
internal import StateStore

extension LoginEndpoints {
  /// `POST createConnectToken`: a connect token of Corbado's for whom the credential speaks of.
  ///
  /// - Parameters:
  ///   - identity: of the verified credential; nothing in the content can choose another.
  ///   - content: at most 64 KiB, `{"connectTokenType": "passkey-append" | "passkey-list" | "passkey-delete"}`; for older
  ///     frontends `type` instead.
  public func createConnectToken(for identity: VerifiedIdentity, content: [UInt8]) async -> EndpointAnswer {
    do throws(LoginReason) {
      let members = configuration.corbado.frontendMembers
      let type = try ConnectTokenType(content: content, members)
      let secret = try await withRoom { () async throws(LoginReason) in
        let identifier = try await identifier(of: identity, for: type)
        return try await corbado.createConnectToken(
          type, identifier: identifier.text,
          displayName: type == .append ? displayName(of: identity) ?? identifier.text : nil)
      }
      var content = JSONWriter()
      content.beginObject()
      content.member(members == .token ? "token" : "connectToken", secret)
      content.endObject()
      return EndpointAnswer(content)
    } catch {
      return .refusal(error, Self.createConnectTokenText(error))
    }
  }

  private static func createConnectTokenText(_ reason: LoginReason) -> String {
    switch reason {
    case .bodyMalformed: "The content must be a JSON object"
    case .connectTokenTypeRefused: "connectTokenType must be passkey-append, passkey-list or passkey-delete"
    case .identifierMissing: "The identity has no identifier"
    case .identifierUnverified: "The e-mail address is not verified"
    case .identifierTaken: "The identifier belongs to another user"
    case .stateUnavailable: "Temporarily unavailable"
    case .rateLimited: "Too many requests"
    case .corbadoRefused, .corbadoAnswerInvalid, .corbadoMisconfigured: "Failed to get connect token"
    case .corbadoUnreachable, .identityUnavailable, .internalError: "Internal server error"
    case .passkeyDataMalformed, .passkeyDataRefused, .passkeyDataReplayed, .identityUnlinked, .refreshTokenRefused,
      .refreshTokenReused:
      "Invalid request"
    }
  }

  private func displayName(of identity: VerifiedIdentity) -> String? {
    guard let node = identity.claims.node(at: configuration.connect.displayName),
      let name = identity.claims.string(node), !name.isEmpty, name.utf8.count <= Identifier.maximumBytes,
      name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else { return nil }
    return name
  }
}

extension ConnectTokenType {
  /// - Throws: `bodyMalformed`, `connectTokenTypeRefused`
  init(content: [UInt8], _ members: Configuration.Corbado.FrontendMembers) throws(LoginReason) {
    let document = try JSONDocument(endpointContent: content)
    var nodes = [document.member("connectTokenType")]
    if members == .token { nodes.append(document.member("type")) }
    // Both may be there; then they say the same.
    let names = nodes.compactMap { $0 }.map { document.string($0) }
    guard let name = names.first.flatMap({ $0 }), names.allSatisfy({ $0 == name }),
      let type = ConnectTokenType(rawValue: name)
    else { throw .connectTokenTypeRefused }
    self = type
  }
}

extension JSONDocument {
  /// - Throws: `bodyMalformed` for whatever is no JSON object.
  init(endpointContent content: [UInt8]) throws(LoginReason) {
    do throws(JSONError) { try self.init(content.span) } catch { throw .bodyMalformed }
    guard kind(of: root) == .object else { throw .bodyMalformed }
  }
}
