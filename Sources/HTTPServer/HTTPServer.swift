import HTTP
public import Transport

/// The downstream side of one loop: connections, their codecs, and exchanges. It does what it is told, queues what
/// happened as events, and writes once a connection and turn in ``flush(_:)``.
public struct HTTPServer: ~Copyable {
  public static let connectionKind: UInt8 = 1
  public static let exchangeKind: UInt8 = 2
  static let sessionKind: UInt8 = 6
  /// Heads whose memory is kept for the next requests.
  static let spareHeadCount = 256

  /// Another value holds for what comes next; HTTP/2 connections keep the settings that they announced.
  public var limits: ServerLimits
  public var connections = Slab<ServerConnection>(kind: connectionKind)
  public var exchanges = Slab<ServerExchange>(kind: exchangeKind)
  var sessions = Slab<H2Session>(kind: sessionKind)
  let sessionMemory = H2SessionMemory()
  /// To be taken by ``takeEvents(_:)`` until there are none.
  var events: [ServerEvent] = []
  /// By the number of the listener: TLS for its connections, or none. Replaced when certificates change; connections
  /// that are open keep theirs.
  public var security: [ServerTLS?] = []
  /// One for each `handshakeFailed` event, in order.
  public var handshakeFailures: [HandshakeFailure] = []
  /// Connections of all loops together; nil: no limit but this loop's own.
  public var budget: SharedBudget?
  /// Bytes that wait here: content not taken, output not sent, input not understood.
  public internal(set) var bufferedByteCount = 0
  /// Under pressure streams have smaller windows and less is queued. To be set by the owner.
  public var pressure = MemoryPressure.none
  var dirty: [Handle] = []
  /// Connections that have something left to read without being told again.
  var resumable: [Handle] = []
  var batch = H2Batch()
  var buffers = BufferPool()
  var spareHeads: [RequestHead] = []
  var output: [UInt8] = []
  public private(set) var isDraining = false
  /// After ``endDraining(_:)``: what begins now was sent by a client that was told not to.
  public private(set) var isPastLastRequest = false
  public internal(set) var counts = ServerCounts()
  var now = MonotonicTime(nanoseconds: 0)

  public init(_ limits: ServerLimits) { self.limits = limits }

  /// Swaps the queued events into `taken`, which is emptied. False when there were none.
  public mutating func takeEvents(_ taken: inout [ServerEvent]) -> Bool {
    taken.removeAll(keepingCapacity: true)
    if events.isEmpty { return false }
    swap(&events, &taken)
    return true
  }

  /// Streams that are open on all HTTP/2 connections. Walks over the connections.
  public var streamCount: Int {
    var count = 0
    for handle in sessions.handles() { count += sessions[handle].streamCount }
    return count
  }

  public var hasEvents: Bool { !events.isEmpty }

  /// The owner's loop must not sleep: connections wait to be read on.
  public var hasWork: Bool { !resumable.isEmpty || !events.isEmpty }

  // MARK: Connections

  /// The descriptor of a connection is ready.
  public mutating func ready(_ readiness: Readiness, _ loop: inout EventLoop) {
    let handle = readiness.handle
    guard connections.contains(handle) else { return }
    now = loop.now
    if readiness.isWritable {
      let isWaiting = !connections[handle].output.isEmpty || connections[handle].stream.wantsToWrite
      if isWaiting || connections[handle].phase == .http2 { markDirty(handle) }
    }
    guard readiness.isReadable else { return }
    read(handle, untilEnd: readiness.isEnding, &loop)
    weigh(handle)
  }

  /// Goes on with connections that were left half-read.
  public mutating func resume(_ loop: inout EventLoop) {
    guard !resumable.isEmpty else { return }
    now = loop.now
    var handles: [Handle] = []
    swap(&handles, &resumable)
    for handle in handles where connections.contains(handle) {
      if !connections[handle].pending.isEmpty { receivePending(handle, &loop) }
      if connections.contains(handle), connections[handle].hasUnread { read(handle, untilEnd: false, &loop) }
      weigh(handle)
    }
  }

  private mutating func read(_ handle: Handle, untilEnd: Bool, _ loop: inout EventLoop) {
    var input: [UInt8] = []
    swap(&input, &loop.input)
    defer { swap(&input, &loop.input) }
    connections[handle].hasUnread = true
    for _ in 0..<4 {
      guard canRead(handle) else { return }
      let outcome: IOOutcome
      do throws(Errno) {
        outcome = try connections[handle].stream.read(into: &input)
      } catch {
        if connections[handle].phase == .handshaking {
          handshakeFailed(handle, connections[handle].stream.securityFailure ?? "\(error)")
        }
        return disconnect(handle, .byClient, &loop)
      }
      if connections[handle].phase == .handshaking, connections[handle].stream.isEstablished { secured(handle, &loop) }
      switch outcome {
      case .bytes(let count):
        receive(handle, input.span.extracting(0..<count), &loop)
        guard connections.contains(handle) else { return }
        if count < input.count, !untilEnd, !connections[handle].stream.mayHoldMore {
          connections[handle].hasUnread = false
          return
        }
      case .wouldBlock:
        connections[handle].hasUnread = false
        return
      case .endOfStream:
        connections[handle].hasUnread = false
        return inputEnded(handle, &loop)
      }
    }
    resumable.append(handle)
  }

