import HTTP
public import Transport

/// One timer a connection, none a call: it comes up at least once in the shortest of the timeouts and looks at the
/// calls.
extension HTTPClient {
  /// Sees to it that the connection's timer comes up no later than `deadline`.
  mutating func arm(_ handle: Handle, by deadline: MonotonicTime, _ loop: inout EventLoop) {
    guard deadline < connections[handle].timerArmedAt else { return }
    connections[handle].timerArmedAt = deadline
    loop.timers.schedule(handle, at: deadline)
  }

  /// Names an origin in the timers; no connection ever has this generation.
  private func timerHandle(_ origin: Int) -> Handle {
    Handle(raw: UInt64(origin) | UInt64(Self.connectionKind) << 24)
  }

  mutating func armWaitTimer(_ origin: Int, _ loop: inout EventLoop) {
    if origins[origin].isWaitTimerArmed { return }
    origins[origin].isWaitTimerArmed = true
    loop.timers.schedule(timerHandle(origin), at: now + origins[origin].settings.waiting)
  }

  /// For handles of kind 3 that the loop's timers name.
  public mutating func timerFired(_ handle: Handle, loop: inout EventLoop) {
    now = loop.now
    guard connections.contains(handle) else {
      if handle.index < origins.count, handle == timerHandle(handle.index) { expireWaiting(handle.index, &loop) }
      return
    }
    // An entry that a shorter deadline has overtaken.
    if connections[handle].timerArmedAt > now { return }
    connections[handle].timerArmedAt = .distantFuture
    let next = expire(handle)
    if connections.contains(handle) { arm(handle, by: next, &loop) }
  }

  /// Does what is due and says when to look again.
  private mutating func expire(_ handle: Handle) -> MonotonicTime {
    let settings = origins[connections[handle].origin].settings
    let look = now + settings.shortestTimeout
    switch connections[handle].phase {
    case .connecting, .tunnelling, .handshaking:
      let deadline = connections[handle].connectBeganAt + settings.connect
      if deadline > now { return deadline }
      let origin = connections[handle].origin
      remove(handle)
      connectFailed(origin, .timedOut(.connect), detail: "no connection in time")
      return look
    case .idle: return expireIdle(handle, settings, look)
    case .assigned, .complete: return look
    case .head, .body, .tunnel: return min(look, expire(connections[handle].current, settings))
    case .http2:
      if connections[handle].callCount == 0 { return expireIdle(handle, settings, look) }
      var next = min(look, expireWaitingTunnels(handle))
      for owner in sessions[connections[handle].session].owners() where calls.contains(Handle(raw: owner)) {
        next = min(next, expire(Handle(raw: owner), settings))
      }
      return next
    }
  }

  private mutating func expireIdle(
    _ handle: Handle, _ settings: OriginSettings, _ look: MonotonicTime
  ) -> MonotonicTime {
    let deadline = connections[handle].phaseBeganAt + settings.keepAlive
    if deadline > now { return min(deadline, look) }
    close(handle)
    return look
  }

  private mutating func expire(_ call: Handle, _ settings: OriginSettings) -> MonotonicTime {
    let deadline: MonotonicTime
    let stage: CallFailure.Stage
    switch calls[call].phase {
    case .awaitingHead:
      // The app has all that there is: whoever sends the request is the one who is waited for.
      let awaitsContent = calls[call].hasContentBegun && !calls[call].isRequestEnded && queuedByteCount(call) == 0
      if awaitsContent, !calls[call].isTunnel { return .distantFuture }
      (deadline, stage) = (calls[call].movedAt + calls[call].responseHeadTimeout, .responseHead)
    case .receiving:
      // While nobody takes the content, the app cannot be blamed.
      guard takesMore(call) else { return .distantFuture }
      (deadline, stage) = (calls[call].movedAt + settings.streamIdle, .idle)
    case .waiting, .assigned, .ended, .failed: return .distantFuture
    }
    if deadline > now { return deadline }
    retireIfSilent(calls[call].connection, since: calls[call].movedAt)
    let detail = stage == .idle ? "app silent inside a response" : "no response head in time"
    fail(call, CallFailure(.timedOut(stage), retryable: false, mayHaveLeft: mayHaveLeft(call), detail: detail))
    return .distantFuture
  }

  /// An HTTP/2 connection on which nothing came for as long as a call waited may lead nowhere: a machine that is gone ends no
  /// connections. The next call gets another one.
  private mutating func retireIfSilent(_ handle: Handle, since moment: MonotonicTime) {
    guard connections.contains(handle), connections[handle].phase == .http2, connections[handle].receivedAt <= moment else { return }
    connections[handle].isDraining = true
  }

  /// The oldest come first; each waits as long as the others may.
  private mutating func expireWaiting(_ origin: Int, _ loop: inout EventLoop) {
    origins[origin].isWaitTimerArmed = false
    let patience = origins[origin].settings.waiting
    while origins[origin].waitingStart < origins[origin].waiting.count {
      let call = origins[origin].waiting[origins[origin].waitingStart]
      if isWaiting(call), calls[call].openedAt + patience > now {
        origins[origin].isWaitTimerArmed = true
        loop.timers.schedule(timerHandle(origin), at: calls[call].openedAt + patience)
        return
      }
      _ = origins[origin].nextWaiting()
      guard isWaiting(call) else { continue }
      origins[origin].waitingCount -= 1
      calls[call].phase = .failed
      let isBusy = origins[origin].connectionCount > origins[origin].connectingCount
      let failure = CallFailure(
        isBusy ? .saturated : .timedOut(.connect), retryable: !isBusy, mayHaveLeft: false, detail: "no free connection in time")
      events.append(.failed(call, failure))
    }
  }
}
