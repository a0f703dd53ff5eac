import Foundation
import StateStore
import TestPeers
import Transport

/// The homes of state that must behave alike; each test gets an empty one, and a second process's view of the same.
enum StateStoreHome: String, CaseIterable, Sendable {
  case sqlite, redis

  /// Those that keep signing keys, and forget by the caller's clock.
  static let embedded: [StateStoreHome] = [.sqlite]

  /// One for all tests, which have prefixes of their own.
  static let server = Result { try RedisProcess() }

  func make() throws -> StateStoreFixture {
    switch self {
    case .sqlite:
      let folder = try TemporaryFolder()
      let loop = try RunningLoop()
      return StateStoreFixture(
        store: try SQLiteStateStore(path: folder.path("state.db"), deadlinesOn: loop.executor),
        other: try SQLiteStateStore(path: folder.path("state.db"), deadlinesOn: loop.executor),
        keptAlive: [folder, loop])
    case .redis:
      let server = try Self.server.get()
      let loop = try RunningLoop()
      let settings = RedisServer(host: "127.0.0.1", port: server.port, password: Array(RedisProcess.password.utf8))
      let prefix = "t-\(UUID().uuidString):"
      func open() throws -> RedisStateStore {
        try RedisStateStore(settings, prefix: prefix, on: loop.executor, resolver: try NameResolver())
      }
      return StateStoreFixture(store: try open(), other: try open(), keptAlive: [loop])
    }
  }
}

struct StateStoreFixture: Sendable {
  let store: any StateStore
  let other: any StateStore
  let keptAlive: [any Sendable]
}

/// A control loop on a thread of its own.
final class RunningLoop: Sendable {
  let executor: LoopExecutor

  init() throws {
    let executor = try LoopExecutor()
    self.executor = executor
    _ = try Transport.Thread(named: "control") { executor.run() }
  }

  deinit { executor.stop() }
}

final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "state-store-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  func path(_ name: String) -> String { url.appending(path: name).path }

  deinit { try? FileManager.default.removeItem(at: url) }
}

func moment(_ seconds: Int64) -> StoredTime { StoredTime(seconds: seconds) }

extension IdentityLink {
  static func sample(
    _ identifier: String = "alice@example.com", issuer: String = "https://idp.test/", subject: String = "alice",
    claims: String = #"{"name":"Alice"}"#, confirmedAt: Int64 = 1000
  ) -> IdentityLink {
    IdentityLink(
      identifier: identifier, issuer: issuer, subject: subject, claims: Array(claims.utf8), confirmedAt: moment(confirmedAt))
  }
}

extension Session {
  static func sample(_ id: String, expiresAt: Int64 = 4600) -> Session {
    Session(
      id: id, issuer: "https://idp.test/", subject: "alice", identifier: "alice@example.com", startedAt: moment(1000),
      expiresAt: moment(expiresAt))
  }
}

func digest(_ byte: UInt8) throws -> PasskeyDataDigest {
  guard let digest = PasskeyDataDigest([UInt8](repeating: byte, count: 32)) else { throw CocoaError(.coderInvalidValue) }
  return digest
}
