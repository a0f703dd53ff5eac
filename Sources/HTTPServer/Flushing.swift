import HTTP
public import Transport

extension HTTPServer {
  /// Writes once for every connection that has something to say, and ends those that are over.
  public mutating func flush(_ loop: inout EventLoop) {
    now = loop.now
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
    let hasOnlyCiphertext = connections[handle].output.isEmpty && connections[handle].stream.wantsToWrite
    if hasOnlyCiphertext, !writeOutput(handle, &loop) { return }
    if connections[handle].phase == .http2 {
      if !flushHTTP2(handle, &loop), connections.contains(handle) { endHTTP2(handle, &loop) }
      return
    }
    guard writeOutput(handle, &loop) else { return }
    let exchange = connections[handle].current
    guard connections[handle].output.isEmpty else { return }
    if !exchange.isNone, exchanges.contains(exchange) {
      if exchanges[exchange].isClosed {
        connections[handle].current = .none
        return disconnect(handle, .byUs, &loop)
      }
      if exchanges[exchange].wantsSpace {
        exchanges[exchange].wantsSpace = false
        events.append(.space(exchange))
      }
      guard exchanges[exchange].isResponseEnded else { return }
      if exchanges[exchange].isTunnel { tunnelSent(handle, &loop) } else { responseSent(handle, &loop) }
    } else if connections[handle].phase == .closing {
      disconnect(handle, .byUs, &loop)
    }
  }

  private mutating func endHTTP2(_ handle: Handle, _ loop: inout EventLoop) {
    // What the client has sent beyond our GOAWAY must not turn into a reset that overtakes it.
    let session = connections[handle].session
    for owner in sessions[session].owners() { closeExchange(Handle(raw: owner), .byClient) }
    _ = sessions.remove(session)
    connections[handle].session = .none
    connections[handle].persists = false
    linger(handle, &loop)
  }

  /// False when the connection broke and is gone.
  mutating func writeOutput(_ handle: Handle, _ loop: inout EventLoop) -> Bool {
    guard !connections[handle].output.isEmpty || connections[handle].stream.wantsToWrite else { return true }
    do throws(Errno) {
      let before = connections[handle].output.count
      try connections[handle].writeOutput()
      if connections[handle].output.count < before {
        connections[handle].phaseBeganAt = now
        let exchange = connections[handle].current
        if !exchange.isNone, exchanges.contains(exchange) { exchanges[exchange].movedAt = now }
      }
      if connections[handle].output.isEmpty { connections[handle].output.giveBack(to: &buffers) }
      return true
    } catch {
      disconnect(handle, .byClient, &loop)
      return false
    }
  }
}
