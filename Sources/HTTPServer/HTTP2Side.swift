import HTTP
import Transport

extension HTTPServer {
  mutating func beginHTTP2(_ handle: Handle) {
    let settings = H2Settings(
      concurrentStreamCount: UInt32(clamping: limits.streamCount), streamWindowBytes: UInt32(clamping: limits.streamWindowBytes),
      connectionWindowBytes: Int32(clamping: limits.connectionWindowBytes), limits: limits.message, offersConnectProtocol: true)
    guard let session = sessions.insert(H2Session(.server, settings, memory: sessionMemory)) else { return }
    connections[handle].phase = .http2
    connections[handle].session = session
    // It was in the accept queue when draining began.
    if isDraining { sessions[session].announceShutdown() }
    if isPastLastRequest { sessions[session].goAway(code: H2ErrorCode.noError) }
    markDirty(handle)
  }

  mutating func receiveHTTP2(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) {
    // The connection was given up; only its GOAWAY is still under way.
    guard connections[handle].persists else { return }
    let session = connections[handle].session
    var failure: H2ConnectionError?
    sessions[session].heal(atNanoseconds: now.nanoseconds)
    do throws(H2ConnectionError) {
      try sessions[session].receive(input, into: &batch)
    } catch {
      failure = error
    }
    handleBatch(handle, session, input)
    markDirty(handle)
    if let failure {
      var flood: H2Flood?
      if case .flooded(let kind) = failure { flood = kind } else { counts.protocolViolations &+= 1 }
      giveUp(handle, flood)
      return arm(handle, &loop)
    }
    if !sessions[session].isReadingSection {
      connections[handle].sectionBeganAt = .distantFuture
    } else if connections[handle].sectionBeganAt == .distantFuture {
      connections[handle].sectionBeganAt = now
      arm(handle, &loop)
    }
    // What was armed may be of the time when the connection was idle, and come up much later.
    if connections[handle].timerArmedAt > now + min(limits.bodyIdle, limits.idle) { arm(handle, &loop) }
  }

  /// The session has said GOAWAY because of the client: nothing of it goes on.
  mutating func giveUp(_ handle: Handle, _ flood: H2Flood?) {
    connections[handle].persists = false
    connections[handle].phaseBeganAt = now
    for owner in sessions[connections[handle].session].owners() { closeExchange(Handle(raw: owner), .byClient) }
    if let flood { events.append(.flooded(connection: handle, flood)) }
    markDirty(handle)
  }

  /// Turns what the session recorded into exchanges and events.
  private mutating func handleBatch(_ handle: Handle, _ session: Handle, _ input: Span<UInt8>) {
    for index in 0..<batch.events.count {
      switch batch.events[index] {
      case .request(let slot, let head, let endsStream):
        guard let exchange = openExchange(handle, session, slot, head) else { continue }
        exchanges[exchange].isRequestEnded = endsStream
        events.append(.request(exchange))
      case .refused(let slot, let head, let error):
        guard let exchange = openExchange(handle, session, slot, head) else { continue }
        events.append(.refused(exchange, error))
      case .malformed(let slot, let head, let error):
        guard let exchange = openExchange(handle, session, slot, head) else { continue }
        events.append(.refused(exchange, error))
        closeExchange(exchange, .byUs)
      case .trailersRefused(let slot, let error):
        let exchange = Handle(raw: sessions[session].owner(slot))
        if exchanges.contains(exchange) { events.append(.refused(exchange, error)) }
      case .content(let slot, let offset, let count):
        let exchange = Handle(raw: sessions[session].owner(slot))
        guard exchanges.contains(exchange), !exchanges[exchange].isResponseEnded || exchanges[exchange].isTunnel else {
          sessions[session].consume(slot, count)
          if exchanges.contains(exchange) { discard(exchange, session, count) }
          continue
        }
        exchanges[exchange].content.borrow(from: &buffers)
        exchanges[exchange].content.append(input.extracting(offset..<(offset + count)))
        exchanges[exchange].receivedByteCount += count
        bufferedByteCount += count
        exchanges[exchange].movedAt = now
        if pressure != .none || exchanges[exchange].hasSmallWindow { resizeWindow(exchange, session) }
        events.append(.content(exchange))
      case .trailers(let slot, let index):
        let exchange = Handle(raw: sessions[session].owner(slot))
        guard exchanges.contains(exchange) else { continue }
        swap(&exchanges[exchange].trailers, &batch.trailers[index])
        exchanges[exchange].isRequestEnded = true
        events.append(.ended(exchange))
      case .ended(let slot):
        let exchange = Handle(raw: sessions[session].owner(slot))
        guard exchanges.contains(exchange) else { continue }
        exchanges[exchange].isRequestEnded = true
        events.append(.ended(exchange))
      case .closed(let slot, let code):
        streamClosed(session, slot, code)
      case .response, .responseRefused, .goingAway, .settings: break
      }
    }
  }

