import HTTP
import Transport

/// Calls as streams of one connection (RFC 9113).
extension HTTPClient {
  mutating func beginHTTP2(_ handle: Handle) -> Bool {
    let origin = connections[handle].origin
    let settings = H2Settings(
      streamWindowBytes: UInt32(clamping: min(origins[origin].settings.streamWindowBytes, Self.smallWindowBytes)),
      connectionWindowBytes: Int32(clamping: limits.connectionWindowBytes), limits: limits.message)
    guard let session = sessions.insert(H2Session(.client, settings, memory: sessionMemory)) else { return false }
    connections[handle].phase = .http2
    connections[handle].session = session
    markDirty(handle)
    return true
  }

  mutating func submitHTTP2(
    _ call: Handle, _ handle: Handle, _ head: borrowing RequestHead, _ lines: [FieldLine], _ authority: Span<UInt8>,
    _ endsStream: Bool
  ) -> Bool {
    let session = connections[handle].session
    let scheme: StaticString = origins[calls[call].origin].settings.security == nil ? "http" : "https"
    guard sessions[session].acceptsRequests,
      let slot = sessions[session].submitRequest(
        head, lines: lines, omitsHopFields: true, scheme: scheme, authority: authority, endsStream: endsStream,
        owner: call.raw)
    else {
      connections[handle].isDraining = true
      // Without a GOAWAY it is the peer's fault: what it sent first was no HTTP/2.
      let kind: CallFailure.Kind = connections[handle].lastStream == .max ? .protocolError : .refused
      fail(call, CallFailure(kind, retryable: true, mayHaveLeft: false, detail: "connection takes no streams"))
      return false
    }
    calls[call].slot = slot
    return true
  }

  mutating func receiveHTTP2(_ handle: Handle, _ input: Span<UInt8>) {
    let session = connections[handle].session
    connections[handle].receivedAt = now
    var failure: H2ConnectionError?
    do throws(H2ConnectionError) {
      try sessions[session].receive(input, into: &batch)
    } catch {
      failure = error
    }
    for index in 0..<batch.events.count { receive(batch.events[index], handle, session, input) }
    markDirty(handle)
    guard let failure else { return }
    connections[handle].isDraining = true
    failStreams(handle, .protocolError, detail: "HTTP/2: \(failure)")
  }

  private mutating func receive(_ event: H2Event, _ handle: Handle, _ session: Handle, _ input: Span<UInt8>) {
    switch event {
    case .response(let slot, let head, let endsStream):
      guard let call = owner(session, slot) else { return }
      swap(&calls[call].response, &batch.responses[head])
      calls[call].movedAt = now
      if calls[call].response.isInterim { return interim(call, slot) }
      calls[call].headAt = now
      calls[call].phase = .receiving
      events.append(.response(call))
      if endsStream { responseEnded(call) }
    case .responseRefused(let slot):
      guard let call = owner(session, slot) else { return }
      fail(call, CallFailure(.protocolError, retryable: false, mayHaveLeft: true, detail: "response: malformed head"))
    case .trailers(let slot, let index):
      guard let call = owner(session, slot) else { return }
      swap(&calls[call].trailers, &batch.trailers[index])
      responseEnded(call)
    case .content(let slot, let offset, let count):
      guard let call = owner(session, slot) else { return sessions[session].consume(slot, count) }
      calls[call].content.borrow(from: &buffers)
      calls[call].content.append(input.extracting(offset..<(offset + count)))
      calls[call].ungrantedByteCount += count
      bufferedByteCount += count
      resizeWindow(call, session)
      calls[call].movedAt = now
      announceContent(call)
    case .ended(let slot):
      if let call = owner(session, slot) { responseEnded(call) }
    case .closed(let slot, let code): streamClosed(handle, session, slot, code, isLocal: false)
    case .goingAway(let lastStream, _):
      connections[handle].isDraining = true
      connections[handle].lastStream = min(connections[handle].lastStream, lastStream)
      if origins[connections[handle].origin].waitingCount > 0 { want(connections[handle].origin) }
    case .settings:
      connections[handle].hasSettings = true
      settleWaitingTunnels(handle)
      free(handle)
    case .request, .refused, .malformed, .trailersRefused: break
    }
  }

  /// The call of a stream, unless it is over already.
  private func owner(_ session: Handle, _ slot: Int) -> Handle? {
    let call = Handle(raw: sessions[session].owner(slot))
    return calls.contains(call) && calls[call].phase != .ended ? call : nil
  }

