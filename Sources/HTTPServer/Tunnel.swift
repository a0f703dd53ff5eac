public import HTTP
public import Transport

/// WebSockets (RFC 6455 §4.2, RFC 8441): after the app's agreement the connection, or the stream, carries bytes both
/// ways, and each way has an end of its own.
extension HTTPServer {
  /// A handshake, agreed to or not.
  func isUpgrade(_ exchange: Handle) -> Bool {
    exchanges.contains(exchange) && !exchanges[exchange].head.upgradeProtocol.isEmpty
  }

  /// The app agreed: 101 over HTTP/1.1, 200 over HTTP/2. Besides what belongs to the connection, `head` has all lines,
  /// over HTTP/1.1 `sec-websocket-accept` too; its status does not count. From now on what waits is taken by
  /// ``takeContent(_:into:)`` and sent by ``write(_:taking:)`` as it is.
  public mutating func beginTunnel(_ exchange: Handle, _ head: borrowing ResponseHead) {
    guard isOpen(exchange), !exchanges[exchange].isResponseStarted else { return }
    exchanges[exchange].isResponseStarted = true
    exchanges[exchange].isTunnel = true
    exchanges[exchange].movedAt = now
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    markDirty(connection)
    if slot >= 0 {
      let session = connections[connection].session
      _ = sessions[session].submitResponse(slot, status: 200, fields: head.fields, endsStream: false)
      return
    }
    connections[connection].phase = .tunnel
    connections[connection].phaseBeganAt = now
    connections[connection].persists = false
    connections[connection].owedByteCount = nil
    connections[connection].forbidsContent = false
    connections[connection].isChunked = false
    connections[connection].output.borrow(from: &buffers)
    connections[connection].output.withArray { output in
      Serializer.appendStatusLine(101, to: &output)
      Serializer.appendLines(of: head.fields, to: &output)
      Serializer.appendField("upgrade", "websocket", to: &output)
      Serializer.appendField("connection", "Upgrade", to: &output)
      Serializer.endSection(&output)
    }
    if !connections[connection].pending.isEmpty || connections[connection].hasUnread { resumable.append(connection) }
  }

  mutating func receiveTunnel(_ handle: Handle, _ input: Span<UInt8>) {
    let exchange = connections[handle].current
    guard isOpen(exchange) else { return }
    connections[handle].phaseBeganAt = now
    exchanges[exchange].movedAt = now
    exchanges[exchange].content.borrow(from: &buffers)
    exchanges[exchange].content.append(input)
    exchanges[exchange].receivedByteCount += input.count
    bufferedByteCount += input.count
    events.append(.content(exchange))
  }

  /// The client has sent all; the app may still have something to say.
  mutating func tunnelInputEnded(_ handle: Handle, _ loop: inout EventLoop) {
    let exchange = connections[handle].current
    guard isOpen(exchange) else { return }
    exchanges[exchange].isRequestEnded = true
    events.append(.ended(exchange))
    if exchanges[exchange].isResponseEnded, connections[handle].output.isEmpty { tunnelSent(handle, &loop) }
  }

  /// All that the app had to say is out.
  mutating func tunnelSent(_ handle: Handle, _ loop: inout EventLoop) {
    let exchange = connections[handle].current
    if exchanges[exchange].isRequestEnded {
      connections[handle].current = .none
      closeExchange(exchange, .complete)
      return disconnectInOrder(handle, &loop)
    }
    guard !connections[handle].isShutDown else { return }
    connections[handle].isShutDown = true
    connections[handle].phaseBeganAt = now
    connections[handle].stream.shutdownWriting()
    connections[handle].output.giveBack(to: &buffers)
  }

  /// The client does not read, or has not ended although the app has. Silence alone is no fault.
  func isTunnelStalled(_ handle: Handle) -> Bool {
    !connections[handle].output.isEmpty || connections[handle].isShutDown
  }
}