  /// Content that nobody will take: once the whole answer is out the client is told so (RFC 9113 §8.1), but not before it
  /// has had the time to find the answer; some clients let a reset take the answer from them.
  private mutating func discard(_ exchange: Handle, _ session: Handle, _ count: Int) {
    exchanges[exchange].discardedByteCount += count
    guard exchanges[exchange].discardedByteCount > Self.discardedByteLimit else { return }
    endAnswered(exchange, session)
  }

  /// Ends the stream of a request that was answered in full before its end.
  mutating func endAnswered(_ exchange: Handle, _ session: Handle) {
    let slot = exchanges[exchange].slot
    if sessions[session].hasSentEnd(slot) { sessions[session].reset(slot, code: H2ErrorCode.noError) }
  }

  private mutating func openExchange(_ handle: Handle, _ session: Handle, _ slot: Int, _ head: Int) -> Handle? {
    var taken = RequestHead()
    swap(&taken, &batch.requests[head])
    let opened = makeExchange(handle, head: &taken, slot: slot)
    swap(&taken, &batch.requests[head])
    guard let exchange = opened else {
      sessions[session].reset(slot, code: H2ErrorCode.refusedStream)
      return nil
    }
    sessions[session].setOwner(slot, exchange.raw)
    return exchange
  }

  private mutating func streamClosed(_ session: Handle, _ slot: Int, _ code: UInt32) {
    let exchange = Handle(raw: sessions[session].owner(slot))
    guard exchanges.contains(exchange) else {
      // A stream that never became an exchange.
      var queue: [UInt8] = []
      sessions[session].release(slot, leaving: &queue)
      buffers.give(&queue)
      return
    }
    if let violation = sessions[session].violation(slot), !exchanges[exchange].isClosed {
      events.append(.refused(exchange, MessageError(request: violation)))
      return closeExchange(exchange, .byUs)
    }
    let isComplete = exchanges[exchange].isResponseEnded && sessions[session].queuedByteCount(slot) == 0
    closeExchange(exchange, isComplete && code == H2ErrorCode.noError ? .complete : .byClient)
  }

  /// Writes what the session has to say; false when the connection is over.
  mutating func flushHTTP2(_ handle: Handle, _ loop: inout EventLoop) -> Bool {
    let session = connections[handle].session
    while true {
      if connections[handle].output.isEmpty {
        connections[handle].output.borrow(from: &buffers)
        var isMore = false
        var isLost = false
        var produced: [UInt8] = []
        connections[handle].output.withArray { swap(&$0, &produced) }
        do throws(H2ConnectionError) {
          isMore = try sessions[session].produce(into: &produced, limitBytes: outputBytes, batch: &batch)
        } catch {
          isLost = true
        }
        connections[handle].output.withArray { swap(&$0, &produced) }
        for index in 0..<batch.events.count {
          if case .closed(let slot, let code) = batch.events[index] { streamClosed(session, slot, code) }
        }
        reportProgress(session)
        if connections[handle].output.isEmpty {
          connections[handle].output.giveBack(to: &buffers)
          return !isLost && !sessions[session].isFinished && connections[handle].persists
        }
        guard writeOutput(handle, &loop) else { return false }
        if !connections[handle].output.isEmpty { return true }
        if !isMore { continue }
      } else {
        guard writeOutput(handle, &loop) else { return false }
        if !connections[handle].output.isEmpty { return true }
      }
    }
  }

  private mutating func reportProgress(_ session: Handle) {
    while let (slot, count) = sessions[session].takeProgress() {
      let exchange = Handle(raw: sessions[session].owner(slot))
      guard exchanges.contains(exchange) else { continue }
      exchanges[exchange].sentByteCount += count
      exchanges[exchange].movedAt = now
      if exchanges[exchange].wantsSpace {
        exchanges[exchange].wantsSpace = false
        events.append(.space(exchange))
      }
      // A tunnel that was refused: what its client may still say is for nobody, and it may wait for us to say so.
      let isRefused = exchanges[exchange].head.method == .connect && !exchanges[exchange].isTunnel
      if isRefused, exchanges[exchange].isResponseEnded { endAnswered(exchange, session) }
    }
  }
}
