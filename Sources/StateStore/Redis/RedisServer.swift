public import Transport

/// Where the server is and how to be let in.
public struct RedisServer: Sendable {
  public var host: String
  public var port: UInt16
  /// Nil: cleartext.
  public var security: ClientTLS?
  /// Of an ACL user (Redis 6); nil: the default user's password, if there is one.
  public var username: String?
  public var password: [UInt8]?
  public var database: Int

  public init(
    host: String, port: UInt16, security: ClientTLS? = nil, username: String? = nil, password: [UInt8]? = nil,
    database: Int = 0
  ) {
    self.host = host
    self.port = port
    self.security = security
    self.username = username
    self.password = password
    self.database = database
  }

  /// What is said first on a connection; each is answered with `OK`.
  var greeting: [[RedisWord]] {
    var commands: [[RedisWord]] = []
    if let password {
      if let username {
        commands.append(["AUTH", RedisWord(username), RedisWord(password)])
      } else {
        commands.append(["AUTH", RedisWord(password)])
      }
    }
    if database != 0 { commands.append(["SELECT", RedisWord(Int64(database))]) }
    return commands
  }
}
