import HTTP
import Transport

extension HTTPServer {
  /// Rest of a request that is read and dropped after an early answer, in bytes. Above: the connection ends instead, or
  /// the stream with NO_ERROR.
  static var discardedByteLimit: Int { 1024 * 1024 }

  mutating func receiveHTTP1(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) -> Int {
    var offset = 0
    while offset < input.count {
      let rest = input.extracting(offset..<input.count)
      switch connections[handle].phase {
      case .head:
        guard let consumed = receiveHead(handle, rest, &loop) else { return offset }
        offset += consumed
      case .body:
        guard takesMore(connections[handle].current) else { return offset }
        guard let consumed = receiveBody(handle, rest, &loop) else { return offset }
        offset += consumed
      case .discarding:
        guard let consumed = discard(handle, rest, &loop) else { return offset }
        offset += consumed
      case .answering: return offset
      case .tunnel:
        receiveTunnel(handle, rest)
        return input.count
      case .closing, .lingering, .handshaking, .undecided, .http2: return input.count
      }
    }
    return offset
  }

  /// Nil when more bytes are needed.
  private mutating func receiveHead(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) -> Int? {
    var head = spareHeads.popLast() ?? RequestHead()
    do throws(MessageError) {
      let progress = try connections[handle].parser.parse(input, limits: limits.message, into: &head)
      guard case .complete(let consumed, let body, let persists) = progress else {
        spareHeads.append(head)
        headBegins(handle, &loop)
        return nil
      }
      guard let exchange = makeExchange(handle, head: &head, slot: -1) else {
        disconnect(handle, .byUs, &loop)
        return nil
      }
      spareHeads.append(consume head)
      connections[handle].hasHeadBegun = false
      connections[handle].current = exchange
      connections[handle].persists = persists && !isDraining
      connections[handle].decoder = BodyDecoder(body, of: .request)
      events.append(.request(exchange))
      if !exchanges[exchange].head.upgradeProtocol.isEmpty {
        // What the client says before the app has agreed stays unread.
        enter(.answering, handle, &loop)
      } else if body == .none || body == .length(0) {
        exchanges[exchange].isRequestEnded = true
        enter(.answering, handle, &loop)
      } else {
        enter(.body, handle, &loop)
      }
      return consumed
    } catch {
      refuse(handle, &head, error, &loop)
      return input.count
    }
  }

  /// Of a head or a preface not all has come. What comes of it later gives it no more time.
  mutating func headBegins(_ handle: Handle, _ loop: inout EventLoop) {
    if connections[handle].hasHeadBegun { return }
    connections[handle].hasHeadBegun = true
    enter(connections[handle].phase, handle, &loop)
  }

  /// The message cannot be understood: whatever follows on this connection cannot either.
  private mutating func refuse(_ handle: Handle, _ head: inout RequestHead, _ error: MessageError, _ loop: inout EventLoop) {
    connections[handle].persists = false
    enter(.closing, handle, &loop)
    guard let exchange = makeExchange(handle, head: &head, slot: -1) else { return disconnect(handle, .byUs, &loop) }
    connections[handle].current = exchange
    exchanges[exchange].isRequestEnded = true
    events.append(.refused(exchange, error))
  }

  private mutating func receiveBody(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) -> Int? {
    let exchange = connections[handle].current
    do throws(MessageError) {
      let step = try connections[handle].decoder.decode(input, limits: limits.message, trailers: &exchanges[exchange].trailers)
      connections[handle].phaseBeganAt = now
      exchanges[exchange].movedAt = now
      switch step {
      case .incomplete(let consumed): return consumed == 0 ? nil : consumed
      case .content(let range, let consumed):
        exchanges[exchange].content.borrow(from: &buffers)
        exchanges[exchange].content.append(input.extracting(range))
        exchanges[exchange].receivedByteCount += range.count
        bufferedByteCount += range.count
        events.append(.content(exchange))
        // A decoder that knows its end says so without another byte.
        if connections[handle].decoder.isComplete { bodyEnded(handle, exchange, &loop) }
        return consumed
      case .end(let consumed):
        bodyEnded(handle, exchange, &loop)
        return consumed
      }
    } catch {
      connections[handle].persists = false
      enter(.closing, handle, &loop)
      if exchanges[exchange].isResponseStarted {
        disconnect(handle, .byClient, &loop)
      } else {
        events.append(.refused(exchange, error))
      }
      return input.count
    }
  }

  private mutating func bodyEnded(_ handle: Handle, _ exchange: Handle, _ loop: inout EventLoop) {
    exchanges[exchange].isRequestEnded = true
    events.append(.ended(exchange))
    enter(.answering, handle, &loop)
  }

  private mutating func discard(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) -> Int? {
    var trailers = FieldSection()
    do throws(MessageError) {
      switch try connections[handle].decoder.decode(input, limits: limits.message, trailers: &trailers) {
      case .incomplete(let consumed): return consumed == 0 ? nil : consumed
      case .content(let range, let consumed):
        connections[handle].discardedByteCount += range.count
        if connections[handle].discardedByteCount > Self.discardedByteLimit {
          linger(handle, &loop)
          return input.count
        }
        if connections[handle].decoder.isComplete { nextRequest(handle, &loop) }
        return consumed
      case .end(let consumed):
        nextRequest(handle, &loop)
        return consumed
      }
    } catch {
      linger(handle, &loop)
      return input.count
    }
  }

  mutating func enter(_ phase: ServerConnection.Phase, _ handle: Handle, _ loop: inout EventLoop) {
    connections[handle].phase = phase
    connections[handle].phaseBeganAt = now
    arm(handle, &loop)
  }

  private mutating func nextRequest(_ handle: Handle, _ loop: inout EventLoop) {
    connections[handle].discardedByteCount = 0
    enter(.head, handle, &loop)
  }

  /// The response is out. What follows depends on how much of the request was read.
  mutating func responseSent(_ handle: Handle, _ loop: inout EventLoop) {
    let exchange = connections[handle].current
    let isRequestEnded = exchanges[exchange].isRequestEnded
    let waitsForContinue = exchanges[exchange].head.expectsContinue && exchanges[exchange].receivedByteCount == 0
    connections[handle].current = .none
    closeExchange(exchange, .complete)
    connections[handle].output.giveBack(to: &buffers)
    guard connections[handle].persists else { return linger(handle, &loop) }
    if isRequestEnded {
      nextRequest(handle, &loop)
    } else if waitsForContinue {
      // Whether the client sends the body now cannot be known (RFC 9110 §10.1.1).
      return linger(handle, &loop)
    } else {
      enter(.discarding, handle, &loop)
    }
    if !connections[handle].pending.isEmpty || connections[handle].hasUnread { resumable.append(handle) }
  }

  /// Ends our half and waits for the client's end, so that unread bytes of it do not turn into a reset of our answer.
  mutating func linger(_ handle: Handle, _ loop: inout EventLoop) {
    if connections[handle].isInputEnded { return disconnectInOrder(handle, &loop) }
    connections[handle].stream.shutdownWriting()
    buffers.give(&connections[handle].pending)
    enter(.lingering, handle, &loop)
    if connections[handle].hasUnread { resumable.append(handle) }
  }
}
