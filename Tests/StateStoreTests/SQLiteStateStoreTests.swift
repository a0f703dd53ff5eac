import Foundation
import TestPeers
import Testing
import Transport

@testable import StateStore

/// What is particular to the SQLite home: the file, damage, locks, the bound.
@Suite struct SQLiteStateStoreTests {
  let folder: TemporaryFolder
  let loop: RunningLoop

  init() throws {
    folder = try TemporaryFolder()
    loop = try RunningLoop()
  }

  private func open(_ name: String = "state.db", bound: Duration = .seconds(2)) throws -> SQLiteStateStore {
    try SQLiteStateStore(path: folder.path(name), deadlinesOn: loop.executor, bound: bound)
  }

  /// Somebody else's tool on the same file.
  @discardableResult
  private func sqlite(_ statement: String, _ name: String = "state.db") throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = [
      "-c", "import sqlite3,sys\nc=sqlite3.connect(sys.argv[1],isolation_level=None)\nfor r in c.execute(sys.argv[2]): print(*r)",
      folder.path(name), statement,
    ]
    let output = Pipe()
    process.standardOutput = output
    try process.start()
    process.waitUntilExit()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  private func mode(_ name: String) throws -> Int? {
    try (FileManager.default.attributesOfItem(atPath: folder.path(name))[.posixPermissions] as? NSNumber)?.intValue
  }

  @Test func `what was stored is there after opening anew`() async throws {
    var store: SQLiteStateStore? = try open()
    _ = try await store?.claimLink(.sample())
    store = nil
    #expect(try await open().link(for: "alice@example.com") == .linked(.sample()))
  }

  @Test func `the file and its companions are their owner's alone`() async throws {
    let store = try open()
    _ = try await store.claimLink(.sample())
    for name in ["state.db", "state.db-wal", "state.db-shm"] { #expect(try mode(name) == 0o600, "\(name)") }
  }

  @Test func `an existing file that others can read is closed to them`() async throws {
    _ = try open()
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.path("state.db"))
    _ = try open()
    #expect(try mode("state.db") == 0o600)
  }

  @Test func `commits are written ahead and fully synchronised`() async throws {
    let store = try open()
    #expect(try sqlite("PRAGMA journal_mode") == "wal")
    let synchronous = try await store.pragma("synchronous")
    #expect(synchronous == 2)
  }

  @Test(arguments: ["file:x?mode=memory", ":memory:"])
  func `names that mean something to the library are plain file names here`(name: String) async throws {
    _ = try await open(name).claimLink(.sample())
    #expect(try await open(name).link(for: "alice@example.com") == .linked(.sample()))
  }

