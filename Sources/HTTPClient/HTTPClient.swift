public import HTTP
public import Transport

/// The upstream side of one loop: origins, their connections, codecs, and calls. It does what it is told, queues what
/// happened in `events`, and writes once a connection and turn in ``flush(loop:)``.
///
/// A turn of its owner: hand it readiness and timers, ``resume(loop:)``, then take `events` and ``flush(loop:)`` until
/// there are no more events. While ``hasPendingReads`` the owner's loop must not sleep.
public struct HTTPClient: ~Copyable {
  /// Of handles in readiness and timers.
  public static let connectionKind: UInt8 = 3
  public static let callKind: UInt8 = 4
  static let sessionKind: UInt8 = 7
  /// Heads whose memory is kept for the next responses.
  static let spareHeadCount = 256

  /// Another value holds for what comes next; HTTP/2 connections keep the settings that they announced.
  public var limits: ClientLimits
  public var calls = Slab<ClientCall>(kind: callKind)
  /// To be swapped out by the owner, handled, and looked at again until empty.
  public var events: [ClientEvent] = []
  /// Bytes that wait here: content not granted, output not sent, input not understood.
  public internal(set) var bufferedByteCount = 0
  /// Under pressure streams have smaller windows. To be set by the owner.
  public var pressure = MemoryPressure.none
  /// By how much windows of streams are larger than what is announced to all.
  var addedWindowBytes = 0
  var connections = Slab<ClientConnection>(kind: connectionKind)
  var sessions = Slab<H2Session>(kind: sessionKind)
  let sessionMemory = H2SessionMemory()
  var origins: [Origin] = []
  /// Origins whose waiting calls need another connection.
  var wanting: [Int] = []
  var dirty: [Handle] = []
  /// Connections that have something left to read without being told again.
  var hot: [Handle] = []
  var batch = H2Batch()
  var buffers = BufferPool()
  var spareHeads: [ResponseHead] = []
  var now = MonotonicTime(nanoseconds: 0)

  public init(limits: ClientLimits) { self.limits = limits }

  /// Connections that have more to read than their share of a turn.
  public var hasPendingReads: Bool { !hot.isEmpty }
  /// Open connections, those being made included.
  public var connectionCount: Int { connections.count }

  // MARK: Origins

  /// - Returns: the number that names the origin from now on.
  public mutating func addOrigin(_ settings: OriginSettings) -> Int {
    origins.append(Origin(settings))
    return origins.count - 1
  }

  /// Where the origin is and, in cleartext, what it speaks. Waiting calls proceed with the next flush. A protocol that
  /// was configured stands, whatever is said here.
  public mutating func setTarget(
    _ origin: Int, addresses: [SocketAddress], protocol upstreamProtocol: UpstreamProtocol
  ) {
    if origins[origin].addresses != addresses { origins[origin].preferredAddress = 0 }
    origins[origin].addresses = addresses
    let isOpen = origins[origin].settings.choice == .auto && origins[origin].settings.security == nil
    if isOpen, upstreamProtocol != .unknown { origins[origin].upstreamProtocol = upstreamProtocol }
    origins[origin].isTargetRequested = false
    want(origin)
  }

  /// Resolving or probing failed. Without an earlier target all waiting calls fail.
  public mutating func failTarget(_ origin: Int, detail: String) {
    origins[origin].isTargetRequested = false
    if !hasTarget(origin) { failWaiting(origin, .unreachable, detail: detail) }
  }

  public func target(_ origin: Int) -> (addresses: [SocketAddress], protocol: UpstreamProtocol) {
    (origins[origin].addresses, origins[origin].upstreamProtocol)
  }

  /// No new calls will come: idle connections end now, the others with their last call.
  public mutating func retireOrigin(_ origin: Int) {
    origins[origin].isRetired = true
    for handle in connections.handles() where connections[handle].origin == origin {
      connections[handle].isDraining = true
      if connections[handle].callCount == 0 { close(handle) }
    }
  }

  // MARK: Calls

