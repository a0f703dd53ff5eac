import Foundation
import TestPeers
import Testing

/// Ended sessions stay ended: on every worker, in every process, after a restart.
@Suite struct LogoutTests {
  @Test func `logout ends the session on every worker, in other processes and after kill -9`() throws {
    let town = try LoginReplicas()
    let first = try town.start(workers: 3)
    let second = try town.start()
    let (token, other) = (try town.passkeyToken(through: first), try town.passkeyToken(through: first))
    for replica in [first, second] { #expect(try replica.ask("GET", "/x", token: token).status == 200) }

    #expect(try first.ask("POST", "/auth/logout", token: token).status == 204)
    for _ in 0..<24 {
      let answer = try first.ask("GET", "/x", token: token)
      #expect(answer.status == 401)
      #expect(answer.text == #"{"error":"token_revoked"}"#)
    }
    let isHeard = eventually { (try? second.ask("GET", "/x", token: token))?.status == 401 ? true : nil }
    #expect(isHeard == true)
    #expect(try first.ask("POST", "/auth/logout", token: token).status == 401)
    for replica in [first, second] { #expect(try replica.ask("GET", "/x", token: other).status == 200) }

    first.process.signal(SIGKILL)
    let again = try town.start()
    #expect(try again.ask("GET", "/x", token: token).status == 401)
    #expect(try again.ask("GET", "/x", token: other).status == 200)
  }

  @Test func `everywhere ends all of one user's and nobody else's`() throws {
    let town = try LoginReplicas()
    let replica = try town.start(workers: 2)
    let (mine, alsoMine) = (try town.passkeyToken(through: replica), try town.token())
    let (others, conventional) = (try town.passkeyToken("bob", through: replica), try town.token("bob"))
    let answer = try replica.ask("POST", "/auth/logout", token: mine, json: #"{"everywhere": true}"#)
    #expect(answer.status == 204)
    #expect(answer.body.isEmpty)
    for token in [mine, alsoMine] { #expect(try replica.ask("GET", "/x", token: token).status == 401) }
    for token in [others, conventional] { #expect(try replica.ask("GET", "/x", token: token).status == 200) }
  }

  @Test func `a passkey login that follows everywhere at once is a new beginning`() throws {
    let town = try LoginReplicas()
    let replica = try town.start()
    for _ in 0..<3 {
      let (old, unused) = (try town.passkeyToken(through: replica), try town.passkeyData(through: replica))
      #expect(try replica.ask("POST", "/auth/logout", token: old, json: #"{"everywhere": true}"#).status == 204)
      let login = try town.login(with: unused, through: replica)
      let new = try #require(login.json["accessToken"] as? String, "\(login.text)")
      #expect(try replica.ask("GET", "/x", token: new).status == 200)
      #expect(try replica.ask("GET", "/x", token: old).status == 401)
    }
  }

  @Test func `everywhere ends what does not say when it was issued`() throws {
    let town = try LoginReplicas()
    let replica = try town.start()
    let exp = Int64(Date().timeIntervalSince1970) + 300
    let undated = try town.issuer.first.token(
      #"{"iss":"\#(town.issuer.first.issuer)","sub":"alice","aud":"my-app","exp":\#(exp),"email":"alice@example.com"}"#)
    #expect(try replica.ask("GET", "/x", token: undated).status == 200)
    #expect(try replica.ask("POST", "/auth/logout", token: town.token(), json: #"{"everywhere": true}"#).status == 204)
    #expect(try replica.ask("GET", "/x", token: undated).text == #"{"error":"token_revoked"}"#)
  }

  @Test func `a conventional token ends alone`() throws {
    let town = try LoginReplicas()
    let replica = try town.start()
    let (first, second) = (try town.token(extra: #","jti":"j1""#), try town.token(extra: #","n":1"#))
    let third = try town.token(extra: #","n":2"#)
    for token in [first, second] { #expect(try replica.ask("POST", "/auth/logout", token: token).status == 204) }
    for token in [first, second] { #expect(try replica.ask("GET", "/x", token: token).status == 401) }
    #expect(try replica.ask("GET", "/x", token: third).status == 200)
  }

  @Test func `without a valid token there is nothing to end`() throws {
    let replica = try LoginReplicas().start()
    let answer = try replica.ask("POST", "/auth/logout")
    #expect(answer.status == 401)
    #expect(answer.text == #"{"error":"token_missing"}"#)
  }
}