  /// A connection whose content nobody takes, or that pipelines far ahead, is not read.
  private func canRead(_ handle: Handle) -> Bool {
    switch connections[handle].phase {
    case .answering: return connections[handle].pending.count < limits.message.headerSectionBytes
    case .body, .tunnel: return takesMore(connections[handle].current)
    default: return true
    }
  }

  func takesMore(_ exchange: Handle) -> Bool { exchanges[exchange].content.count < windowBytes }

  private mutating func receive(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) {
    if connections[handle].pending.isEmpty {
      let consumed = advance(handle, input, &loop)
      if consumed < input.count, connections.contains(handle) {
        if connections[handle].pending.capacity == 0 { connections[handle].pending = buffers.take() }
        unsafe input.extracting(consumed..<input.count).withUnsafeBufferPointer {
          unsafe connections[handle].pending.append(contentsOf: $0)
        }
      }
    } else {
      unsafe input.withUnsafeBufferPointer { unsafe connections[handle].pending.append(contentsOf: $0) }
      receivePending(handle, &loop)
    }
  }

  private mutating func receivePending(_ handle: Handle, _ loop: inout EventLoop) {
    var pending: [UInt8] = []
    swap(&pending, &connections[handle].pending)
    let consumed = advance(handle, pending.span, &loop)
    guard connections.contains(handle) else { return buffers.give(&pending) }
    if consumed == pending.count {
      buffers.give(&pending)
    } else {
      if consumed > 0 { pending.removeSubrange(0..<consumed) }
      swap(&pending, &connections[handle].pending)
    }
    if connections[handle].isInputEnded { pipelineEnds(handle, &loop) }
  }

  /// Understands as much of the input as can be, and says how much that was.
  private mutating func advance(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) -> Int {
    if connections[handle].phase == .undecided {
      switch Preface.compare(input) {
      case .differs: connections[handle].phase = .head
      case .incomplete:
        headBegins(handle, &loop)
        return 0
      case .matches: beginHTTP2(handle)
      }
    }
    if connections[handle].phase == .http2 {
      receiveHTTP2(handle, input, &loop)
      return input.count
    }
    return receiveHTTP1(handle, input, &loop)
  }

  /// The client sent its end. HTTP/1.1: it may only have closed its half and still read. Whether it does cannot be seen, so
  /// the app has a moment to answer; then the client is taken for gone.
  private mutating func inputEnded(_ handle: Handle, _ loop: inout EventLoop) {
    connections[handle].isInputEnded = true
    switch connections[handle].phase {
    case .tunnel: tunnelInputEnded(handle, &loop)
    case .answering:
      connections[handle].inputEndedAt = now
      pipelineEnds(handle, &loop)
      if connections.contains(handle) { arm(handle, &loop) }
    // The last answer is under way; whoever has only ended his half reads it.
    case .closing: break
    default: disconnect(handle, .byClient, &loop)
    }
  }

  /// After the client's end: what it had pipelined before is still answered, its last request being the last of the
  /// connection; a part of a request is none.
  private mutating func pipelineEnds(_ handle: Handle, _ loop: inout EventLoop) {
    switch connections[handle].phase {
    case .answering where isUpgrade(connections[handle].current): disconnect(handle, .byClient, &loop)
    case .answering: if connections[handle].pending.isEmpty { connections[handle].persists = false }
    case .body where !takesMore(connections[handle].current): break
    case .undecided, .head, .body, .discarding: disconnect(handle, .byClient, &loop)
    case .tunnel, .http2, .handshaking, .closing, .lingering: break
    }
  }

  mutating func markDirty(_ handle: Handle) {
    if !connections[handle].isDirty {
      connections[handle].isDirty = true
      dirty.append(handle)
    }
  }

  /// Ends a connection now. What was not sent is lost; a body cut short ends in a reset, not in an orderly end.
  mutating func disconnect(_ handle: Handle, _ closure: ServerEvent.Closure, _ loop: inout EventLoop) {
    guard connections.contains(handle) else { return }
    if isCutShort(handle) {
      connections[handle].stream.socket.resetOnClose()
    } else if connections[handle].isSecure {
      // Under TLS the end has to be said (RFC 8446 §6.1).
      connections[handle].stream.shutdownWriting()
    }
    loop.unwatch(connections[handle].stream.socket.number)
    let current = connections[handle].current
    if !current.isNone { closeExchange(current, closure) }
    let session = connections[handle].session
    if !session.isNone {
      for owner in sessions[session].owners() { closeExchange(Handle(raw: owner), closure) }
      _ = sessions.remove(session)
    }
    events.append(.disconnected(context: connections[handle].context))
    buffers.give(&connections[handle].pending)
    bufferedByteCount -= connections[handle].weighedByteCount
    _ = connections.remove(handle)
    budget?.giveBack()
  }