  /// Begins a call: reserves a connection, at once or as soon as there is one; `assigned` says when.
  ///
  /// - Parameter isTunnel: the request will be a WebSocket handshake.
  /// - Returns: nil when too many calls wait already.
  public mutating func open(origin: Int, owner: UInt64, isTunnel: Bool = false, loop: inout EventLoop) -> Handle? {
    now = loop.now
    let ready = origins[origin].waitingCount == 0 ? readyConnection(origin) : nil
    if ready == nil, origins[origin].waitingCount >= origins[origin].settings.waitingCount { return nil }
    let created = ClientCall(
      origin: origin, owner: owner, isTunnel: isTunnel, response: spareHeads.popLast() ?? ResponseHead(),
      responseHead: origins[origin].settings.responseHead, now: now)
    guard let call = calls.insert(created) else {
      if let ready { free(ready) }
      return nil
    }
    if let ready { assign(call, to: ready) } else { wait(call, origin) }
    return call
  }

  /// Sends the request head, after `assigned`. `lines` are positions in the head's arena and are copied before this
  /// returns; connection-specific lines and `host` among them are left out. Of the head itself method, target and
  /// `upgradeProtocol` are used. `authority` becomes `:authority` or `Host`.
  ///
  /// A tunnel's head is of a handshake of either version; what the upstream version needs is written whichever it is,
  /// but for `sec-websocket-key`, which is among the lines where ``speaksHTTP2(_:)`` says no.
  ///
  /// In HTTP/1.1 content is delimited by a `content-length` among the lines, else by chunks.
  ///
  /// - Returns: false if the request cannot go; `failed` is then among the events.
  public mutating func submit(
    _ call: Handle, head: borrowing RequestHead, lines: [FieldLine], authority: Span<UInt8>, endsStream: Bool,
    loop: inout EventLoop
  ) -> Bool {
    now = loop.now
    guard calls.contains(call), calls[call].phase == .assigned else { return false }
    let connection = calls[call].connection
    guard connections.contains(connection) else {
      fail(call, CallFailure(.refused, retryable: true, mayHaveLeft: false, detail: "connection lost before use"))
      return false
    }
    calls[call].writtenBefore = connections[connection].writtenByteCount
    calls[call].movedAt = now
    calls[call].isRequestEnded = endsStream
    let isSubmitted: Bool
    if connections[connection].phase == .http2 {
      isSubmitted = submitHTTP2(call, connection, head, lines, authority, endsStream)
    } else {
      isSubmitted = submitHTTP1(call, connection, head, lines, authority, endsStream)
    }
    guard isSubmitted else { return false }
    calls[call].phase = .awaitingHead
    markDirty(connection)
    arm(connection, by: now + calls[call].responseHeadTimeout, &loop)
    return true
  }

  /// Moves request content in. Nothing is refused here: the owner bounds what it queues by ``queuedByteCount(_:)``.
  public mutating func write(_ call: Handle, _ queue: inout ByteQueue) {
    guard calls.contains(call), isSubmitted(call), !queue.isEmpty else { return }
    let connection = calls[call].connection
    guard !calls[call].isRequestEnded, connections.contains(connection) else { return queue.drop(queue.count) }
    calls[call].hasContentBegun = true
    if connections[connection].phase == .http2 {
      let session = connections[connection].session
      if calls[call].slot >= 0 { queue.withContent { sessions[session].write(calls[call].slot, $0) } }
      queue.drop(queue.count)
    } else {
      writeHTTP1(call, connection, &queue)
    }
    markDirty(connection)
  }

  /// No more request content; with fields, they follow as the trailer section where the protocol can carry one.
  public mutating func finish(_ call: Handle, trailers: borrowing FieldSection) {
    guard calls.contains(call), isSubmitted(call), !calls[call].isRequestEnded else { return }
    calls[call].isRequestEnded = true
    calls[call].movedAt = now
    let connection = calls[call].connection
    guard connections.contains(connection) else { return }
    if connections[connection].phase == .http2 {
      let session = connections[connection].session
      if calls[call].slot >= 0 { sessions[session].finish(calls[call].slot, trailers: trailers) }
    } else {
      finishHTTP1(call, connection, trailers)
    }
    markDirty(connection)
  }

