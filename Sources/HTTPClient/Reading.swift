import HTTP
public import Transport

extension HTTPClient {
  /// Reads of one connection in one turn; then the others have theirs.
  static var readCount: Int { 4 }

  /// The descriptor of a connection is ready.
  public mutating func ready(_ readiness: Readiness, loop: inout EventLoop) {
    let handle = readiness.handle
    guard connections.contains(handle) else { return }
    now = loop.now
    if connections[handle].phase == .connecting {
      guard readiness.isWritable else { return }
      connectDecided(handle, &loop)
      guard connections.contains(handle) else { return }
    }
    if readiness.isWritable {
      let isWaiting = !connections[handle].output.isEmpty || connections[handle].stream.wantsToWrite
      if isWaiting || connections[handle].phase == .http2 { markDirty(handle) }
    }
    guard readiness.isReadable else { return }
    read(handle, untilEnd: readiness.isEnding, &loop)
    weigh(handle)
  }

  /// Goes on with connections that were left half-read.
  public mutating func resume(loop: inout EventLoop) {
    guard !hot.isEmpty else { return }
    now = loop.now
    var handles: [Handle] = []
    swap(&handles, &hot)
    for handle in handles where connections.contains(handle) {
      connections[handle].isHot = false
      if !connections[handle].pending.isEmpty { receivePending(handle) }
      if connections.contains(handle), connections[handle].hasUnread { read(handle, untilEnd: true, &loop) }
      weigh(handle)
    }
  }

  mutating func read(_ handle: Handle, untilEnd: Bool, _ loop: inout EventLoop) {
    var input: [UInt8] = []
    swap(&input, &loop.input)
    defer { swap(&input, &loop.input) }
    connections[handle].hasUnread = true
    for _ in 0..<Self.readCount {
      guard canRead(handle) else { return }
      let outcome: IOOutcome
      do throws(Errno) {
        outcome = try connections[handle].stream.read(into: &input)
      } catch {
        return lost(handle, detail: connections[handle].stream.securityFailure ?? "\(error)")
      }
      if connections[handle].phase == .handshaking, connections[handle].stream.isEstablished {
        secured(handle, &loop)
        guard connections.contains(handle) else { return }
      }
      switch outcome {
      case .bytes(let count) where connections[handle].phase == .tunnelling:
        tunnelAnswered(handle, input.span.extracting(0..<count), &loop)
        guard connections.contains(handle) else { return }
        if count < input.count, !untilEnd {
          connections[handle].hasUnread = false
          return
        }
      case .bytes(let count):
        receive(handle, input.span.extracting(0..<count))
        guard connections.contains(handle) else { return }
        if count < input.count, !untilEnd, !connections[handle].stream.mayHoldMore {
          connections[handle].hasUnread = false
          return
        }
      case .wouldBlock:
        connections[handle].hasUnread = false
        if connections[handle].isBroken { lost(handle, detail: "connection broken") }
        return
      case .endOfStream: return inputEnded(handle)
      }
    }
    markHot(handle)
  }

  private func canRead(_ handle: Handle) -> Bool {
    switch connections[handle].phase {
    case .body, .tunnel: return takesMore(connections[handle].current)
    case .connecting: return false
    default: return true
    }
  }

  func takesMore(_ call: Handle) -> Bool {
    calls[call].ungrantedByteCount < windowBytes(calls[call].origin)
  }

  private mutating func receive(_ handle: Handle, _ input: Span<UInt8>) {
    if connections[handle].phase == .http2 { return receiveHTTP2(handle, input) }
    if connections[handle].pending.isEmpty {
      let consumed = receiveHTTP1(handle, input)
      if consumed < input.count, connections.contains(handle) {
        if connections[handle].pending.capacity == 0 { connections[handle].pending = buffers.take() }
        connections[handle].pending.append(copying: input.extracting(consumed..<input.count))
      }
    } else {
      connections[handle].pending.append(copying: input)
      receivePending(handle)
    }
  }

  private mutating func receivePending(_ handle: Handle) {
    var pending: [UInt8] = []
    swap(&pending, &connections[handle].pending)
    let consumed = receiveHTTP1(handle, pending.span)
    if connections.contains(handle) {
      if consumed > 0 { pending.removeSubrange(0..<consumed) }
      swap(&pending, &connections[handle].pending)
      if connections[handle].pending.isEmpty { buffers.give(&connections[handle].pending) }
    } else {
      buffers.give(&pending)
    }
  }

  private mutating func inputEnded(_ handle: Handle) {
    connections[handle].hasUnread = false
    if connections[handle].phase == .http2 { return lost(handle, detail: "connection ended by peer") }
    inputEndedHTTP1(handle)
  }

  /// The connection broke or ended: its calls fail, each according to what was seen of it.
  mutating func lost(_ handle: Handle, detail: String) {
    let origin = connections[handle].origin
    connections[handle].isBroken = true
    switch connections[handle].phase {
    case .connecting, .tunnelling, .handshaking:
      let kind: CallFailure.Kind = connections[handle].phase == .handshaking ? .tlsFailed : .unreachable
      remove(handle)
      return connectFailed(origin, kind, detail: detail)
    case .http2: failStreams(handle, detail: detail)
    case .idle: break
    case .tunnel: tunnelLost(handle, detail: detail)
    case .assigned, .head, .body, .complete: failCurrent(handle, detail: detail)
    }
    if connections.contains(handle) { remove(handle) }
  }
}
