public import Gate
import HTTP
public import HTTPClient
public import HTTPServer
import JOSE
public import Telemetry
public import Transport

/// The way of every exchange of one worker. It owns both sides and the Gate, and moves each exchange along as their events
/// come in; nothing it does blocks.
public struct Proxy: ~Copyable {
  static let passageKind: UInt8 = 5
  static let downstreamKind: UInt8 = 7
  /// Content of a request to one of our endpoints. Above: 413 `body_too_large`.
  static let endpointContentBytes = 64 * 1024
  /// How long a request waits for keys.
  static let keyPatience = Duration.seconds(2)

  public struct Configuration: Sendable {
    /// `upstream`: the authority of the URL instead of the client's.
    public var upstreamAuthority: String?
    /// That of the URL as well, for clients that name none (HTTP/1.0).
    public var fallbackAuthority: String
    /// Requests under way. Above: 503 `overloaded`.
    public var inFlightCount: Int
    /// What the access log calls a user; empty: nothing. A reload may replace it.
    public var renderSubject: @Sendable (String) -> [UInt8] = { _ in [] }
    /// The access log names the peer's address.
    public var logsClient = true
    public var sampling = TraceSampling.off

    public init(upstreamAuthority: String?, fallbackAuthority: String, inFlightCount: Int = .max) {
      self.upstreamAuthority = upstreamAuthority
      self.fallbackAuthority = fallbackAuthority
      self.inFlightCount = inFlightCount
    }
  }

  public var server: HTTPServer
  public var client: HTTPClient
  public var counters = WorkerCounters()
  public var accessLog: AccessLog
  public private(set) var snapshot: ProxySnapshot

  var gate: Gate
  private(set) var configuration: Configuration
  private(set) var upstreamAuthority: [UInt8]
  private(set) var origin: Int
  /// The same app over HTTP/1.1, for WebSockets where its HTTP/2 has none; nil where the configuration says `http2`.
  private(set) var http1Origin: Int?
  let slowPath: SlowPath
  let eventLog: EventLog
  var passages = Slab<Passage>(kind: passageKind)
  var downstreams = Slab<Box>(kind: downstreamKind)
  private var serverEvents: [ServerEvent] = []
  private var clientEvents: [ClientEvent] = []
  var responseScratch = ResponseHead()
  var trailerScratch = FieldSection()
  var traceIDs = TraceIDGenerator()
  private var date = HTTPDate()
  /// Of this turn.
  var spans: [SpanRecord] = []
  /// Numbers of route rules as the log writes them.
  var ruleLabels: [[UInt8]] = []
  var spareLines: [[FieldLine]] = []
  var tokenWatch = TokenWatch()
  /// Those that are open.
  var webSocketCount = 0
  private var handshakeLoggedAt: MonotonicTime?
  var memory: MemoryAccount
  /// Content of requests to our endpoints.
  var collectedByteCount = 0

  struct Box: ~Copyable {
    var value: Downstream
  }

  public init(
    server: consuming HTTPServer, client: consuming HTTPClient, origin: Int, http1Origin: Int? = nil,
    gate: consuming Gate, snapshot: ProxySnapshot, configuration: Configuration, slowPath: SlowPath,
    accessLog: consuming AccessLog, eventLog: EventLog, memory: MemoryAccount = MemoryAccount(nil)
  ) {
    self.memory = memory
    self.server = server
    self.client = client
    self.origin = origin
    self.http1Origin = http1Origin
    self.gate = gate
    self.snapshot = snapshot
    self.configuration = configuration
    upstreamAuthority = Array((configuration.upstreamAuthority ?? "").utf8)
    self.slowPath = slowPath
    self.accessLog = accessLog
    self.eventLog = eventLog
  }

  public mutating func publish(_ snapshot: ProxySnapshot) {
    if snapshot.revocations !== self.snapshot.revocations { tokenWatch.isDue = true }
    self.snapshot = snapshot
    gate.assertionKey = snapshot.assertionKey
  }

