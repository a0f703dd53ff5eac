import HTTP
public import Transport

extension HTTPClient {
  /// Makes the connections that waiting calls need, writes once for every connection that has something to say, and
  /// ends those that are over.
  public mutating func flush(loop: inout EventLoop) {
    now = loop.now
    connectWhereWanted(&loop)
    while !dirty.isEmpty {
      var handles: [Handle] = []
      swap(&handles, &dirty)
      for handle in handles where connections.contains(handle) {
        connections[handle].isDirty = false
        flush(handle, &loop)
        weigh(handle)
      }
      handles.removeAll(keepingCapacity: true)
      if dirty.isEmpty { swap(&handles, &dirty) }
    }
  }

  private mutating func flush(_ handle: Handle, _ loop: inout EventLoop) {
    switch connections[handle].phase {
    case .connecting: return
    case .tunnelling, .handshaking: _ = writeOutput(handle, &loop)
    case .http2:
      let hasOnlyCiphertext = connections[handle].output.isEmpty && connections[handle].stream.wantsToWrite
      if hasOnlyCiphertext, !writeOutput(handle, &loop) { return }
      if !flushHTTP2(handle, &loop), connections.contains(handle) {
        // Whoever still has a stream here lost it because the library ended the connection for a fault of the peer's.
        failStreams(handle, .protocolError, detail: "HTTP/2: the peer broke the protocol")
        lost(handle, detail: "connection ended")
      }
    case .idle, .assigned, .head, .body, .complete:
      guard !connections[handle].output.isEmpty || connections[handle].stream.wantsToWrite else { return }
      _ = writeOutput(handle, &loop)
    case .tunnel:
      if !connections[handle].output.isEmpty || connections[handle].stream.wantsToWrite {
        guard writeOutput(handle, &loop) else { return }
      }
      shutDownTunnel(handle)
    }
  }

  /// False when the connection broke; what the peer sent before was then read, and it may be gone.
  mutating func writeOutput(_ handle: Handle, _ loop: inout EventLoop) -> Bool {
    let before = connections[handle].output.count
    do throws(Errno) {
      _ = try connections[handle].writeOutput()
    } catch {
      // The answer may stand in the socket already: an app that refuses a large request answers and closes.
      connections[handle].isBroken = true
      let left = connections[handle].output.count
      connections[handle].writtenByteCount &+= UInt64(before - left) &+ (isSecure(handle) ? 1 : 0)
      connections[handle].output.drop(connections[handle].output.count)
      read(handle, untilEnd: true, &loop)
      return false
    }
    let left = connections[handle].output.count
    // Ciphertext may have left before the last byte of its plaintext counts as sent.
    let isUnderWay = left > 0 && connections[handle].stream.wantsToWrite
    connections[handle].writtenByteCount &+= UInt64(before - left) &+ (isUnderWay ? 1 : 0)
    if connections[handle].phase != .http2 { reportSent(handle, left) }
    if left == 0 { connections[handle].output.giveBack(to: &buffers) }
    return true
  }

  func isSecure(_ handle: Handle) -> Bool { origins[connections[handle].origin].settings.security != nil }

  /// Content stands at the end of the output, so that what is left of the output bounds what is left of it.
  private mutating func reportSent(_ handle: Handle, _ left: Int) {
    let call = connections[handle].current
    guard calls.contains(call) else { return }
    calls[call].movedAt = now
    let count = connections[handle].unsentByteCount - min(connections[handle].unsentByteCount, left)
    guard count > 0 else { return }
    connections[handle].unsentByteCount -= count
    events.append(.sent(call, count))
  }
}
