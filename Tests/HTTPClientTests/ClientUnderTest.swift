import HTTP
@testable import HTTPClient
import Testing
import Transport

/// A client with the loop that its owner would turn, and what became of its calls.
final class ClientUnderTest {
  struct Record {
    var events: [String] = []
    var statuses: [UInt16] = []
    var head = ResponseHead()
    var content: [UInt8] = []
    var failure: CallFailure?
    var trailers: [String] = []
    var isReused = false
    var sentByteCount = 0
    var text: String { String(decoding: content, as: UTF8.self) }
    var isOver: Bool { failure != nil || events.last == "ended" }
  }

  struct Request {
    var head = RequestHead()
    var authority = "app.test"
    var content: [[UInt8]]?
    var trailers = FieldSection()
    /// Content of the response is taken as it comes.
    var takes = true

    init(_ method: StaticString = "GET", _ target: String = "/", _ fields: [(StaticString, String)] = [], content: [[UInt8]]? = nil) {
      head.methodName = head.fields.store(method)
      head.method = Method(head.fields.bytes.span.extracting(head.methodName.range))
      head.path = head.fields.store(target)
      for (name, value) in fields { head.fields.append(name, value) }
      self.content = content
    }
  }

  var peer: Peer?
  var loop: EventLoop
  var client = HTTPClient(limits: ClientLimits())
  let origin: Int
  var requests: [UInt64: Request] = [:]
  var records: [UInt64: Record] = [:]
  var handles: [UInt64: Handle] = [:]
  var targetRequestCount = 0
  private var lastOwner: UInt64 = 0

  init(port: UInt16?, _ choice: OriginSettings.Choice = .http1, _ configure: (inout OriginSettings) -> Void = { _ in }) throws {
    loop = try EventLoop()
    var settings = OriginSettings(authority: "app.test", choice: choice)
    settings.connect = .seconds(20)
    settings.waiting = .seconds(30)
    configure(&settings)
    origin = client.addOrigin(settings)
    if let port { client.setTarget(origin, addresses: [SocketAddress(literal: "127.0.0.1", port: port)!], protocol: .unknown) }
  }

  /// With a peer that lives as long as the client.
  convenience init(_ peer: Peer, _ choice: OriginSettings.Choice = .http1, _ configure: (inout OriginSettings) -> Void = { _ in }) throws {
    try self.init(port: peer.port, choice, configure)
    self.peer = peer
  }

  @discardableResult func open(_ request: Request) throws -> UInt64 {
    lastOwner += 1
    // The loop's clock stands since its last turn.
    turn()
    requests[lastOwner] = request
    records[lastOwner] = Record()
    let opened = client.open(origin: origin, owner: lastOwner, loop: &loop)
    let call: Handle = try #require(opened)
    handles[lastOwner] = call
    return lastOwner
  }

  /// One exchange from beginning to end.
  func exchange(_ request: Request = Request()) throws -> Record {
    let owner = try open(request)
    run { self.records[owner]!.isOver }
    client.release(handles[owner]!)
    turn()
    return records[owner]!
  }

  func turn(atMost limit: Duration = .zero) {
    let count = loop.wait(atMost: client.hasPendingReads || !client.events.isEmpty ? .zero : limit)
    for index in 0..<count { client.ready(loop.readiness(index), loop: &loop) }
    let now = loop.now
    while let handle = loop.timers.next(dueAt: now) { client.timerFired(handle, loop: &loop) }
    client.resume(loop: &loop)
    repeat {
      var events: [ClientEvent] = []
      swap(&events, &client.events)
      for event in events { handle(event) }
      client.flush(loop: &loop)
    } while !client.events.isEmpty
  }

  func run(until isDone: () -> Bool, _ location: SourceLocation = #_sourceLocation) {
    let deadline = Clock.monotonic() + .seconds(60)
    // What was asked for since the last turn has not begun yet.
    client.flush(loop: &loop)
    while !isDone() {
      guard Clock.monotonic() < deadline else { return _ = Issue.record("still waiting", sourceLocation: location) }
      turn(atMost: .seconds(1))
    }
  }

  private func owner(_ call: Handle) -> UInt64? { client.calls.contains(call) ? client.calls[call].owner : nil }

  private func handle(_ event: ClientEvent) {
    switch event {
    case .needsTarget: targetRequestCount += 1
    case .away: break
    case .assigned(let call):
      guard let owner = owner(call) else { return }
      records[owner]!.isReused = client.calls[call].isReused
      submit(call, requests[owner]!)
    case .interim(let call):
      guard let owner = owner(call), let head = client.takeInterim(call) else { return }
      records[owner]!.statuses.append(head.status)
    case .response(let call):
      guard let owner = owner(call) else { return }
      records[owner]!.events.append("response")
      records[owner]!.head = client.calls[call].response
      records[owner]!.statuses.append(client.calls[call].response.status)
    case .content(let call):
      guard let owner = owner(call), requests[owner]!.takes else { return }
      take(owner)
    case .ended(let call):
      guard let owner = owner(call) else { return }
      records[owner]!.events.append("ended")
      let trailers = client.calls[call].trailers
      records[owner]!.trailers = trailers.lines.map { "\(trailers.string($0.name)): \(trailers.string($0.value))" }
    case .sent(let call, let count):
      if let owner = owner(call) { records[owner]!.sentByteCount += count }
    case .failed(let call, let failure):
      guard let owner = owner(call) else { return }
      records[owner]!.failure = failure
    }
  }

  /// Takes what waits and lets as much follow.
  func take(_ owner: UInt64) {
    let call = handles[owner]!
    let count = client.calls[call].content.count
    client.calls[call].content.withContent { records[owner]!.content.append(copying: $0) }
    client.calls[call].content.drop(count)
    client.grant(call, count)
  }

  private func submit(_ call: Handle, _ request: Request) {
    let isSubmitted = client.submit(
      call, head: request.head, lines: request.head.fields.lines, authority: request.authority.utf8.span,
      endsStream: request.content == nil, loop: &loop)
    guard isSubmitted, let content = request.content else { return }
    for piece in content {
      var queue = ByteQueue()
      queue.append(piece.span)
      client.write(call, &queue)
    }
    client.finish(call, trailers: request.trailers)
  }
}
