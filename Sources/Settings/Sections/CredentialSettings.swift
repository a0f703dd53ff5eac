/// `credential`: where else than in `Authorization` a token may stand.
public struct CredentialSettings: Equatable, Sendable {
  /// Name of a cookie.
  public let cookie: String?
  /// `bearer.<token>` in `Sec-WebSocket-Protocol`.
  public let webSocketSubprotocol: Bool

  init(_ keys: Section) {
    cookie = keys.value("cookie", Kind<String>.text("the name of a cookie").orNull, default: "null")
    webSocketSubprotocol = keys.value("webSocketSubprotocol", .flag, default: "false")
    if let cookie, !cookie.hasPrefix("__Host-") {
      keys.warn(
        "cookie",
        "without the prefix __Host- another host of the same site can put a token of its own into this cookie")
    }
  }
}