  /// Another configuration: what is under way goes on, and what comes next is decided and forwarded by the new one.
  ///
  /// - Parameter newOrigin: nil: the app is where it was. Else its calls wait for ``upstreamFound(_:_:_:)``.
  public mutating func configure(_ configuration: Configuration, _ snapshot: ProxySnapshot, newOrigin: OriginSettings?) {
    self.configuration = configuration
    publish(snapshot)
    upstreamAuthority = Array((configuration.upstreamAuthority ?? "").utf8)
    if let newOrigin {
      client.retireOrigin(origin)
      if let http1Origin { client.retireOrigin(http1Origin) }
      origin = client.addOrigin(newOrigin)
      http1Origin = newOrigin.overHTTP1.map { client.addOrigin($0) }
    }
    // Whether a peer is a trusted proxy was said by the old policy.
    for connection in server.connections.handles() {
      let context = Handle(raw: server.connections[connection].context)
      guard downstreams.contains(context) else { continue }
      downstreams[context].value.facts = facts(of: connection)
      downstreams[context].value.loggedToken = nil
    }
  }

  /// Nothing is under way and nobody is connected.
  public var isIdle: Bool { passages.count == 0 && server.connections.count == 0 }

  /// Of the Gate's cache of verified tokens, since the start; and how many there are.
  public var tokenCache: (hitCount: Int64, missCount: Int64, evictionCount: Int64, tokenCount: Int) {
    (gate.cacheHitCount, gate.cacheMissCount, gate.cacheEvictionCount, gate.cachedTokenCount)
  }

  /// The loop must not sleep.
  public var hasWork: Bool { server.hasWork || client.hasPendingReads || !client.events.isEmpty }

  public mutating func upstreamFound(_ addresses: [SocketAddress], _ version: UpstreamProtocol, _ loop: inout EventLoop) {
    client.setTarget(origin, addresses: addresses, protocol: version)
    if let http1Origin { client.setTarget(http1Origin, addresses: addresses, protocol: .http1) }
  }

  public mutating func upstreamLost(_ detail: String, _ loop: inout EventLoop) {
    client.failTarget(origin, detail: detail)
    if let http1Origin { client.failTarget(http1Origin, detail: detail) }
  }

  /// Handles all events of both sides until there are none, then writes once a connection.
  public mutating func settle(_ loop: inout EventLoop) {
    if client.hasPendingReads { client.resume(loop: &loop) }
    if tokenWatch.isDue { endLapsedStreams(&loop) }
    repeat {
      repeat {
        while server.takeEvents(&serverEvents) {
          for index in serverEvents.indices { handle(serverEvents[index], &loop) }
        }
        while takeClientEvents() {
          for index in clientEvents.indices { handle(clientEvents[index], &loop) }
        }
      } while server.hasEvents
      client.flush(loop: &loop)
      server.flush(&loop)
      server.resume(&loop)
    } while server.hasEvents || !client.events.isEmpty
    weighMemory()
    accessLog.flush()
    if !spans.isEmpty {
      slowPath.export(spans)
      spans.removeAll(keepingCapacity: true)
    }
  }

  private mutating func takeClientEvents() -> Bool {
    clientEvents.removeAll(keepingCapacity: true)
    if client.events.isEmpty { return false }
    swap(&client.events, &clientEvents)
    return true
  }

  private mutating func handle(_ event: ServerEvent, _ loop: inout EventLoop) {
    switch event {
    case .opened(let connection): connected(connection)
    case .handshakeFailed: handshakeFailed(&loop)
    case .flooded(let connection, let flood): flooded(connection, flood)
    case .disconnected(let context): downstreams.discard(Handle(raw: context))
    case .request(let exchange): requestArrived(exchange, &loop)
    case .refused(let exchange, let error): requestRefused(exchange, error, &loop)
    case .expired(let exchange): requestExpired(exchange, &loop)
    case .content(let exchange), .ended(let exchange):
      guard server.exchanges.contains(exchange) else { return }
      requestContentArrived(Handle(raw: server.exchanges[exchange].owner), &loop)
    case .space(let exchange):
      guard server.exchanges.contains(exchange) else { return }
      relayResponse(Handle(raw: server.exchanges[exchange].owner), &loop)
    case .closed(let exchange, let closure): finish(exchange, closure, &loop)
    }
  }