  private mutating func interim(_ call: Handle, _ slot: Int) {
    if calls[call].response.status == 101 {
      return fail(call, CallFailure(.protocolError, retryable: false, mayHaveLeft: true, detail: "101 over HTTP/2"))
    }
    keepInterim(call)
  }

  private mutating func responseEnded(_ call: Handle) {
    calls[call].phase = .ended
    events.append(.ended(call))
  }

  /// `isLocal`: it came up while sending, so the peer has not said it.
  private mutating func streamClosed(_ handle: Handle, _ session: Handle, _ slot: Int, _ code: UInt32, isLocal: Bool) {
    let call = Handle(raw: sessions[session].owner(slot))
    let stream = sessions[session].streamID(slot)
    var queue: [UInt8] = []
    sessions[session].release(slot, leaving: &queue)
    buffers.give(&queue)
    guard calls.contains(call) else { return }
    calls[call].slot = -1
    guard calls[call].phase != .ended else { return }
    let isUnsent = isLocal && code == H2ErrorCode.internalError && calls[call].phase == .awaitingHead
    if code == H2ErrorCode.refusedStream || stream > connections[handle].lastStream || isUnsent {
      let hasLeft = !isUnsent && mayHaveLeft(call)
      fail(call, CallFailure(.refused, retryable: true, mayHaveLeft: hasLeft, detail: "stream not taken"))
    } else if isLocal && code == H2ErrorCode.protocolError {
      let detail = "response: malformed message"
      fail(call, CallFailure(.protocolError, retryable: false, mayHaveLeft: true, detail: detail))
    } else {
      let detail = "stream reset, code \(code)"
      fail(call, CallFailure(.reset, retryable: false, mayHaveLeft: mayHaveLeft(call), detail: detail))
    }
  }

  /// All calls of a connection that is lost.
  mutating func failStreams(_ handle: Handle, _ kind: CallFailure.Kind = .reset, detail: String) {
    let session = connections[handle].session
    for owner in sessions[session].owners() {
      let call = Handle(raw: owner)
      guard calls.contains(call) else { continue }
      let hasLeft = mayHaveLeft(call)
      fail(call, CallFailure(kind, retryable: !hasLeft, mayHaveLeft: hasLeft, detail: detail))
    }
  }

  mutating func detachHTTP2(_ call: Handle, _ handle: Handle) {
    let session = connections[handle].session
    let slot = calls[call].slot
    calls[call].slot = -1
    if slot >= 0 {
      sessions[session].setOwner(slot, 0)
      sessions[session].reset(slot, code: H2ErrorCode.cancel)
    }
    if connections[handle].callCount == 0 { connections[handle].phaseBeganAt = now }
    markDirty(handle)
    if origins[connections[handle].origin].waitingCount > 0 { free(handle) }
  }

  /// Writes what the session has to say; false when the connection is over.
  mutating func flushHTTP2(_ handle: Handle, _ loop: inout EventLoop) -> Bool {
    let session = connections[handle].session
    while true {
      if !connections[handle].output.isEmpty {
        guard writeOutput(handle, &loop) else { return true }
        if !connections[handle].output.isEmpty { return true }
      }
      connections[handle].output.borrow(from: &buffers)
      var isLost = false
      var produced: [UInt8] = []
      connections[handle].output.withArray { swap(&$0, &produced) }
      do throws(H2ConnectionError) {
        _ = try sessions[session].produce(into: &produced, limitBytes: outputBytes, batch: &batch)
      } catch {
        isLost = true
      }
      connections[handle].output.withArray { swap(&$0, &produced) }
      for index in 0..<batch.events.count {
        guard case .closed(let slot, let code) = batch.events[index] else { continue }
        streamClosed(handle, session, slot, code, isLocal: true)
      }
      reportProgress(session)
      if connections[handle].output.isEmpty {
        connections[handle].output.giveBack(to: &buffers)
        return !isLost && isGoingOn(handle)
      }
      guard writeOutput(handle, &loop) else { return true }
      if !connections[handle].output.isEmpty { return true }
      if !isLost, !sessions[session].wantsToWrite { return isGoingOn(handle) }
    }
  }

  private func isGoingOn(_ handle: Handle) -> Bool {
    if connections[handle].isDraining, connections[handle].callCount == 0 { return false }
    return !sessions[connections[handle].session].isFinished
  }

  private mutating func reportProgress(_ session: Handle) {
    while let (slot, count) = sessions[session].takeProgress() {
      let call = Handle(raw: sessions[session].owner(slot))
      guard calls.contains(call) else { continue }
      calls[call].movedAt = now
      events.append(.sent(call, count))
    }
  }
}
