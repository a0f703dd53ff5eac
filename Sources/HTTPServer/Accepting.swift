import HTTP
public import Transport

/// How connections begin, and how many there may be.
extension HTTPServer {
  /// Takes what waits in the listener's queue, at most 64 at a time.
  /// - Throws: when the system is out of descriptors or the limit is reached; the owner stops listening for a while.
  public mutating func accept(_ listener: borrowing Listener, as number: Int, _ loop: inout EventLoop) throws(Errno) {
    now = loop.now
    for _ in 0..<64 {
      // The queue keeps the rest; the owner asks again later.
      guard connections.count < limits.connectionCount, budget?.take() ?? true else {
        counts.connectionLimitHits &+= 1
        endIdle(atMost: 64, &loop)
        throw .connectionLimit
      }
      guard let accepted = try acceptNext(listener, &loop) else { return }
      let peer = accepted.peer
      guard number < security.count, let tls = security[number] else {
        open(ByteStream(accepted.takeSocket()), from: peer, listener: number, &loop)
        continue
      }
      do throws(Errno) {
        open(try ByteStream(accepted.takeSocket(), tls: tls), from: peer, listener: number, &loop)
      } catch {
        budget?.giveBack()
        throw error
      }
    }
  }

  /// What was taken from the budget for a connection that did not come is given back.
  private mutating func acceptNext(_ listener: borrowing Listener, _ loop: inout EventLoop) throws(Errno) -> Connected? {
    do throws(Errno) {
      if let accepted = try listener.accept() { return accepted }
    } catch {
      budget?.giveBack()
      if error.isDescriptorExhaustion {
        counts.descriptorLimitHits &+= 1
        endIdle(atMost: 64, &loop)
      }
      throw error
    }
    budget?.giveBack()
    return nil
  }

  /// Makes room: those go that have had nothing to do for a second and more.
  private mutating func endIdle(atMost limit: Int, _ loop: inout EventLoop) {
    var count = 0
    for handle in connections.handles() where count < limit {
      guard connections[handle].phaseBeganAt + .seconds(1) <= now else { continue }
      switch connections[handle].phase {
      case .undecided where connections[handle].pending.isEmpty, .head where connections[handle].pending.isEmpty: break
      case .http2 where sessions[connections[handle].session].streamCount == 0: break
      default: continue
      }
      count += 1
      expire(handle, &loop)
    }
  }

  private mutating func open(
    _ stream: consuming ByteStream, from peer: SocketAddress, listener: Int, _ loop: inout EventLoop
  ) {
    guard let handle = connections.insert(
      ServerConnection(stream: stream, peer: peer, listener: listener, now: loop.now))
    else {
      budget?.giveBack()
      return
    }
    do throws(Errno) {
      try loop.watch(connections[handle].stream.socket, as: handle)
    } catch {
      _ = connections.remove(handle)
      budget?.giveBack()
      return
    }
    if connections[handle].phase != .handshaking { events.append(.opened(connection: handle)) }
    arm(handle, &loop)
  }

  /// The TLS handshake is complete: ALPN says what is spoken, its silence means HTTP/1.1 (RFC 9113 §3.2).
  mutating func secured(_ handle: Handle, _ loop: inout EventLoop) {
    events.append(.opened(connection: handle))
    enter(.head, handle, &loop)
    if connections[handle].stream.negotiatedProtocol == "h2" { beginHTTP2(handle) }
  }

  /// Tells of a handshake that came to nothing, with what is known of it.
  mutating func handshakeFailed(_ handle: Handle, _ detail: String) {
    handshakeFailures.append(
      HandshakeFailure(peer: connections[handle].peer, listener: connections[handle].listener, detail: detail))
    events.append(.handshakeFailed)
  }
}