  private mutating func handle(_ event: ClientEvent, _ loop: inout EventLoop) {
    switch event {
    case .assigned(let call): connectedUpstream(call, &loop)
    case .interim(let call): interimArrived(call)
    case .response(let call): responseArrived(call, &loop)
    case .content(let call):
      guard client.calls.contains(call) else { return }
      relayResponse(Handle(raw: client.calls[call].owner), &loop)
    case .ended(let call): responseEnded(call, &loop)
    case .sent(let call, _):
      guard client.calls.contains(call) else { return }
      requestContentArrived(Handle(raw: client.calls[call].owner), &loop)
    case .failed(let call, let failure): callFailed(call, failure, &loop)
    case .needsTarget: slowPath.findUpstream()
    case .away(let origin, let isAway): if origin == self.origin { slowPath.tellUpstream(isAway) }
    }
  }

  /// A response that says not when it was made is given the time that we had it (RFC 9110 §6.6.1).
  mutating func dateText() -> [UInt8] { date.text(unixSeconds: Timestamp.now().unixMilliseconds / 1000) }

  private mutating func connected(_ connection: Handle) {
    counters.count(.connectionsAccepted)
    guard server.connections.contains(connection) else { return }
    let downstream = Downstream(
      facts: facts(of: connection), client: Array(server.connections[connection].peer.host.utf8))
    guard let context = downstreams.insert(Box(value: downstream)) else { return }
    server.connections[connection].context = context.raw
  }

  private func facts(of connection: Handle) -> ConnectionFacts {
    let peer = server.connections[connection].peer
    return snapshot.policy.facts(
      peer: peer.family == .unix ? .none : PeerAddress(high: peer.high, low: peer.low),
      listener: server.connections[connection].listener, isTLS: server.connections[connection].isSecure,
      clientCertificateSubject: server.connections[connection].clientCertificateSubject)
  }

  /// Anybody can fail at will: one a second is logged, all are counted.
  private mutating func handshakeFailed(_ loop: inout EventLoop) {
    guard !server.handshakeFailures.isEmpty else { return }
    let failure = server.handshakeFailures.removeFirst()
    counters.count(.tlsHandshakesFailed)
    guard handshakeLoggedAt.map({ $0 + .seconds(1) <= loop.now }) ?? true else { return }
    handshakeLoggedAt = loop.now
    eventLog.info("tls_handshake_failed", [
      "client": .text(failure.peer.host), "listener": .integer(Int64(failure.listener)), "detail": .text(failure.detail),
    ])
  }

  private mutating func flooded(_ connection: Handle, _ flood: H2Flood) {
    counters.flooded(Int(flood.rawValue))
    let context = server.connections.contains(connection) ? Handle(raw: server.connections[connection].context) : .none
    let client = downstreams.contains(context) ? downstreams[context].value.client : []
    eventLog.warn("connection_flooded", ["kind": .text(flood.name.description), "client": .bytes(client)])
  }

  /// A handle of ours came up in the loop's timers.
  public mutating func timerFired(_ handle: Handle, _ loop: inout EventLoop) {
    switch handle.kind {
    case HTTPServer.connectionKind: server.timerFired(handle, &loop)
    case Self.passageKind where handle == TokenWatch.timer: tokenWatch.isDue = true
    case Self.passageKind: passageTimerFired(handle, &loop)
    default: client.timerFired(handle, loop: &loop)
    }
  }
}
