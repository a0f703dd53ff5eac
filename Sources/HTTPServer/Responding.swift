public import HTTP
public import Transport

/// What the owner of an exchange may do with it. After its `closed` event all of this is without effect.
extension HTTPServer {
  func isOpen(_ exchange: Handle) -> Bool { exchanges.contains(exchange) && !exchanges[exchange].isClosed }

  /// A 1xx response (RFC 9110 §15.2). HTTP/1.0 clients get none.
  public mutating func interim(_ exchange: Handle, _ head: borrowing ResponseHead) {
    guard isOpen(exchange), !exchanges[exchange].isResponseStarted else { return }
    let connection = exchanges[exchange].connection
    if exchanges[exchange].slot >= 0 {
      _ = sessions[connections[connection].session].submitInterim(exchanges[exchange].slot, status: head.status, fields: head.fields)
    } else if exchanges[exchange].head.version != .http10 {
      connections[connection].output.borrow(from: &buffers)
      let head = copy head
      connections[connection].output.withArray { Serializer.append(head, to: &$0) }
    }
    markDirty(connection)
  }

  /// The final response head, once. Framing is ours: `transfer-encoding` and `connection` are not among its lines.
  public mutating func respond(_ exchange: Handle, _ head: borrowing ResponseHead, endsStream: Bool) {
    guard isOpen(exchange), !exchanges[exchange].isResponseStarted else { return }
    exchanges[exchange].isResponseStarted = true
    exchanges[exchange].movedAt = now
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0 {
      _ = sessions[connections[connection].session].submitResponse(
        slot, status: head.status, fields: head.fields, endsStream: endsStream)
    } else {
      respondHTTP1(exchange, connection, head, endsStream: endsStream)
    }
    if endsStream { responseEnded(exchange) }
    markDirty(connection)
  }

  private mutating func respondHTTP1(
    _ exchange: Handle, _ connection: Handle, _ head: borrowing ResponseHead, endsStream: Bool
  ) {
    let version = exchanges[exchange].head.version
    let method = exchanges[exchange].head.method
    let forbidsContent = method == .head || head.status == 204 || head.status == 304
    var isChunked = false
    if forbidsContent {
      connections[connection].owedByteCount = nil
    } else if let length = head.contentLength {
      connections[connection].owedByteCount = length
    } else if endsStream {
      connections[connection].owedByteCount = 0
    } else if version == .http11 {
      isChunked = true
      connections[connection].owedByteCount = nil
    } else {
      // HTTP/1.0: the end of the connection is the end of the content.
      connections[connection].persists = false
      connections[connection].owedByteCount = nil
    }
    connections[connection].forbidsContent = forbidsContent
    connections[connection].isChunked = isChunked
    // Whatever follows a handshake that failed may be meant for the app that did not agree.
    if isDraining || isUpgrade(exchange) { connections[connection].persists = false }
    let closes = !connections[connection].persists
    let writesLength = endsStream && !forbidsContent && head.contentLength == nil
    connections[connection].output.borrow(from: &buffers)
    connections[connection].output.withArray { output in
      Serializer.appendStatusLine(head.status, to: &output)
      Serializer.appendLines(of: head.fields, to: &output)
      if isChunked { Serializer.appendField("transfer-encoding", "chunked", to: &output) }
      if writesLength { Serializer.appendField("content-length", "0", to: &output) }
      if closes { Serializer.appendField("connection", "close", to: &output) }
      Serializer.endSection(&output)
    }
  }

  /// Moves all that waits in `content` into the response.
  ///
  /// What it costs in memory is counted with the next flush.
  public mutating func write(_ exchange: Handle, taking content: inout ByteQueue) {
    guard isOpen(exchange), !exchanges[exchange].isResponseEnded, !content.isEmpty else { return content.drop(content.count) }
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0 {
      // The content of a response to HEAD is not sent (RFC 9110 §9.3.2).
      if exchanges[exchange].head.method == .head { return content.drop(content.count) }
      let session = connections[connection].session
      content.withStorage { bytes, start in sessions[session].write(slot, taking: &bytes, from: &start) }
      // A buffer for the one that was taken: otherwise they would all wander from the app's side to this one.
      content.borrow(from: &buffers)
    } else {
      writeHTTP1(exchange, connection, &content)
    }
    markDirty(connection)
  }

