import HTTP
import Transport

/// Responses over HTTP/1.1: one call at a time on a connection.
extension HTTPClient {
  /// Interim responses of one call. Above: `protocolError`.
  static var interimLimit: Int { 64 }

  /// - Returns: how many bytes are done with.
  mutating func receiveHTTP1(_ handle: Handle, _ input: Span<UInt8>) -> Int {
    var offset = 0
    while offset < input.count {
      let rest = input.extracting(offset..<input.count)
      switch connections[handle].phase {
      case .head:
        guard let consumed = receiveHead(handle, rest) else { return offset }
        offset += consumed
      case .body:
        guard takesMore(connections[handle].current) else {
          connections[handle].hasUnread = true
          return offset
        }
        guard let consumed = receiveBody(handle, rest) else { return offset }
        offset += consumed
      case .tunnel:
        receiveTunnel(handle, rest)
        return input.count
      case .complete:
        // Nobody asked for it: what follows cannot be told from the next answer.
        connections[handle].persists = false
        return input.count
      case .idle, .assigned:
        lost(handle, detail: "unasked bytes")
        return input.count
      case .connecting, .tunnelling, .handshaking, .http2: return input.count
      }
      guard connections.contains(handle) else { return input.count }
    }
    return offset
  }

  /// Nil when more bytes are needed.
  private mutating func receiveHead(_ handle: Handle, _ input: Span<UInt8>) -> Int? {
    let call = connections[handle].current
    do throws(MessageError) {
      let progress = try connections[handle].parser.parse(
        input, to: connections[handle].method, offersWebSocket: calls[call].isTunnel, limits: limits.message,
        into: &calls[call].response)
      guard case .complete(let consumed, let body, let persists) = progress else { return nil }
      calls[call].movedAt = now
      if calls[call].response.isInterim {
        if calls[call].response.status == 101 {
          beginTunnel(handle, call)
          return consumed
        }
        if calls[call].response.status == 100 { connections[handle].awaitsContinue = false }
        keepInterim(call)
        return consumed
      }
      // A handshake that failed was an ordinary request.
      if calls[call].isTunnel { calls[call].isRequestEnded = true }
      // Whether it has read content that it did not ask for cannot be told: the next request must not follow it.
      connections[handle].persists = persists && !connections[handle].awaitsContinue
      if persists, let patience = statedPatience(call) { connections[handle].patience = patience }
      connections[handle].decoder = BodyDecoder(body, of: .response)
      calls[call].headAt = now
      calls[call].phase = .receiving
      connections[handle].phase = .body
      events.append(.response(call))
      if connections[handle].decoder.isComplete { responseEnded(handle, call) }
      return consumed
    } catch {
      failCurrent(handle, .protocolError, detail: "response: \(error.violation.rawValue)")
      return input.count
    }
  }

  private func statedPatience(_ call: Handle) -> Duration? {
    guard let line = calls[call].response.fields.only(.keepAlive) else { return nil }
    return Self.keepAliveTimeout(calls[call].response.fields.bytes.span.extracting(line.range))
  }

  /// Of `timeout=5, max=100` (RFC 2068 §19.7.1.1, as servers still send it), less what is needed to be on the safe side.
  static func keepAliveTimeout(_ value: Span<UInt8>) -> Duration? {
    let name: StaticString = "timeout="
    var start = 0
    while start + name.utf8CodeUnitCount < value.count {
      guard value.extracting(start..<start + name.utf8CodeUnitCount).matchesIgnoringCase(name) else {
        start += 1
        continue
      }
      var seconds = 0
      for index in start + name.utf8CodeUnitCount..<value.count {
        guard value[index] &- 0x30 < 10, seconds < 1_000_000 else { break }
        seconds = seconds * 10 + Int(value[index] - 0x30)
      }
      return seconds > 1 ? .seconds(seconds - 1) : .milliseconds(seconds * 500)
    }
    return nil
  }

  /// Puts an interim response head, which stands in `response`, aside.
  mutating func keepInterim(_ call: Handle) {
    calls[call].interimCount += 1
    if calls[call].interimCount > Self.interimLimit {
      let detail = "too many interim responses"
      return fail(call, CallFailure(.protocolError, retryable: false, mayHaveLeft: true, detail: detail))
    }
    calls[call].interims.append(calls[call].response)
    calls[call].response = ResponseHead()
    events.append(.interim(call))
  }

