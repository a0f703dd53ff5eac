import HTTP
import Transport

/// Which connection serves a call, and when another one is made.
extension HTTPClient {
  /// How many calls one new HTTP/2 connection is expected to serve.
  static var expectedStreamCount: Int { 100 }

  func hasTarget(_ origin: Int) -> Bool { origins[origin].hasTarget }

  // MARK: Assigning

  /// A connection that can take a call now; an idle one is taken out of its list.
  mutating func readyConnection(_ origin: Int) -> Handle? {
    for handle in origins[origin].http2 where hasRoom(handle) { return handle }
    while let handle = origins[origin].idle.popLast() {
      // The app is about to end it: a request would meet the end on its way.
      guard connections[handle].phaseBeganAt + connections[handle].patience > now else {
        close(handle)
        continue
      }
      return handle
    }
    return nil
  }

  func hasRoom(_ handle: Handle) -> Bool {
    guard !connections[handle].isDraining else { return false }
    let session = connections[handle].session
    let streamCount = max(connections[handle].callCount, sessions[session].streamCount)
    return streamCount < min(limits.streamCount, Int(sessions[session].remoteConcurrentStreamCount))
      && sessions[session].acceptsRequests
  }

  mutating func assign(_ call: Handle, to connection: Handle) {
    calls[call].phase = .assigned
    calls[call].connection = connection
    calls[call].assignedAt = now
    calls[call].isReused = connections[connection].servedCount > 0
    connections[connection].callCount += 1
    if connections[connection].phase != .http2 {
      connections[connection].phase = .assigned
      connections[connection].current = call
    } else if calls[call].isTunnel {
      return assignTunnel(call, connection)
    }
    events.append(.assigned(call))
  }

  /// Gives a connection that can take a call to whoever waits, or keeps it for later.
  mutating func free(_ connection: Handle) {
    let origin = connections[connection].origin
    if origins[origin].isRetired, origins[origin].waitingCount == 0, connections[connection].callCount == 0 {
      return close(connection)
    }
    if connections[connection].phase == .http2 {
      while hasRoom(connection), let call = takeWaiting(origin) { assign(call, to: connection) }
    } else if let call = takeWaiting(origin) {
      assign(call, to: connection)
    } else {
      connections[connection].phase = .idle
      origins[origin].idle.append(connection)
    }
  }

  // MARK: Waiting

  mutating func wait(_ call: Handle, _ origin: Int) {
    if origins[origin].waiting.count - origins[origin].waitingStart > 2 * origins[origin].waitingCount + 64 {
      let live = origins[origin].waiting[origins[origin].waitingStart...].filter { isWaiting($0) }
      origins[origin].waiting = live
      origins[origin].waitingStart = 0
    }
    origins[origin].waiting.append(call)
    origins[origin].waitingCount += 1
    want(origin)
  }

  func isWaiting(_ call: Handle) -> Bool { calls.contains(call) && calls[call].phase == .waiting }

  mutating func takeWaiting(_ origin: Int) -> Handle? {
    while let call = origins[origin].nextWaiting() {
      guard isWaiting(call) else { continue }
      origins[origin].waitingCount -= 1
      return call
    }
    return nil
  }

  mutating func failWaiting(_ origin: Int, _ kind: CallFailure.Kind, detail: String) {
    while let call = takeWaiting(origin) {
      calls[call].phase = .failed
      events.append(.failed(call, CallFailure(kind, retryable: true, mayHaveLeft: false, detail: detail)))
    }
  }

  /// The next flush looks whether the origin needs another connection.
  mutating func want(_ origin: Int) {
    if origins[origin].isWanting { return }
    origins[origin].isWanting = true
    wanting.append(origin)
  }

  // MARK: Connecting

  mutating func connectWhereWanted(_ loop: inout EventLoop) {
    while let origin = wanting.popLast() {
      origins[origin].isWanting = false
      guard origins[origin].waitingCount > 0 else { continue }
      armWaitTimer(origin, &loop)
      guard hasTarget(origin) else {
        requestTarget(origin)
        continue
      }
      while needsConnection(origin) {
        guard connect(origin, attempt: 0, beganAt: now, &loop) else { break }
      }
    }
  }

  private func needsConnection(_ origin: Int) -> Bool {
    let connecting = origins[origin].connectingCount
    let isServed: Bool
    switch origins[origin].upstreamProtocol {
    case .http1: isServed = connecting >= origins[origin].waitingCount
    case .http2: isServed = connecting * Self.expectedStreamCount >= origins[origin].waitingCount
    // Which of the two it will be shows with the first connection.
    case .unknown: isServed = connecting > 0
    }
    return !isServed && origins[origin].connectionCount < origins[origin].settings.maxConnectionCount
  }


  mutating func requestTarget(_ origin: Int) {
    if origins[origin].isTargetRequested { return }
    origins[origin].isTargetRequested = true
    events.append(.needsTarget(origin: origin))
  }

  /// Begins to connect to one of the origin's addresses, the next one where that fails at once.
  private mutating func connect(
    _ origin: Int, attempt first: Int, beganAt: MonotonicTime, _ loop: inout EventLoop
  ) -> Bool {
    let addresses = origins[origin].addresses
    var failure = Errno.connectionRefused
    var attempt = first
    while attempt < addresses.count {
      let address = addresses[(origins[origin].preferredAddress + attempt) % addresses.count]
      do throws(Errno) {
        let isTunnelled = origins[origin].settings.tunnelRequest != nil
        let stream = try stream(to: address, isTunnelled ? nil : origins[origin].settings.security)
        let made = ClientConnection(stream: stream, origin: origin, attempt: attempt, connectBeganAt: beganAt, now: now)
        guard let handle = connections.insert(made) else { break }
        origins[origin].connectionCount += 1
        origins[origin].connectingCount += 1
        do throws(Errno) {
          try loop.watch(connections[handle].stream.socket, as: handle)
        } catch {
          remove(handle)
          throw error
        }
        arm(handle, by: beganAt + origins[origin].settings.connect, &loop)
        return true
      } catch {
        failure = error
        attempt += 1
      }
    }
    // Without descriptors it is us that can take no more; the app is where it was.
    connectFailed(origin, failure.isDescriptorExhaustion ? .saturated : .unreachable, detail: "connect: \(failure)")
    return false
  }

