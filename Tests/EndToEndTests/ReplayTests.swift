import Foundation
import TestPeers
import Testing

/// The same signed passkey data, again and again, everywhere at once. The emulator would say yes each time.
@Suite struct ReplayTests {
  /// Sends the same login on many connections before any answer is read; each carries `perConnection` of them.
  private func answers(
    to data: String, from replicas: [LoginReplicas.Replica], connections: Int, perConnection: Int = 1
  ) throws -> [RawConnection] {
    let content = #"{"signedPasskeyData":"\#(data)"}"#
    let request =
      "POST /auth/completeLogin HTTP/1.1\r\nHost: app.test\r\nContent-Type: application/json\r\n"
      + "Content-Length: \(content.utf8.count)\r\n\r\n\(content)"
    return try (0..<connections).map { number in
      let connection = try RawConnection(port: replicas[number % replicas.count].port)
      for _ in 0..<perConnection { try connection.send(request) }
      return connection
    }
  }

  @Test func `of a thousand uses over workers and two replicas exactly one succeeds`() throws {
    let redis = try RedisProcess()
    let town = try LoginReplicas(state: "redis: 'redis://127.0.0.1:\(redis.port)', password: {env: STATE_PASSWORD}")
    let replicas = [try town.start(workers: 3), try town.start(workers: 3)]
    let data = try town.passkeyData(through: replicas[0])
    let connections = try answers(to: data, from: replicas, connections: 250, perConnection: 4)
    var counts: [Int: Int] = [:]
    for connection in connections {
      for _ in 0..<4 { counts[try connection.readResponse().status, default: 0] += 1 }
    }
    #expect(counts == [200: 1, 401: 999])
    redis.stop()
  }

  @Test func `across kill -9 and a restart on Redis at most one succeeds`() throws {
    let redis = try RedisProcess()
    try atMostOneSucceeds(try LoginReplicas(state: "redis: 'redis://127.0.0.1:\(redis.port)', password: {env: STATE_PASSWORD}"))
    redis.stop()
  }

  @Test func `across kill -9 and a restart at most one succeeds`() throws { try atMostOneSucceeds(try LoginReplicas()) }

  /// One process is killed while most logins are between reservation and success.
  private func atMostOneSucceeds(_ town: LoginReplicas) throws {
    let first = try town.start(workers: 2)
    let data = try town.passkeyData(through: first)
    let connections = try answers(to: data, from: [first], connections: 100)
    // The first answer that there is: others are under way.
    var successes = try connections[0].readResponse().status == 200 ? 1 : 0
    first.process.signal(SIGKILL)
    for connection in connections.dropFirst() where (try? connection.readResponse())?.status == 200 { successes += 1 }
    let second = try town.start(workers: 2)
    for connection in try answers(to: data, from: [second], connections: 50)
    where try connection.readResponse().status == 200 { successes += 1 }
    #expect(successes <= 1)
    // Another login works: it was not the sidecar that was broken.
    #expect(try town.login(with: town.passkeyData(through: second), through: second).status == 200)
  }
}
