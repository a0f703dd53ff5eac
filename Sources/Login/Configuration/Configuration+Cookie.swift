extension Configuration {
  /// A cookie that holds a token (RFC 6265). Always `Secure` and `HttpOnly`, for all paths and this host alone, so that
  /// the prefix `__Host-` may be used; no older than its token.
  public struct Cookie: Equatable, Sendable {
    /// Which pages' requests it goes with.
    public enum SameSite: String, CaseIterable, Sendable {
      case strict = "Strict"
      case lax = "Lax"
      case none = "None"
    }

    /// A token in the sense of RFC 9110 §5.6.2.
    public var name: String
    public var sameSite: SameSite

    public init(name: String, sameSite: SameSite = .lax) {
      self.name = name
      self.sameSite = sameSite
    }

    /// The value of `Set-Cookie`. An empty token deletes the cookie.
    ///
    /// - Parameter lifetime: of the token; in whole seconds.
    public func fieldValue(_ token: [UInt8], lifetime: Duration) -> [UInt8] {
      Array("\(name)=".utf8) + token
        + Array(
          "; Max-Age=\(lifetime.components.seconds); Path=/; Secure; HttpOnly; SameSite=\(sameSite.rawValue)".utf8)
    }
  }
}
