import Foundation
import TestPeers
import Testing
import Transport

@testable import StateStore

/// What is particular to the Redis home: the way to the server, and what happens while there is none.
@Suite struct RedisStateStoreTests {
  let redis: RedisProcess
  let loop: RunningLoop
  let prefix = "t-\(UUID().uuidString):"

  init() throws {
    redis = try StateStoreHome.server.get()
    loop = try RunningLoop()
  }

  private func open(
    _ change: (inout RedisServer) -> Void = { _ in }, prefix: String? = nil
  ) throws -> RedisStateStore {
    var server = RedisServer(host: "127.0.0.1", port: redis.port, password: Array(RedisProcess.password.utf8))
    change(&server)
    return try RedisStateStore(server, prefix: prefix ?? self.prefix, on: loop.executor, resolver: try NameResolver())
  }

  private func tls(_ authority: String) throws -> ClientTLS {
    try ClientTLS(authorities: .pem([UInt8](try Data(contentsOf: URL(fileURLWithPath: authority)))), protocols: [])
  }

  private func failure(_ store: RedisStateStore) async -> StateStoreError? {
    do throws(StateStoreError) {
      _ = try await store.link(for: "x")
      return nil
    } catch { return error }
  }

  // MARK: The way to the server

  @Test func `an ACL user's store works over TLS, in a database of its own`() async throws {
    let authority = redis.authority
    let security = try tls(authority)
    let store = try open { server in
      server = RedisServer(
        host: "localhost", port: redis.tlsPort, security: security, username: "sidecar",
        password: Array(RedisProcess.userPassword.utf8), database: 3)
    }
    #expect(try await store.claimLink(.sample()) == .created)
    #expect(try await store.link(for: "alice@example.com") == .linked(.sample()))
    #expect(try await open().link(for: "alice@example.com") == .absent)
    #expect(try redis.command("-n", "3", "EXISTS", "\(prefix)link:alice@example.com") == "1")
  }

  @Test func `a certificate of another authority is refused`() async throws {
    let other = try CertificateAuthority()
    let security = try ClientTLS(authorities: .pem(other.certificate), protocols: [])
    let port = redis.tlsPort
    let store = try open { server in
      (server.host, server.port, server.security) = ("localhost", port, security)
    }
    guard case .unreachable(let detail)? = await failure(store) else {
      Issue.record("it was not refused")
      return
    }
    #expect(detail.contains("certificate"), "\(detail)")
  }

  @Test func `a wrong password is told as such`() async throws {
    let store = try open { $0.password = Array("wrong".utf8) }
    #expect(await failure(store) == .refused("WRONGPASS"))
    let silent = try open { $0.password = nil }
    #expect(await failure(silent) == .refused("NOAUTH"))
  }

  @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n\r\n", "+OK\r\n+OK\r\n+OK\r\n", "$-5\r\n", "*9999999999\r\n"])
  func `whoever does not speak the protocol is left`(answer: String) async throws {
    let stranger = try LoopbackServer { connection in
      try? connection.send(answer)
      _ = connection.readToEnd()
    }
    let store = try open { $0.port = stranger.port }
    #expect(await failure(store) != nil)
  }

  @Test func `a server that says nothing is given up in time`() async throws {
    let stranger = try LoopbackServer { connection in _ = connection.readToEnd() }
    let store = try open { $0.port = stranger.port }
    let error = await failure(store)
    #expect(error == .timedOut || { if case .unreachable? = error { true } else { false } }())
  }

  @Test func `keys begin with the prefix, whatever it means in a pattern`() async throws {
    let (one, other) = (try open(prefix: "\(prefix)[a]*"), try open(prefix: "\(prefix)a"))
    _ = try await one.claimLink(.sample())
    _ = try await other.claimLink(.sample("bob@example.com"))
    #expect(try await other.link(for: "alice@example.com") == .absent)
    #expect(try await one.links(from: nil).links.map(\.identifier) == ["alice@example.com"])
  }

  // MARK: What is kept, and how long

  @Test func `a use and its session leave with their times`() async throws {
    let store = try open()
    _ = try await store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    let use = try redis.command("--raw", "KEYS", "\(prefix)used:*")
    #expect(!use.isEmpty)
    #expect((1...3601).contains(Int(try redis.command("TTL", "\(prefix)session:a")) ?? 0))
    let keys = try redis.command("EVAL", "return redis.call('TTL', redis.call('KEYS', ARGV[1])[1])", "0", "\(prefix)used:*")
    #expect((1...301).contains(Int(keys) ?? 0), "\(keys)")
  }

  @Test func `revocations that have run out are forgotten`() async throws {
    let store = try open()
    for number in 0..<20 {
      try await store.revoke([RevocationInForce(.session(id: "\(number)"), until: moment(2000))], at: moment(1000))
    }
    try await store.revoke([RevocationInForce(.session(id: "new"), until: moment(9000))], at: moment(3000))
    #expect(try redis.command("HLEN", "\(prefix)revocations") == "1")
    #expect(try redis.command("ZCARD", "\(prefix)revocations:expiries") == "1")
  }

  @Test func `a revocation that is not understood is not passed over`() async throws {
    let store = try open()
    try redis.command("HSET", "\(prefix)revocations", "?future", "9:9")
    await #expect(throws: StateStoreError.damaged) { _ = try await store.revocations(at: moment(1)) }
  }

  @Test func `signing keys are not kept`() async throws {
    let store = try open()
    let key = StoredSigningKey(keyID: "k", algorithm: "ES256", pem: [1], createdAt: moment(1))
    await #expect(throws: StateStoreError.keysNotKept) { _ = try await store.storeSigningKey(key) }
    #expect(try await store.signingKeys().isEmpty)
  }

