import HTTP
public import Transport

extension HTTPServer {
  /// How long the app may be silent once the client has sent its end: a client that has gone reaches it within a second.
  static var halfClosedPatience: Duration { .milliseconds(500) }

  /// How long a lingering connection is waited for.
  static var lingering: Duration { .seconds(1) }

  /// When the connection's patience ends, as things stand.
  private func deadline(_ handle: Handle) -> MonotonicTime {
    let began = connections[handle].phaseBeganAt
    switch connections[handle].phase {
    case .handshaking: return began + limits.requestHead
    case .undecided, .head:
      if connections[handle].hasHeadBegun { return began + limits.requestHead }
      // It was in the middle of a response when the others were ended.
      return began + (isPastLastRequest ? Self.lingering : limits.idle)
    case .body:
      // While nobody takes the content, the client cannot be blamed.
      return takesMore(connections[handle].current) ? began + limits.bodyIdle : now + limits.bodyIdle
    case .answering where connections[handle].isInputEnded && connections[handle].output.isEmpty:
      return max(began, connections[handle].inputEndedAt) + Self.halfClosedPatience
    case .answering, .closing:
      return (connections[handle].output.isEmpty ? now : began) + limits.bodyIdle
    case .tunnel: return (isTunnelStalled(handle) ? began : now) + limits.bodyIdle
    case .discarding: return began + limits.bodyIdle
    case .lingering: return began + Self.lingering
    case .http2:
      if !connections[handle].persists { return began + Self.lingering }
      let section = connections[handle].sectionBeganAt + limits.requestHead
      if sessions[connections[handle].session].streamCount == 0 { return min(section, began + limits.idle) }
      return min(section, now + min(limits.bodyIdle, limits.idle))
    }
  }

  /// Sees to it that the connection's one timer comes up no later than its deadline.
  mutating func arm(_ handle: Handle, _ loop: inout EventLoop) {
    // Never in the past: timers that are due are handled before the loop goes on, and one that came up again and again
    // would keep it from ever doing so.
    let deadline = max(deadline(handle), now + .milliseconds(1))
    guard deadline < connections[handle].timerArmedAt else { return }
    connections[handle].timerArmedAt = deadline
    loop.timers.schedule(handle, at: deadline)
  }

  public mutating func timerFired(_ handle: Handle, _ loop: inout EventLoop) {
    guard connections.contains(handle) else { return }
    now = loop.now
    // An entry that a shorter deadline has overtaken.
    if connections[handle].timerArmedAt > now { return }
    connections[handle].timerArmedAt = .distantFuture
    if deadline(handle) <= now {
      expire(handle, &loop)
    } else if connections[handle].phase == .http2 {
      expireStreams(handle)
    }
    if connections.contains(handle) { arm(handle, &loop) }
  }

  mutating func expire(_ handle: Handle, _ loop: inout EventLoop) {
    switch connections[handle].phase {
    case .handshaking:
      handshakeFailed(handle, "not complete in time")
      disconnect(handle, .byUs, &loop)
    case .undecided, .head:
      // An empty line that stands before a request is none (RFC 9112 §2.2).
      let hasBegun = connections[handle].pending.contains { $0 != 0x0D && $0 != 0x0A }
      guard hasBegun else { return disconnectInOrder(handle, &loop) }
      var head = RequestHead()
      connections[handle].persists = false
      enter(.closing, handle, &loop)
      guard let exchange = makeExchange(handle, head: &head, slot: -1) else { return disconnect(handle, .byUs, &loop) }
      connections[handle].current = exchange
      exchanges[exchange].isRequestEnded = true
      events.append(.expired(exchange))
    case .body:
      connections[handle].persists = false
      let exchange = connections[handle].current
      if exchanges[exchange].isResponseStarted {
        disconnect(handle, .byClient, &loop)
      } else {
        enter(.closing, handle, &loop)
        events.append(.expired(exchange))
      }
    case .answering, .closing, .discarding, .tunnel: disconnect(handle, .byClient, &loop)
    case .lingering: disconnect(handle, .byUs, &loop)
    case .http2 where !connections[handle].output.isEmpty || !connections[handle].persists:
      // A client that does not read will not read a GOAWAY either.
      disconnect(handle, .byClient, &loop)
    case .http2 where connections[handle].sectionBeganAt + limits.requestHead <= now:
      sessions[connections[handle].session].terminate(code: H2ErrorCode.enhanceYourCalm)
      giveUp(handle, .slowSections)
    case .http2:
      sessions[connections[handle].session].terminate(code: H2ErrorCode.noError)
      giveUp(handle, nil)
    }
  }

  /// Streams of a connection on which bytes are owed by the client and have not moved for too long.
  private mutating func expireStreams(_ handle: Handle) {
    let session = connections[handle].session
    for owner in sessions[session].owners() {
      let exchange = Handle(raw: owner)
      guard exchanges.contains(exchange), !exchanges[exchange].isClosed else { continue }
      guard exchanges[exchange].movedAt + limits.bodyIdle <= now else { continue }
      let isReadingStalled = sessions[session].queuedByteCount(exchanges[exchange].slot) > 0
      // Once the app answers, how long the client may be silent is the app's to say.
      let isAnswering = exchanges[exchange].isResponseStarted && !exchanges[exchange].isResponseEnded
      let isSendingStalled = !exchanges[exchange].isRequestEnded && !isAnswering && takesMore(exchange)
      guard isReadingStalled || isSendingStalled else { continue }
      if isSendingStalled, exchanges[exchange].isResponseEnded, !exchanges[exchange].isTunnel {
        endAnswered(exchange, session)
        markDirty(handle)
      } else if exchanges[exchange].isResponseStarted {
        reset(exchange, code: H2ErrorCode.cancel)
      } else {
        events.append(.expired(exchange))
      }
    }
  }
}
