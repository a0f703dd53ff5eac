import Foundation
import TestPeers
import Testing

/// The state cannot grow any more: a limit on the size of files stands for a full disk.
@Suite struct DiskFullTests {
  @Test func `on a full disk nobody logs in, requests go on, and room ends that`() throws {
    let town = try LoginReplicas()
    // As from a shell: whoever runs the tests may ignore the signal that comes with such a limit.
    let replica = try town.start(by: ["/usr/bin/env", "--default-signal=XFSZ"])
    let token = try town.passkeyToken(through: replica)
    let data = try town.passkeyData(through: replica)

    // The log of the state file is longer than that already.
    try limit(replica, bytes: "4096")
    let refused = try town.login(with: data, through: replica)
    #expect(refused.status == 503)
    #expect(refused.text == #"{"success":false,"error":"Verification failed"}"#)
    let append = try replica.ask(
      "POST", "/auth/createConnectToken", token: town.token("bob"), json: #"{"connectTokenType":"passkey-append"}"#)
    #expect(append.status == 503)
    #expect(try replica.ask("POST", "/auth/logout", token: token).status == 503)
    // Nothing has ended, and nobody is kept out who is in.
    #expect(try replica.ask("GET", "/x", token: token).status == 200)
    #expect(replica.process.ending(within: 0) == nil)

    try limit(replica, bytes: "unlimited")
    let answer = try #require(
      try eventually { let answer = try town.login(with: data, through: replica); return answer.status == 503 ? nil : answer })
    #expect(answer.status == 200, "\(answer.text)")
    #expect(try town.login(with: data, through: replica).status == 401)
    #expect(try replica.ask("POST", "/auth/logout", token: token).status == 204)
    #expect(try replica.ask("GET", "/x", token: token).status == 401)
  }

  /// The soft limit alone, which anybody may raise again.
  private func limit(_ replica: LoginReplicas.Replica, bytes: String) throws {
    let limited = try ChildProcess.run("prlimit", ["--pid", "\(replica.process.id)", "--fsize=\(bytes):"])
    #expect(limited.code == 0, "\(limited.output)")
  }
}
