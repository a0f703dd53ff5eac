import Foundation
import HTTP
import HTTPClient
import JOSE
import Synchronization
import Telemetry
import TestPeers
import Testing
import Transport

@testable import Keys

/// What an issuer's server does with one request.
enum Answer: Sendable {
  case status(UInt16, [(StaticString, String)] = [], [UInt8] = [])
  /// 200 with that many spaces: the bytes themselves would be printed by the test runner, megabytes of them.
  case blank(bytes: Int)
  case failure(OutboundFailure.Kind)
  /// Answers only when ``FakeServer/release(with:)`` says what.
  case nothing

  static func ok(_ content: String, _ fields: [(StaticString, String)] = []) -> Answer {
    .status(200, fields, Array(content.utf8))
  }
}

/// The other end of `Outbound`: one handler for all URLs, every request remembered.
final class FakeServer: Sendable {
  private struct State {
    var handler: @Sendable (OutboundRequest) -> Answer
    var requests: [OutboundRequest] = []
    var held: [CheckedContinuation<Answer, Never>] = []
    var heldAwaiting: [CheckedContinuation<Void, Never>] = []
    var threads: Set<Bool> = []
  }

  private let state: Mutex<State>
  private let loop: LoopExecutor

  init(on loop: LoopExecutor) {
    self.loop = loop
    state = Mutex(State(handler: { _ in .failure(.connectFailed) }))
  }

  func answer(_ handler: @escaping @Sendable (OutboundRequest) -> Answer) { state.withLock { $0.handler = handler } }
  func answer(_ answer: Answer) { self.answer { _ in answer } }

  var requests: [OutboundRequest] { state.withLock { $0.requests } }
  var requestCount: Int { requests.count }
  var heldCount: Int { state.withLock { $0.held.count } }
  /// Whether each request was made on the loop's thread.
  var wasOnLoop: Set<Bool> { state.withLock { $0.threads } }

  /// Lets all requests go that wait for an answer, once there is one: how many turns of the loop it takes a fetch to get
  /// here is nobody's promise.
  func release(with answer: Answer) async {
    await withCheckedContinuation { continuation in
      let isHeld = state.withLock { state in
        if state.held.isEmpty { state.heldAwaiting.append(continuation) }
        return !state.held.isEmpty
      }
      if isHeld { continuation.resume() }
    }
    let held = state.withLock { state in
      let held = state.held
      state.held = []
      return held
    }
    for continuation in held { continuation.resume(returning: answer) }
  }

  var outbound: Outbound {
    Outbound { request throws(OutboundFailure) in
      var answer = self.state.withLock { state in
        state.requests.append(request)
        state.threads.insert(self.loop.isIsolatingCurrentContext() == true)
        return state.handler(request)
      }
      if case .nothing = answer {
        answer = await withCheckedContinuation { continuation in
          let awaiting = self.state.withLock { state in
            state.held.append(continuation)
            defer { state.heldAwaiting = [] }
            return state.heldAwaiting
          }
          for waiter in awaiting { waiter.resume() }
        }
      }
      switch answer {
      case .status(let status, let fields, let content):
        return OutboundResponse(head: responseHead(fields, status: status), content: content)
      case .blank(let count): return OutboundResponse(head: responseHead([], status: 200), content: Array(repeating: 0x20, count: count))
      case .failure(let kind): throw OutboundFailure(kind, requestMayHaveLeft: true, detail: "as told")
      case .nothing: throw OutboundFailure(.timedOut, requestMayHaveLeft: true)
      }
    }
  }
}

/// A value that both the test and the service's loop reach.
final class Shared<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>
  init(_ value: Value) { storage = Mutex(value) }
  var value: Value {
    get { storage.withLock { $0 } }
    set { storage.withLock { $0 = newValue } }
  }
  func change(_ body: @Sendable (inout Value) -> Void) { storage.withLock { body(&$0) } }
}