  /// Something that was begun does not come to its end.
  private func isCutShort(_ handle: Handle) -> Bool {
    let session = connections[handle].session
    if !session.isNone { return sessions[session].streamCount > 0 }
    let current = connections[handle].current
    return !connections[handle].output.isEmpty || exchanges.contains(current) && !exchanges[current].isResponseEnded
  }

  mutating func closeExchange(_ exchange: Handle, _ closure: ServerEvent.Closure) {
    guard exchanges.contains(exchange), !exchanges[exchange].isClosed else { return }
    exchanges[exchange].isClosed = true
    events.append(.closed(exchange, closure))
  }

  // MARK: Draining

  /// First step of two: HTTP/2 connections are told that there will be an end (RFC 9113 §6.8), HTTP/1.1 connections end with
  /// the next response that can say so (`Connection: close`). Requests that are on their way, or that begin until
  /// ``endDraining(_:)``, are served.
  public mutating func drain(_ loop: inout EventLoop) {
    now = loop.now
    isDraining = true
    for handle in connections.handles() {
      switch connections[handle].phase {
      case .http2:
        sessions[connections[handle].session].announceShutdown()
        markDirty(handle)
      case .body, .answering:
        // A response that has begun did not say that it is the last: a request may follow it already.
        let exchange = connections[handle].current
        if !exchanges[exchange].isResponseStarted { connections[handle].persists = false }
      case .handshaking, .undecided, .head, .discarding, .tunnel, .closing, .lingering: break
      }
    }
  }

  /// Second step, once clients have had time to hear of the first: HTTP/2 connections are told their last request, HTTP/1.1
  /// connections that are idle end. A request that begins all the same is the owner's to refuse; see ``isPastLastRequest``.
  public mutating func endDraining(_ loop: inout EventLoop) {
    now = loop.now
    isPastLastRequest = true
    for handle in connections.handles() {
      switch connections[handle].phase {
      case .http2:
        sessions[connections[handle].session].goAway(code: H2ErrorCode.noError)
        markDirty(handle)
      case .handshaking, .undecided, .head:
        if connections[handle].pending.isEmpty { disconnectInOrder(handle, &loop) }
      default: break
      }
    }
  }

  /// The end of all connections, whatever is under way: what is cut short by it ends in a reset.
  public mutating func disconnectAll(_ loop: inout EventLoop) {
    for handle in connections.handles() { disconnect(handle, .byUs, &loop) }
  }

  /// Ends a connection on which nothing is under way.
  mutating func disconnectInOrder(_ handle: Handle, _ loop: inout EventLoop) {
    connections[handle].phase = .lingering
    disconnect(handle, .byUs, &loop)
  }

  mutating func makeExchange(_ connection: Handle, head: inout RequestHead, slot: Int) -> Handle? {
    var taken = spareHeads.popLast() ?? RequestHead()
    swap(&taken, &head)
    return exchanges.insert(ServerExchange(connection: connection, head: consume taken, slot: slot, now: now))
  }
}

/// One connection as an operator sees it.
public struct ConnectionSummary: Sendable {
  public let peer: SocketAddress
  public let listener: Int
  public let isHTTP2: Bool
  /// Requests under way.
  public let requestCount: Int
  /// When it last changed what it does, or bytes of HTTP/1.1 moved.
  public let movedAt: MonotonicTime
}

extension HTTPServer {
  /// At most `limit` of the connections, for whoever asks about them.
  public func connectionSummaries(limit: Int) -> [ConnectionSummary] {
    connections.handles().prefix(limit).map { handle in
      let session = connections[handle].session
      let requestCount = session.isNone ? (exchanges.contains(connections[handle].current) ? 1 : 0) : sessions[session].streamCount
      return ConnectionSummary(
        peer: connections[handle].peer, listener: connections[handle].listener, isHTTP2: !session.isNone,
        requestCount: requestCount, movedAt: connections[handle].phaseBeganAt)
    }
  }
}

/// What the server counts itself, since the start.
public struct ServerCounts: Sendable {
  /// HTTP/2 connections that were ended because the client broke the protocol.
  public var protocolViolations: Int64 = 0
  /// Times that connections were left in the accept queue because there were too many.
  public var connectionLimitHits: Int64 = 0
  /// Times that they were left there because descriptors had run out.
  public var descriptorLimitHits: Int64 = 0
}

/// The first bytes of an HTTP/2 connection (RFC 9113 §3.4).
enum Preface {
  enum Comparison { case matches, differs, incomplete }

  static func compare(_ input: Span<UInt8>) -> Comparison {
    let text: StaticString = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    let known = min(input.count, text.utf8CodeUnitCount)
    for index in 0..<known where unsafe text.utf8Start[index] != input[index] { return .differs }
    return input.count >= text.utf8CodeUnitCount ? .matches : .incomplete
  }
}
