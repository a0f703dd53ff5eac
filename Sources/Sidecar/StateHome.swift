import HTTPClient
import Settings
import StateStore
import Transport

extension StateSettings {
  /// For people: where the state is.
  var place: String {
    guard let redis else { return sqlite }
    return "\(redis.url.isSecure ? "rediss" : "redis")://\(redis.url.host):\(redis.url.port)/\(redis.url.database)"
  }

  /// Opens the store. Of a server only the settings are checked: whether it answers shows later.
  ///
  /// - Parameter executor: the control loop.
  func open(on executor: LoopExecutor, resolver: NameResolver) throws(StartFailure) -> any StateStore {
    do throws(StateStoreError) {
      guard let redis else { return try SQLiteStateStore(path: sqlite, deadlinesOn: executor) }
      return try RedisStateStore(try server(redis), prefix: redis.prefix, on: executor, resolver: resolver)
    } catch {
      throw .state("state: \(place): \(error)")
    }
  }

  private func server(_ redis: Redis) throws(StateStoreError) -> RedisServer {
    var security: ClientTLS?
    if redis.url.isSecure {
      do {
        switch redis.certificateAuthority {
        case .system: security = try ClientTLS(authorities: .system, protocols: [])
        case .file(let path):
          security = try ClientTLS(
            authorities: .pem(try FileContent.read(path, limitBytes: 4 << 20)), protocols: [])
        }
      } catch {
        throw .unreachable("certificate authority: \(error)")
      }
    }
    return RedisServer(
      host: redis.url.host, port: redis.url.port, security: security, username: redis.username,
      password: redis.password?.bytes, database: redis.url.database)
  }
}
