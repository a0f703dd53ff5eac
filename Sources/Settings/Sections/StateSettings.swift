public import HTTPClient

/// `state`: where identity links, used passkey data, sessions and revocations are kept.
public struct StateSettings: Equatable, Sendable {
  /// Path of the embedded store's file; not used where there is a ``redis``.
  public let sqlite: String
  public let redis: Redis?
  /// Processes that serve the same app with the same state on different hosts.
  public let replicas: Int

  /// A server that speaks Redis' protocol.
  public struct Redis: Equatable, Sendable {
    public let url: RedisURL
    public let certificateAuthority: CertificateAuthority
    public let username: String?
    public let password: Secret?
    /// Of all keys.
    public let prefix: String
  }

  init(_ keys: Section) {
    let allowsCleartext = keys.value("allowCleartext", .flag, default: "false")
    let url = keys.value("redis", Kind.redisURL(allowsCleartext: allowsCleartext).orNull, default: "null")
    let authority = keys.value("certificateAuthority", .certificateAuthority, default: "system")
    let username = keys.value("username", Kind.text("a user's name").orNull, default: "null")
    let password = keys.value("password", Kind.secret.orNull, default: "null")
    let prefix = keys.value(
      "prefix",
      .text("a prefix").checked { $0.utf8.count <= 128 ? nil : "longer than 128 bytes" }, default: "'passkey-sidecar:'")
    sqlite = keys.value("sqlite", .path, default: "state.db")
    replicas = keys.value("replicas", .count(1...1000), default: "1")
    redis = url.map {
      Redis(url: $0, certificateAuthority: authority, username: username, password: password, prefix: prefix)
    }
    if redis == nil, replicas > 1 {
      keys.refuse("replicas", "needs state.redis: a SQLite file is one host's")
    }
    if username != nil, password == nil { keys.refuse("username", "needs password beside it") }
    if redis == nil, password != nil { keys.warn("password", "is not used without state.redis") }
  }
}

/// `redis://host[:port][/database]`, or `rediss://` for TLS.
public struct RedisURL: Equatable, Sendable {
  public let isSecure: Bool
  /// Without brackets; a name or an address literal.
  public let host: String
  public let port: UInt16
  public let database: Int

  fileprivate static let placeholder = RedisURL(isSecure: true, host: "invalid", port: 6379, database: 0)

  private init(isSecure: Bool, host: String, port: UInt16, database: Int) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.database = database
  }

  /// Nil for anything else; user and password never stand in it.
  init?(_ text: String) {
    let isSecure = text.hasPrefix("rediss://")
    guard isSecure || text.hasPrefix("redis://") else { return nil }
    let rest = text.dropFirst(isSecure ? 9 : 8)
    guard let url = OutboundURL("http://" + rest), !rest.contains("?") else { return nil }
    let authority = rest.prefix { $0 != "/" }
    self.isSecure = isSecure
    host = url.host
    port = url.port == 80 && !authority.hasSuffix(":80") ? 6379 : url.port
    guard url.target != "/" else {
      database = 0
      return
    }
    let digits = url.target.dropFirst()
    guard (1...4).contains(digits.utf8.count), let number = Int(digits), number >= 0, "\(number)" == digits
    else { return nil }
    database = number
  }

  var isLoopback: Bool { OutboundURL(isSecure: isSecure, host: host, port: port, target: "/").isLoopback }
}

extension Kind where Value == RedisURL {
  static func redisURL(allowsCleartext: Bool) -> Kind {
    let form = "a URL (rediss://host:6379/0)"
    return Kind(form, placeholder: .placeholder) { place in
      guard let text = place.text(form) else { return nil }
      if text.contains("@") { return place.refuse("user and password stand in username and password, never in the URL") }
      if ["unix:", "redis+unix:", "redis+socket:", "/"].contains(where: { text.hasPrefix($0) }) {
        return place.refuse("Unix sockets are not supported for Redis: expected \(form); on one host, redis://127.0.0.1:6379")
      }
      guard let url = RedisURL(text) else { return place.refuse("expected \(form), found \(quoted(text))") }
      if url.isSecure || allowsCleartext || url.isLoopback { return url }
      return place.refuse(
        "redis: is refused here: whoever is on the way could let anybody in; use rediss, or set allowCleartext: true beside it")
    }
  }
}
