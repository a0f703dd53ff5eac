import Foundation
import TestPeers
import Testing

/// Two replicas on one Redis, and what becomes of them while it is away.
@Suite struct RedisReplicaTests {
  let redis: RedisProcess
  let town: LoginReplicas

  init() throws {
    redis = try RedisProcess()
    town = try LoginReplicas(
      state: "redis: 'redis://127.0.0.1:\(redis.port)/2', password: {env: STATE_PASSWORD}, replicas: 2")
  }

  @Test func `what one replica ends the other refuses, and so does one that starts later`() throws {
    let (first, second) = (try town.start(), try town.start())
    let (token, other) = (try town.passkeyToken(through: first), try town.passkeyToken(through: second))
    for replica in [first, second] { #expect(try replica.ask("GET", "/x", token: token).status == 200) }
    #expect(try first.ask("POST", "/auth/logout", token: token).status == 204)
    let isHeard = eventually { (try? second.ask("GET", "/x", token: token))?.status == 401 ? true : nil }
    #expect(isHeard == true)
    let third = try town.start()
    #expect(try third.ask("GET", "/x", token: token).text == #"{"error":"token_revoked"}"#)
    for replica in [first, second, third] { #expect(try replica.ask("GET", "/x", token: other).status == 200) }
    redis.stop()
  }

  @Test func `while Redis is away nobody logs in, requests go on as before, and its return ends that`() throws {
    let replica = try town.start()
    let (ended, token) = (try town.passkeyToken(through: replica), try town.passkeyToken(through: replica))
    let unused = try town.passkeyData(through: replica)
    #expect(try replica.ask("POST", "/auth/logout", token: ended).status == 204)
    redis.stop()

    let refused = try town.login(with: unused, through: replica)
    #expect(refused.status == 503)
    #expect(refused.text == #"{"success":false,"error":"Verification failed"}"#)
    #expect(try replica.ask("POST", "/auth/logout", token: token).status == 503)
    #expect(try replica.ask("GET", "/x", token: token).status == 200)
    #expect(try replica.ask("GET", "/x", token: ended).status == 401)
    let isDegraded = eventually { () -> Bool? in
      guard let ready = replica.probe("/ready"), ready.status == 200 else { return nil }
      return ready.text.contains(#""status":"degraded""#) ? true : nil
    }
    #expect(isDegraded == true)

    // Who starts now cannot know what is revoked.
    let late = try town.start(waitsUntilReady: false)
    let answer = eventually { try? late.ask("GET", "/x", token: token) }
    #expect(answer?.status == 503)
    #expect(late.probe("/ready")?.status == 503)

    let again = try redis.restarted()
    let isBack = eventually { (try? town.login(with: unused, through: replica))?.status == 200 ? true : nil }
    #expect(isBack == true)
    let isReady = eventually { late.probe("/ready")?.status == 200 ? true : nil }
    #expect(isReady == true)
    #expect(try late.ask("GET", "/x", token: token).status == 200)
    #expect(try late.ask("GET", "/x", token: ended).status == 401)
    again.stop()
  }
}