  /// Bytes of request content (in HTTP/1.1 with their framing) that wait to be sent.
  public func queuedByteCount(_ call: Handle) -> Int {
    guard calls.contains(call), connections.contains(calls[call].connection) else { return 0 }
    let connection = calls[call].connection
    if connections[connection].phase != .http2 { return connections[connection].output.count }
    return calls[call].slot >= 0 ? sessions[connections[connection].session].queuedByteCount(calls[call].slot) : 0
  }

  /// Response content was passed on: so many bytes may follow.
  public mutating func grant(_ call: Handle, _ count: Int) {
    guard calls.contains(call) else { return }
    let given = min(count, calls[call].ungrantedByteCount)
    guard given > 0 else { return }
    calls[call].ungrantedByteCount -= given
    bufferedByteCount -= given
    calls[call].movedAt = now
    let connection = calls[call].connection
    guard connections.contains(connection) else { return }
    if connections[connection].phase == .http2 {
      guard calls[call].slot >= 0 else { return }
      sessions[connections[connection].session].consume(calls[call].slot, given)
      markDirty(connection)
    } else if connections[connection].hasUnread || !connections[connection].pending.isEmpty {
      markHot(connection)
    }
  }

  /// The next interim response head; one for each `interim` event.
  public mutating func takeInterim(_ call: Handle) -> ResponseHead? {
    guard calls.contains(call), !calls[call].interims.isEmpty else { return nil }
    return calls[call].interims.removeFirst()
  }

  /// Ends a call before its time (RST_STREAM CANCEL, or the end of the HTTP/1.1 connection) and forgets it.
  public mutating func cancel(_ call: Handle) { release(call) }

  /// Forgets a call. One that has not ended is cancelled; after a complete exchange the connection serves others.
  public mutating func release(_ call: Handle) {
    guard calls.contains(call) else { return }
    detach(call)
    bufferedByteCount -= calls[call].ungrantedByteCount
    addedWindowBytes -= calls[call].addedWindowBytes
    calls[call].content.drop(calls[call].content.count)
    calls[call].content.giveBack(to: &buffers)
    if spareHeads.count < Self.spareHeadCount, calls[call].response.fields.bytes.capacity <= 8 * 1024 {
      var head = ResponseHead()
      swap(&head, &calls[call].response)
      head.removeAll()
      spareHeads.append(consume head)
    }
    calls.discard(call)
  }

  // MARK: Shared by both protocols

  private func isSubmitted(_ call: Handle) -> Bool { calls[call].phase != .waiting && calls[call].phase != .assigned }

  /// The call and its connection no longer know each other.
  mutating func detach(_ call: Handle) {
    if calls[call].phase == .waiting {
      origins[calls[call].origin].waitingCount -= 1
      calls[call].phase = .failed
      return
    }
    let connection = calls[call].connection
    calls[call].connection = .none
    guard connections.contains(connection) else { return }
    connections[connection].callCount -= 1
    connections[connection].servedCount += 1
    if connections[connection].phase == .http2 { detachHTTP2(call, connection) } else { detachHTTP1(call, connection) }
  }

  /// Says once that the call has failed, and frees its connection.
  mutating func fail(_ call: Handle, _ failure: CallFailure) {
    guard calls.contains(call), calls[call].phase != .failed, calls[call].phase != .ended else { return }
    detach(call)
    calls[call].phase = .failed
    events.append(.failed(call, failure))
  }

  func mayHaveLeft(_ call: Handle) -> Bool {
    switch calls[call].phase {
    case .waiting, .assigned: return false
    case .awaitingHead:
      let connection = calls[call].connection
      return !connections.contains(connection) || connections[connection].writtenByteCount != calls[call].writtenBefore
    case .receiving, .ended, .failed: return true
    }
  }

  mutating func announceContent(_ call: Handle) {
    if case .content(call)? = events.last { return }
    events.append(.content(call))
  }

  mutating func markDirty(_ connection: Handle) {
    guard connections.contains(connection), !connections[connection].isDirty else { return }
    connections[connection].isDirty = true
    dirty.append(connection)
  }

  mutating func markHot(_ connection: Handle) {
    guard connections.contains(connection), !connections[connection].isHot else { return }
    connections[connection].isHot = true
    hot.append(connection)
  }
}