  private func stream(to address: SocketAddress, _ security: OriginSettings.Security?) throws(Errno) -> ByteStream {
    let socket = try Connected(connectingTo: address).takeSocket()
    guard let security else { return ByteStream(socket) }
    return try ByteStream(socket, tls: security.tls, serverName: security.serverName)
  }

  /// The connect was decided.
  mutating func connectDecided(_ handle: Handle, _ loop: inout EventLoop) {
    if let failure = connections[handle].stream.socket.pendingError() {
      let origin = connections[handle].origin
      let next = connections[handle].attempt + 1
      let beganAt = connections[handle].connectBeganAt
      remove(handle)
      if next < origins[origin].addresses.count {
        _ = connect(origin, attempt: next, beganAt: beganAt, &loop)
      } else {
        connectFailed(origin, .unreachable, detail: "connect: \(failure)")
      }
      return
    }
    if let request = origins[connections[handle].origin].settings.tunnelRequest {
      return askForTunnel(handle, request)
    }
    originReached(handle, loop: &loop)
  }

  /// What is written from now on reaches the origin.
  mutating func originReached(_ handle: Handle, loop: inout EventLoop) {
    let origin = connections[handle].origin
    guard let security = origins[origin].settings.security else {
      return established(handle, origins[origin].upstreamProtocol, &loop)
    }
    if connections[handle].phase == .tunnelling {
      do throws(Errno) {
        try connections[handle].stream.secure(security.tls, serverName: security.serverName)
      } catch {
        remove(handle)
        return connectFailed(origin, .tlsFailed, detail: "\(error)")
      }
    }
    connections[handle].phase = .handshaking
    markDirty(handle)
  }

  /// The handshake is complete; ALPN says what is spoken, its silence means HTTP/1.1.
  mutating func secured(_ handle: Handle, _ loop: inout EventLoop) {
    let origin = connections[handle].origin
    let isHTTP2 = connections[handle].stream.negotiatedProtocol == "h2"
    let isAllowed = isHTTP2 ? origins[origin].settings.choice != .http1 : origins[origin].settings.choice != .http2
    guard isAllowed else {
      remove(handle)
      return connectFailed(origin, .protocolError, detail: "ALPN did not choose the configured protocol")
    }
    origins[origin].upstreamProtocol = isHTTP2 ? .http2 : .http1
    established(handle, origins[origin].upstreamProtocol, &loop)
  }

  /// No address took a connection. Who waits has nothing to hope for unless other connections live.
  mutating func connectFailed(_ origin: Int, _ kind: CallFailure.Kind, detail: String) {
    if kind != .saturated {
      requestTarget(origin)
      tell(origin, isAway: true)
    }
    if origins[origin].connectionCount == 0 { failWaiting(origin, kind, detail: detail) }
  }

  /// Each failure is told: others may have found the origin there meanwhile.
  private mutating func tell(_ origin: Int, isAway: Bool) {
    if !isAway, !origins[origin].isAway { return }
    origins[origin].isAway = isAway
    events.append(.away(origin: origin, isAway))
  }

  mutating func established(_ handle: Handle, _ spoken: UpstreamProtocol, _ loop: inout EventLoop) {
    let origin = connections[handle].origin
    origins[origin].connectingCount -= 1
    tell(origin, isAway: false)
    let count = origins[origin].addresses.count
    if count > 0 {
      origins[origin].preferredAddress = (origins[origin].preferredAddress + connections[handle].attempt) % count
    }
    connections[handle].phaseBeganAt = now
    arm(handle, by: now + origins[origin].settings.shortestTimeout, &loop)
    if spoken == .http2 {
      guard beginHTTP2(handle) else { return close(handle) }
      origins[origin].http2.append(handle)
    } else {
      connections[handle].phase = .idle
    }
    free(handle)
    if origins[origin].waitingCount > 0 { want(origin) }
  }

  // MARK: Ending

  /// Forgets a connection whose calls are all told; the socket closes.
  mutating func remove(_ handle: Handle) {
    failWaitingTunnels(handle)
    let origin = connections[handle].origin
    if connections[handle].phase != .tunnel { origins[origin].connectionCount -= 1 }
    switch connections[handle].phase {
    case .connecting, .tunnelling, .handshaking: origins[origin].connectingCount -= 1
    case .http2: origins[origin].http2.removeAll { $0 == handle }
    case .idle: origins[origin].idle.removeAll { $0 == handle }
    case .assigned, .head, .body, .complete, .tunnel: break
    }
    let session = connections[handle].session
    if !session.isNone { _ = sessions.remove(session) }
    buffers.give(&connections[handle].pending)
    bufferedByteCount -= connections[handle].weighedByteCount
    _ = connections.remove(handle)
    if origins[origin].waitingCount > 0 { want(origin) }
  }

  /// Ends a connection that nobody uses, in order.
  mutating func close(_ handle: Handle) {
    guard connections[handle].phase == .http2 else {
      if !connections[handle].isBroken, isSecure(handle) {
        connections[handle].stream.shutdownWriting()
      }
      return remove(handle)
    }
    connections[handle].isDraining = true
    sessions[connections[handle].session].terminate(code: H2ErrorCode.noError)
    markDirty(handle)
  }
}