  // MARK: While it is away

  @Test func `what was revoked while a follower was cut off is heard once it is back`() async throws {
    // A server of its own: its connections are cut.
    let own = try RedisProcess()
    let port = own.port
    let (store, other) = (try open { $0.port = port }, try open { $0.port = port })
    let (news, continuation) = AsyncStream<RevocationNews>.makeStream()
    let entry = RevocationInForce(.session(id: "s1"), until: moment(9000))
    let later = RevocationInForce(.session(id: "s2"), until: moment(9000))
    store.followRevocations(at: { moment(1000) }) { continuation.yield($0) }
    var (isCut, wasUnheard) = (false, false)
    var heard: Set<RevocationInForce> = []
    for await item in news {
      switch item {
      case .unheard: wasUnheard = true
      case .inForce(let entries), .added(let entries):
        heard.formUnion(entries)
        if !isCut {
          isCut = true
          try own.command("CLIENT", "KILL", "TYPE", "pubsub")
          try await other.revoke([entry, later], at: moment(1000))
        }
      }
      if heard.count == 2 { break }
    }
    #expect(heard == [entry, later])
    #expect(wasUnheard)
  }

  @Test func `one that is told while the others cannot be read is not taken for all of them`() async throws {
    let own = try RedisProcess()
    let port = own.port
    let (store, other) = (try open { $0.port = port }, try open { $0.port = port })
    let earlier = RevocationInForce(.session(id: "s1"), until: moment(9000))
    let told = RevocationInForce(.session(id: "s2"), until: moment(9000))
    try await other.revoke([earlier], at: moment(1000))
    try own.command("ACL", "SETUSER", "default", "-hscan")
    let (news, continuation) = AsyncStream<RevocationNews>.makeStream()
    store.followRevocations(at: { moment(1000) }) { continuation.yield($0) }
    var (isTold, added): (Bool, [RevocationInForce]) = (false, [])
    var all: [RevocationInForce]?
    for await item in news {
      switch item {
      case .unheard:
        if !isTold { try await other.revoke([told], at: moment(1000)) }
        isTold = true
      case .added(let entries):
        added += entries
        try own.command("ACL", "SETUSER", "default", "+hscan")
      case .inForce(let entries): all = entries
      }
      if all != nil { break }
    }
    #expect(added == [told])
    #expect(Set(all ?? []) == [earlier, told])
  }

  @Test func `while the server is gone the answer is no, at once, and its return ends that`() async throws {
    let own = try RedisProcess()
    let port = own.port
    let store = try open { $0.port = port }
    #expect(try await store.claimLink(.sample()) == .created)
    own.stop()
    let refused = await failure(store)
    guard case .unreachable? = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    for _ in 0..<20 { #expect(await failure(store) != nil) }
    let again = try own.restarted()
    var link: LinkLookup?
    while link == nil { link = try? await store.link(for: "alice@example.com") }
    #expect(link == .linked(.sample()))
    again.stop()
  }

  @Test func `a command that hangs is answered within the bound`() async throws {
    let own = try RedisProcess()
    let port = own.port
    let store = try open { $0.port = port }
    _ = try await store.link(for: "x")
    try own.command("CLIENT", "PAUSE", "60000", "ALL")
    #expect(await failure(store) == .timedOut)
  }
}

@Suite struct RedisCodecTests {
  @Test func `words are bytes, whatever they hold`() throws {
    var queue = ByteQueue()
    try queue.append(["SET", RedisWord([0, 13, 10, 36]), ""])
    queue.withContent { content in
      var bytes: [UInt8] = []
      for index in content.indices { bytes.append(content[index]) }
      #expect(bytes == Array("*3\r\n$3\r\nSET\r\n$4\r\n".utf8) + [0, 13, 10, 36] + Array("\r\n$0\r\n\r\n".utf8))
    }
  }

  @Test func `an answer is complete with its last byte`() throws {
    var reader = try RedisReplyReader()
    let text = Array("*5\r\n+OK\r\n:-7\r\n$3\r\na\0b\r\n$-1\r\n-WRONGPASS no key here\r\n".utf8)
    for (index, byte) in text.enumerated() {
      let early = try reader.next()
      #expect(early == nil, "\(index)")
      let one = [byte]
      try reader.feed(one.span)
    }
    let reply = try reader.next()
    #expect(
      reply == .array([.status("OK"), .integer(-7), .bulk([97, 0, 98]), .null, .error(code: "WRONGPASS")]))
  }

  @Test(arguments: [
    Revocation.session(id: "a:b"), .identity(issuer: "a:1", subject: ":b", issuedUntil: moment(7)),
    .token(issuer: "", tokenID: "x"), .digest([0, 58, 255]),
  ])
  func `a revocation is read as it was written`(revocation: Revocation) {
    let entry = RevocationInForce(revocation, until: moment(9))
    let value = "9:\(entry.redisMoment.seconds)"
    #expect(RevocationInForce(redisField: entry.redisField, value: Array(value.utf8)) == entry)
    #expect(RevocationInForce(redisMessage: Array("\(value):".utf8) + entry.redisField) == entry)
  }

  @Test(arguments: ["", "s", "i5:a", "i:a", "x1", "t-1:ab"]) func `another field is none`(field: String) {
    let entry = RevocationInForce(redisField: Array(field.utf8), value: Array("9:0".utf8))
    #expect(entry == nil || field == "s")
  }
}
