import HTTP
public import Transport

/// WebSockets to the app: an upgrade over HTTP/1.1 (RFC 6455 §4.1), which takes the whole connection, or an extended
/// CONNECT over HTTP/2 (RFC 8441), for which the app's SETTINGS must have come.
extension HTTPClient {
  /// What the call was assigned to speaks HTTP/2.
  public func speaksHTTP2(_ call: Handle) -> Bool {
    guard calls.contains(call), connections.contains(calls[call].connection) else { return false }
    return connections[calls[call].connection].phase == .http2
  }

  // MARK: HTTP/1.1

  mutating func submitHandshake(
    _ handle: Handle, _ head: borrowing RequestHead, _ lines: [FieldLine], _ authority: Span<UInt8>
  ) -> Bool {
    connections[handle].method = .get
    connections[handle].phase = .head
    connections[handle].parser = ResponseParser()
    connections[handle].persists = true
    connections[handle].isRequestChunked = false
    connections[handle].owedByteCount = 0
    connections[handle].unsentByteCount = 0
    let method: [UInt8] = Array("GET".utf8)
    connections[handle].output.borrow(from: &buffers)
    connections[handle].output.withArray { output in
      let arena = head.fields.bytes.span
      Serializer.appendRequestLine(
        method: method.span, target: arena.extracting(head.target.range), authority: authority, to: &output)
      Self.appendLines(lines, of: arena, to: &output)
      Serializer.appendField("upgrade", "websocket", to: &output)
      Serializer.appendField("connection", "Upgrade", to: &output)
      Serializer.endSection(&output)
    }
    return true
  }

  /// 101: from here on the connection is no longer one of those that requests share.
  mutating func beginTunnel(_ handle: Handle, _ call: Handle) {
    calls[call].headAt = now
    calls[call].phase = .receiving
    connections[handle].phase = .tunnel
    connections[handle].persists = false
    let origin = connections[handle].origin
    origins[origin].connectionCount -= 1
    if origins[origin].waitingCount > 0 { want(origin) }
    events.append(.response(call))
  }

  mutating func receiveTunnel(_ handle: Handle, _ input: Span<UInt8>) {
    let call = connections[handle].current
    guard calls.contains(call) else { return }
    calls[call].movedAt = now
    calls[call].content.borrow(from: &buffers)
    calls[call].content.append(input)
    calls[call].ungrantedByteCount += input.count
    bufferedByteCount += input.count
    announceContent(call)
  }

  /// Tells the app that nothing more comes, once all that was queued is out.
  mutating func shutDownTunnel(_ handle: Handle) {
    let call = connections[handle].current
    guard calls.contains(call), calls[call].isRequestEnded, !connections[handle].isShutDown,
      connections[handle].output.isEmpty, !connections[handle].stream.wantsToWrite
    else { return }
    connections[handle].isShutDown = true
    connections[handle].stream.shutdownWriting()
  }

  /// Also after the app's end: what the client still says is lost, and nobody may think that it arrived.
  mutating func tunnelLost(_ handle: Handle, detail: String) {
    let call = connections[handle].current
    guard calls.contains(call) else { return }
    if calls[call].phase == .ended, calls[call].isRequestEnded { return }
    calls[call].phase = .receiving
    fail(call, CallFailure(.reset, retryable: false, mayHaveLeft: true, detail: detail))
  }

  // MARK: HTTP/2

  /// Says that the call may be submitted, as soon as it is known.
  mutating func assignTunnel(_ call: Handle, _ connection: Handle) {
    guard connections[connection].hasSettings else {
      connections[connection].waitingTunnels.append(call)
      return
    }
    if sessions[connections[connection].session].remoteOffersConnectProtocol {
      events.append(.assigned(call))
    } else {
      let detail = "the app's SETTINGS do not offer extended CONNECT"
      fail(call, CallFailure(.tunnelUnsupported, retryable: true, mayHaveLeft: false, detail: detail))
    }
  }

  mutating func settleWaitingTunnels(_ connection: Handle) {
    for call in takeWaitingTunnels(connection) { assignTunnel(call, connection) }
  }

  /// The connection ends without having said.
  mutating func failWaitingTunnels(_ connection: Handle) {
    guard !connections[connection].waitingTunnels.isEmpty else { return }
    connections[connection].isDraining = true
    for call in takeWaitingTunnels(connection) {
      fail(call, CallFailure(.refused, retryable: true, mayHaveLeft: false, detail: "connection lost before use"))
    }
  }

  /// An app that says nothing holds up nobody for ever.
  /// - Returns: when to look again.
  mutating func expireWaitingTunnels(_ connection: Handle) -> MonotonicTime {
    var next = MonotonicTime.distantFuture
    var expired: [Handle] = []
    for call in connections[connection].waitingTunnels where isWaitingTunnel(call, connection) {
      let deadline = calls[call].assignedAt + calls[call].responseHeadTimeout
      if deadline > now { next = min(next, deadline) } else { expired.append(call) }
    }
    for call in expired {
      let detail = "no SETTINGS in time"
      fail(call, CallFailure(.timedOut(.responseHead), retryable: false, mayHaveLeft: false, detail: detail))
    }
    return next
  }

  private mutating func takeWaitingTunnels(_ connection: Handle) -> [Handle] {
    var waiting: [Handle] = []
    swap(&waiting, &connections[connection].waitingTunnels)
    return waiting.filter { isWaitingTunnel($0, connection) }
  }

  private func isWaitingTunnel(_ call: Handle, _ connection: Handle) -> Bool {
    calls.contains(call) && calls[call].phase == .assigned && calls[call].connection == connection
  }
}