  private mutating func writeHTTP1(_ exchange: Handle, _ connection: Handle, _ content: inout ByteQueue) {
    let count = content.count
    if connections[connection].forbidsContent { return content.drop(count) }
    if let owed = connections[connection].owedByteCount {
      guard UInt64(count) <= owed else {
        // More than was announced would be read as the next response.
        content.drop(count)
        return reset(exchange)
      }
      connections[connection].owedByteCount = owed - UInt64(count)
    }
    exchanges[exchange].sentByteCount += count
    connections[connection].output.borrow(from: &buffers)
    if connections[connection].isChunked {
      connections[connection].output.withArray { output in
        content.withContent { Serializer.appendChunk($0, to: &output) }
      }
      content.drop(count)
    } else {
      content.move(to: &connections[connection].output)
    }
  }

  /// The response is complete; trailer fields, if any, follow its content.
  public mutating func finish(_ exchange: Handle, trailers: borrowing FieldSection) {
    guard isOpen(exchange), exchanges[exchange].isResponseStarted, !exchanges[exchange].isResponseEnded else { return }
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0 {
      sessions[connections[connection].session].finish(slot, trailers: trailers)
    } else {
      if let owed = connections[connection].owedByteCount, owed > 0, !connections[connection].forbidsContent {
        return reset(exchange)
      }
      if connections[connection].isChunked {
        let trailers = copy trailers
        connections[connection].output.borrow(from: &buffers)
        connections[connection].output.withArray { Serializer.appendLastChunk(trailers: trailers, to: &$0) }
      }
    }
    responseEnded(exchange)
    markDirty(connection)
  }

  private mutating func responseEnded(_ exchange: Handle) {
    exchanges[exchange].isResponseEnded = true
    let slot = exchanges[exchange].slot
    let waiting = exchanges[exchange].content.count
    if slot >= 0, waiting > 0, !exchanges[exchange].isTunnel {
      sessions[connections[exchanges[exchange].connection].session].consume(slot, waiting)
      exchanges[exchange].content.drop(waiting)
      bufferedByteCount -= waiting
    }
  }

  /// The response cannot be completed: HTTP/2 resets the stream, HTTP/1.1 the connection.
  public mutating func reset(_ exchange: Handle, code: UInt32 = H2ErrorCode.internalError) {
    guard isOpen(exchange) else { return }
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0 {
      sessions[connections[connection].session].reset(slot, code: code)
    } else {
      connections[connection].phase = .closing
      connections[connection].persists = false
      connections[connection].stream.socket.resetOnClose()
    }
    closeExchange(exchange, .byUs)
    markDirty(connection)
  }

  /// Response content that has not left yet, in bytes.
  public func queuedByteCount(_ exchange: Handle) -> Int {
    guard isOpen(exchange) else { return 0 }
    let slot = exchanges[exchange].slot
    let connection = exchanges[exchange].connection
    return slot >= 0
      ? sessions[connections[connection].session].queuedByteCount(slot) : connections[connection].output.count
  }

  /// Asks for one `space` event when queued content has left.
  public mutating func awaitSpace(_ exchange: Handle) {
    if isOpen(exchange) { exchanges[exchange].wantsSpace = true }
  }

  /// Moves the request content that waits, or the oldest `limit` bytes of it, behind what `queue` holds, and lets the
  /// client send as much again.
  public mutating func takeContent(_ exchange: Handle, atMost limit: Int = .max, into queue: inout ByteQueue) {
    guard exchanges.contains(exchange) else { return }
    let count = min(exchanges[exchange].content.count, limit)
    guard count > 0 else { return }
    exchanges[exchange].content.move(atMost: limit, to: &queue)
    bufferedByteCount -= count
    exchanges[exchange].content.giveBack(to: &buffers)
    guard isOpen(exchange) else { return }
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0 {
      sessions[connections[connection].session].consume(slot, count)
      markDirty(connection)
    } else if connections[connection].hasUnread || !connections[connection].pending.isEmpty {
      resumable.append(connection)
    }
  }

  /// Forgets an exchange after its `closed` event.
  public mutating func release(_ exchange: Handle) {
    guard exchanges.contains(exchange) else { return }
    let connection = exchanges[exchange].connection
    let slot = exchanges[exchange].slot
    if slot >= 0, connections.contains(connection), !connections[connection].session.isNone {
      var queue: [UInt8] = []
      sessions[connections[connection].session].release(slot, leaving: &queue)
      buffers.give(&queue)
      // From now on the connection may be idle.
      connections[connection].phaseBeganAt = now
    }
    bufferedByteCount -= exchanges[exchange].content.count
    if spareHeads.count < Self.spareHeadCount {
      var head = RequestHead()
      swap(&head, &exchanges[exchange].head)
      if head.fields.bytes.capacity <= 8192 {
        head.removeAll()
        spareHeads.append(consume head)
      }
    }
    exchanges.discard(exchange)
  }
}