/// A key service on a loop of its own, with a clock that stands still until it is moved.
final class KeyHarness: Sendable {
  let loop: LoopExecutor
  let server: FakeServer
  let service: KeyService
  /// Far ahead of the real one, so that the loop never finds anything due of itself.
  let clock = Shared(Clock.monotonic() + .seconds(1_000_000_000))
  let files = Shared<[String: [UInt8]]>([:])
  private let snapshots = Shared<[KeySnapshot]>([])
  private let logPath: String
  private let logFile: FileHandle
  private let writer: LineWriter

  init(_ issuers: [Keys.Configuration.Issuer]) throws {
    let loop = try LoopExecutor()
    let (clock, files, snapshots) = (clock, files, snapshots)
    self.loop = loop
    server = FakeServer(on: loop)
    logPath = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString).path
    try Data().write(to: URL(fileURLWithPath: logPath))
    logFile = try #require(FileHandle(forWritingAtPath: logPath))
    writer = try LineWriter(descriptor: logFile.fileDescriptor)
    service = try KeyService(
      Keys.Configuration(issuers: issuers), executor: loop,
      surroundings: KeyService.Surroundings(
        outbound: server.outbound, now: { clock.value }, jitter: { 0 },
        read: { path, limit throws(Errno) in
          guard let content = files.value[path] else { throw Errno(2) }
          guard content.count <= limit else { throw .fileTooLarge }
          return content
        }),
      log: EventLog(writer: writer, level: .debug), publish: { snapshot in snapshots.change { $0.append(snapshot) } })
    _ = try Transport.Thread(named: "keys-test") { loop.run() }
  }

  deinit {
    loop.stop()
    writer.close(within: .seconds(5))
    try? FileManager.default.removeItem(atPath: logPath)
  }

  var snapshotCount: Int { snapshots.value.count }

  /// The key IDs of an issuer in the newest snapshot; nil: it has no keys.
  func keyIDs(_ issuer: Int = 0) -> [String?]? {
    guard case .usable(let keys, _)? = snapshots.value.last?.issuers[issuer].availability else { return nil }
    return keys.map(\.keyID)
  }

  func availability(_ issuer: Int = 0) -> KeySnapshot.Availability? {
    snapshots.value.last?.issuers[issuer].availability
  }

  /// Begins, and comes back when the fetches have ended that it began.
  func start() async {
    await service.start()
    await service.settle()
  }

  /// Moves the clock on, from one due moment to the next, and lets happen what then happens.
  func pass(seconds: Int) async {
    let end = clock.value + .seconds(seconds)
    while clock.value < end {
      clock.value = min(await service.nextEventAt, end)
      await service.settle()
    }
  }

  /// Moves the clock on at once.
  func jump(_ duration: Duration) async {
    clock.change { $0 = $0 + duration }
    await service.settle()
  }

  /// What was logged until now; nothing is logged afterwards.
  func log() throws -> [[String: Any]] {
    writer.close(within: .seconds(5))
    let content = try String(contentsOfFile: logPath, encoding: .utf8)
    return try content.split(separator: "\n").map { line in
      try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    }
  }

  func events() throws -> [String] { try log().compactMap { $0["event"] as? String } }
}

extension KeyService {
  /// Does what is due and waits until the fetches have ended.
  func settle() async {
    _ = turn()
    for entry in entries { await entry.fetch?.value }
  }

  var nextEventAt: MonotonicTime { entries.map { $0.lifeCycle.nextEventAt }.min() ?? .distantFuture }

  /// Does what is due and waits for nothing.
  func turnOnce() { _ = turn() }

  func status(_ issuer: Int) -> IssuerStatus { status()[issuer] }
}

extension Keys.Configuration.Issuer {
  static func url(
    _ issuer: String = "https://idp.test/", at url: String = "https://idp.test/jwks", refresh: Duration = .seconds(600),
    keepWhenUnreachable: Duration = .seconds(86_400)
  ) throws -> Self {
    try Self(
      issuer: issuer, source: .url(OutboundURL(url)!), refresh: refresh, keepWhenUnreachable: keepWhenUnreachable)
  }
}
