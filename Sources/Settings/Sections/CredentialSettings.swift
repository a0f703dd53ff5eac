/// `credential`: where a token may stand besides `Authorization`.
public struct CredentialSettings: Equatable, Sendable {
  /// `bearer.<token>` in `Sec-WebSocket-Protocol`.
  public let webSocketSubprotocol: Bool

  init(_ keys: Section) {
    webSocketSubprotocol = keys.value("webSocketSubprotocol", .flag, default: "false")
    keys.notYet("cookie", "origins")
  }
}