  @Test func `a folder that is missing is named`() {
    #expect(throws: StateStoreError.cannotOpen(path: folder.path("no/state.db"), reason: "No such file or directory")) {
      try open("no/state.db")
    }
  }

  @Test func `a folder in place of the file is refused`() throws {
    try FileManager.default.createDirectory(atPath: folder.path("state.db"), withIntermediateDirectories: false)
    #expect(throws: StateStoreError.cannotOpen(path: folder.path("state.db"), reason: "not a regular file")) { try open() }
  }

  @Test func `a text file is refused and left as it is`() throws {
    let text = Data(String(repeating: "this is no database\n", count: 100).utf8)
    try text.write(to: URL(filePath: folder.path("state.db")))
    #expect {
      try open()
    } throws: { error in
      if case .damagedFile = error as? StateStoreError { true } else { false }
    }
    #expect(try Data(contentsOf: URL(filePath: folder.path("state.db"))) == text)
  }

  @Test func `another program's database is refused and left as it is`() throws {
    try sqlite("CREATE TABLE invoices (id INTEGER)")
    #expect(throws: StateStoreError.foreignFile(path: folder.path("state.db"))) { try open() }
    #expect(try sqlite("SELECT name FROM sqlite_schema") == "invoices")
    #expect(try sqlite("PRAGMA journal_mode") == "delete")
  }

  @Test func `a newer release's file is refused`() throws {
    _ = try open()
    try sqlite("PRAGMA user_version = 99")
    #expect(throws: StateStoreError.newerSchema(path: folder.path("state.db"), found: 99, supported: SQLiteSchema.migrations.count)) { try open() }
  }

  @Test func `a file of the first release is brought up to date and loses nothing`() async throws {
    let script = SQLiteSchema.migrations[0] + """
      PRAGMA application_id = \(SQLiteSchema.applicationID); PRAGMA user_version = 1;
      INSERT INTO identity_links VALUES ('alice@example.com', 'https://idp.test/', 'alice', x'7B7D', 1, 1000);
      INSERT INTO revocations VALUES ('session', '', CAST('s1' AS BLOB), 0, 5000);
      INSERT INTO sessions VALUES ('a', 'https://idp.test/', 'alice', 'alice@example.com', 1000, 4600);
      """
    try script.write(toFile: folder.path("script"), atomically: true, encoding: .utf8)
    let tool = try ChildProcess.run(
      "/usr/bin/python3",
      ["-c", "import sqlite3,sys\nsqlite3.connect(sys.argv[1]).executescript(open(sys.argv[2]).read())",
        folder.path("state.db"), folder.path("script")])
    try #require(tool.code == 0, "\(tool.output)")
    let store = try open()
    #expect(try await store.link(for: "alice@example.com") == .linked(.sample(claims: "{}")))
    #expect(
      try await store.revocations(at: moment(1000)) == [RevocationInForce(.session(id: "s1"), until: moment(5000))])
    #expect(try await store.session("a", at: moment(1000)) == .sample("a"))
    #expect(try sqlite("PRAGMA user_version") == "\(SQLiteSchema.migrations.count)")
  }

  @Test func `nothing that is done to a file makes it look damaged`() async throws {
    let store = try open()
    _ = try await store.claimLink(.sample())
    _ = try await store.markUsed(digest(1), until: moment(1300), starting: .sample("a"), at: moment(1000))
    for revocation in [Revocation.session(id: "s"), .token(issuer: "i", tokenID: "t"), .digest([1])] {
      try await store.revoke([RevocationInForce(revocation, until: moment(5000))], at: moment(1000))
    }
    _ = try await store.removeLink(for: "alice@example.com", at: moment(2000), revokingUntil: moment(6000))
    #expect(try await open().link(for: "alice@example.com") == .removed)
  }

  @Test func `who opens the file knows at once what is revoked`() async throws {
    let entry = RevocationInForce(.session(id: "s1"), until: moment(5000))
    try await open().revoke([entry], at: moment(1000))
    let store = try open()
    #expect(store.takeRevocationsAtStart() == [entry])
    #expect(store.takeRevocationsAtStart() == nil)
  }

  @Test func `what was forgotten meanwhile hides nothing from a follower`() async throws {
    let (store, other) = (try open(), try open())
    let (news, continuation) = AsyncStream<RevocationNews>.makeStream()
    let (first, second) = (
      RevocationInForce(.session(id: "first"), until: moment(1000)),
      RevocationInForce(.session(id: "second"), until: moment(9000))
    )
    try await store.revoke([first], at: moment(900))
    other.followRevocations(at: { moment(900) }) { continuation.yield($0) }
    var heard: Set<RevocationInForce> = []
    for await item in news {
      guard case .inForce(let entries) = item else { continue }
      // The first one is deleted on the way.
      if heard.isEmpty, !entries.isEmpty { try await store.revoke([second], at: moment(2000)) }
      heard.formUnion(entries)
      if heard.contains(second) { break }
    }
    #expect(heard == [first, second])
  }

  @Test func `damage is found at start and told`() async throws {
    var store: SQLiteStateStore? = try open()
    for number in 0..<200 { _ = try await store?.claimLink(.sample("user-\(number)@example.com")) }
    store = nil
    try sqlite("PRAGMA wal_checkpoint(TRUNCATE)")
    let file = try FileHandle(forUpdating: URL(filePath: folder.path("state.db")))
    try file.seek(toOffset: 4096 * 2)
    let size = try file.seekToEnd()
    for page in 1..<(size / 4096) {
      try file.seek(toOffset: page * 4096 + 8)
      try file.write(contentsOf: Data(repeating: 0xA5, count: 512))
    }
    try file.close()
    #expect {
      try open()
    } throws: { error in
      guard case .damagedFile(_, let detail) = error as? StateStoreError else { return false }
      return !detail.isEmpty && "\(error)".contains("restore a copy")
    }
  }

  @Test func `a lock that another process keeps ends in an error within the bound`() async throws {
    let store = try open(bound: .seconds(1))
    let holder = try open(bound: .seconds(60))
    try await holder.holdingWriteLock {
      await #expect(throws: StateStoreError.locked) { _ = try await store.claimLink(.sample()) }
    }
    #expect(try await store.link(for: "alice@example.com") == .absent)
    #expect(try await store.claimLink(.sample()) == .created)
  }

  @Test func `an operation that hangs is answered at its deadline, and so are those behind it`() async throws {
    let store = try open(bound: .milliseconds(100))
    let gate = DispatchSemaphore(value: 0)
    let begun = AsyncStream<Void>.makeStream()
    let stuck = Task { try await store.blockThread(on: gate, begun.continuation) }
    for await _ in begun.stream {}
    let behind = Task { _ = try await store.link(for: "alice@example.com") }
    await #expect(throws: StateStoreError.timedOut) { try await stuck.value }
    await #expect(throws: StateStoreError.timedOut) { try await behind.value }
    gate.signal()
    #expect(try await store.claimLink(.sample()) == .created)
  }

  @Test func `a full disk is told as such and changes nothing`() async throws {
    let store = try open()
    _ = try await store.claimLink(.sample())
    try await store.limitPages(to: 14)
    let long = String(repeating: "x", count: 100_000)
    await #expect(throws: StateStoreError.diskFull) { _ = try await store.claimLink(.sample("big", claims: long)) }
    #expect(try await store.link(for: "big") == .absent)
    #expect(try await store.link(for: "alice@example.com") == .linked(.sample()))
  }

  @Test func `stores that open one new file together all succeed`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { _ = try self.open() } }
      try await group.waitForAll()
    }
  }
}

extension SQLiteStateStore {
  fileprivate func pragma(_ name: String) async throws -> Int64? {
    try await operations.perform { database throws(StateStoreError) in
      try database.rows("PRAGMA \(name)") { row in row.integer(0) }.first
    }
  }

  fileprivate func limitPages(to count: Int) async throws {
    try await operations.perform { database throws(StateStoreError) in
      try database.execute("PRAGMA max_page_count = \(count)")
    }
  }

  fileprivate func blockThread(on gate: DispatchSemaphore, _ begun: AsyncStream<Void>.Continuation) async throws {
    try await operations.perform { _ throws(StateStoreError) in
      begun.finish()
      gate.wait()
    }
  }

  /// The thread of this store holds the write lock while `body` runs.
  fileprivate func holdingWriteLock(_ body: () async throws -> Void) async throws {
    let (locked, release) = (AsyncStream<Void>.makeStream(), DispatchSemaphore(value: 0))
    async let holding: Void = operations.perform { database throws(StateStoreError) in
      try database.transaction { () throws(StateStoreError) in
        locked.continuation.finish()
        release.wait()
      }
    }
    for await _ in locked.stream {}
    try await body()
    release.signal()
    try await holding
  }
}