  private mutating func receiveBody(_ handle: Handle, _ input: Span<UInt8>) -> Int? {
    let call = connections[handle].current
    do throws(MessageError) {
      let step = try connections[handle].decoder.decode(input, limits: limits.message, trailers: &calls[call].trailers)
      calls[call].movedAt = now
      switch step {
      case .incomplete(let consumed): return consumed == 0 ? nil : consumed
      case .content(let range, let consumed):
        calls[call].content.borrow(from: &buffers)
        calls[call].content.append(input.extracting(range))
        calls[call].ungrantedByteCount += range.count
        bufferedByteCount += range.count
        announceContent(call)
        // A decoder that knows its end says so without another byte.
        if connections[handle].decoder.isComplete { responseEnded(handle, call) }
        return consumed
      case .end(let consumed):
        responseEnded(handle, call)
        return consumed
      }
    } catch {
      failCurrent(handle, .protocolError, detail: "response: \(error.violation.rawValue)")
      return input.count
    }
  }

  private mutating func responseEnded(_ handle: Handle, _ call: Handle) {
    calls[call].phase = .ended
    // A tunnel still takes what the client has to say.
    if connections[handle].phase != .tunnel { connections[handle].phase = .complete }
    events.append(.ended(call))
  }

  /// An orderly end (under TLS: close_notify), which is the only end of a response without length.
  mutating func inputEndedHTTP1(_ handle: Handle) {
    switch connections[handle].phase {
    case .body:
      do throws(MessageError) {
        try connections[handle].decoder.endOfStream()
        responseEnded(handle, connections[handle].current)
        connections[handle].persists = false
      } catch {
        lost(handle, detail: "response cut short")
      }
    case .complete: connections[handle].persists = false
    case .tunnel: responseEnded(handle, connections[handle].current)
    default: lost(handle, detail: "connection ended by peer")
    }
  }

  /// The connection is gone, and with it the answer.
  mutating func failCurrent(_ handle: Handle, detail: String) {
    let call = connections[handle].current
    guard calls.contains(call) else { return }
    switch connections[handle].phase {
    case .assigned:
      let kind = CallFailure.Kind.closedBeforeAnswer(reused: calls[call].isReused)
      fail(call, CallFailure(kind, retryable: true, mayHaveLeft: false, detail: detail))
    case .head where connections[handle].pending.isEmpty && calls[call].interimCount == 0:
      let hasLeft = mayHaveLeft(call)
      let kind = CallFailure.Kind.closedBeforeAnswer(reused: calls[call].isReused)
      fail(call, CallFailure(kind, retryable: !hasLeft, mayHaveLeft: hasLeft, detail: detail))
    default: fail(call, CallFailure(.reset, retryable: false, mayHaveLeft: true, detail: detail))
    }
  }

  /// The exchange cannot go on, and the connection cannot be used any further.
  mutating func failCurrent(_ handle: Handle, _ kind: CallFailure.Kind, detail: String) {
    connections[handle].isBroken = true
    let call = connections[handle].current
    guard calls.contains(call) else { return remove(handle) }
    fail(call, CallFailure(kind, retryable: false, mayHaveLeft: mayHaveLeft(call), detail: detail))
    if connections.contains(handle) { remove(handle) }
  }

  /// After an exchange that is complete on both sides the connection is free again; else it ends.
  mutating func detachHTTP1(_ call: Handle, _ handle: Handle) {
    connections[handle].current = .none
    let isUntouched = connections[handle].phase == .assigned && calls[call].phase == .assigned
    let isComplete =
      connections[handle].phase == .complete && calls[call].isRequestEnded && connections[handle].output.isEmpty
      && connections[handle].owedByteCount == 0 && connections[handle].pending.isEmpty
    guard isUntouched || isComplete, connections[handle].persists, !connections[handle].isDraining,
      !connections[handle].isBroken
    else {
      // A request that was cut short must not look complete.
      let isTunnelOpen = connections[handle].phase == .tunnel && calls[call].phase != .ended
      let isCutShort = !connections[handle].output.isEmpty || !calls[call].isRequestEnded || isTunnelOpen
      if isCutShort { connections[handle].stream.socket.resetOnClose() }
      return close(handle)
    }
    connections[handle].phaseBeganAt = now
    connections[handle].output.giveBack(to: &buffers)
    free(handle)
  }
}
