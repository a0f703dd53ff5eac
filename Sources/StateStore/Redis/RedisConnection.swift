internal import Transport

/// One connection to the server, made again whenever it is lost. Commands are sent as they come and answered in order.
actor RedisConnection {
  /// Of a command, waiting for the connection included.
  static let commandBound = Duration.seconds(2)
  /// Commands that may wait. Above: ``StateStoreError/overloaded``.
  static let waitingCount = 1024
  static let connectBound = Duration.seconds(2)
  /// Between two attempts, doubling.
  static let firstPause = Duration.milliseconds(50)
  static let longestPause = Duration.seconds(2)
  /// Of a subscription: how often it is tried, and how long it may be silent.
  static let pingPause = Duration.milliseconds(400)
  static let silenceBound = Duration.milliseconds(1200)

  /// What a subscription hears.
  enum Event: Sendable {
    /// From now on nothing is missed.
    case subscribed
    case message([UInt8])
    case lost(StateStoreError)
  }

  private enum Stage {
    case stopped
    case pausing(until: MonotonicTime)
    case resolving
    /// Until the greeting is answered.
    case opening(until: MonotonicTime)
    case open
  }

  private enum Expected {
    /// Of the greeting: must be no error.
    case greeting
    case answer(CheckedContinuation<Result<RedisReply, StateStoreError>, Never>, deadline: MonotonicTime)
  }

  private struct Waiting {
    var command: [RedisWord]
    var deadline: MonotonicTime
    var continuation: CheckedContinuation<Result<RedisReply, StateStoreError>, Never>
  }

  private let server: RedisServer
  private let channel: [UInt8]?
  private let hear: @Sendable (Event) -> Void
  private let executor: LoopExecutor
  private let resolver: NameResolver
  private nonisolated let descriptor: CInt
  nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

  private var loop: EventLoop
  private var sockets = Slab<Bool>(kind: 1)
  private var socket = Handle.none
  private var stream: ByteStream?
  private var reader: RedisReplyReader?
  private var output = ByteQueue()
  private var stage = Stage.stopped
  private var isConnected = false
  private var expected: [Expected] = []
  private var waiting: [Waiting] = []
  private var addresses: [SocketAddress] = []
  private var attempt = 0
  private var pause = firstPause
  private var heardAt = MonotonicTime(nanoseconds: 0)
  private var pingedAt = MonotonicTime(nanoseconds: 0)
  private var lastFailure: StateStoreError?

  /// - Parameters:
  ///   - channel: what is subscribed to; such a connection takes no commands. Nil: it takes commands.
  ///   - hear: called on the control loop.
  init(
    _ server: RedisServer, subscribingTo channel: [UInt8]? = nil, on executor: LoopExecutor, resolver: NameResolver,
    hear: @escaping @Sendable (Event) -> Void = { _ in }
  ) throws(Errno) {
    self.server = server
    self.channel = channel
    self.executor = executor
    self.resolver = resolver
    self.hear = hear
    let loop = try EventLoop(inputBytes: 16 * 1024)
    descriptor = loop.descriptor
    self.loop = loop
  }

  deinit { executor.detach(descriptor: descriptor) }

  /// Connects, and keeps connecting. Whatever runs here runs in a job of the control loop, which turns this loop after it.
  nonisolated func start() {
    executor.attach(descriptor: descriptor) { [weak self] in
      self?.assumeIsolated { $0.turn() }
    }
    Task(executorPreference: executor) { await self.begin() }
  }

  /// Nil while it is connected.
  var trouble: StateStoreError? {
    if case .open = stage { return nil }
    return lastFailure ?? .unreachable("not connected yet")
  }

  /// Sends a command and waits for its answer.
  ///
  /// - Throws: `unreachable` at once while there is no server; `refused` for an error that the server answers.
  func send(_ command: [RedisWord]) async throws(StateStoreError) -> RedisReply {
    if case .open = stage {} else if let lastFailure { throw lastFailure }
    guard waiting.count + expected.count < Self.waitingCount else { throw .overloaded }
    let deadline = Clock.monotonic() + Self.commandBound
    let result = await withCheckedContinuation { continuation in
      waiting.append(Waiting(command: command, deadline: deadline, continuation: continuation))
      submit()
    }
    let reply = try result.get()
    if case .error(let code) = reply { throw .refused(code) }
    return reply
  }

  // MARK: Connecting

  private func begin() {
    guard case .stopped = stage else { return }
    stage = .pausing(until: MonotonicTime(nanoseconds: 0))
  }

  private func resolve() {
    stage = .resolving
    resolver.resolve(server.host, port: server.port) { [weak self, executor] result in
      Task(executorPreference: executor) { await self?.resolved(result) }
    }
  }

  private func resolved(_ result: Result<[SocketAddress], NameResolver.Failure>) {
    guard case .resolving = stage else { return }
    switch result {
    case .failure(let failure): lose(.unreachable("name not resolved: \(failure)"))
    case .success(let found):
      addresses = found
      connect()
    }
  }

  private func connect() {
    let address = addresses[attempt % addresses.count]
    attempt &+= 1
    do {
      let socket = try Connected(connectingTo: address).takeSocket()
      let stream = try Self.stream(on: socket, server)
      reader = try RedisReplyReader()
      guard let handle = sockets.insert(true) else { throw RedisProtocolError() }
      try loop.watch(stream.socket, as: handle)
      self.socket = handle
      self.stream = consume stream
      output = ByteQueue()
      isConnected = false
      stage = .opening(until: Clock.monotonic() + Self.connectBound)
      for command in server.greeting {
        try output.append(command)
        expected.append(.greeting)
      }
      if let channel {
        try output.append(["SUBSCRIBE", RedisWord(channel)])
      } else {
        try output.append(["PING"])
        expected.append(.greeting)
      }
    } catch {
      lose(.unreachable("\(address): \(error)"))
    }
  }

  private static func stream(
    on socket: consuming FileDescriptor, _ server: RedisServer
  ) throws(Errno) -> ByteStream {
    guard let security = server.security else { return ByteStream(socket) }
    return try ByteStream(socket, tls: security, serverName: server.host)
  }

  /// What TLS says of a connection that failed.
  private var securityFailure: String? {
    switch stream {
    case .some(let stream): stream.securityFailure
    case .none: nil
    }
  }

  private var connectFailure: Errno? {
    switch stream {
    case .some(let stream): stream.socket.pendingError()
    case .none: nil
    }
  }

  private var hasOutput: Bool {
    switch stream {
    case .some(let stream): !output.isEmpty || stream.wantsToWrite
    case .none: false
    }
  }

  /// Ends the connection with all that wait on it, and plans the next attempt.
  private func lose(_ failure: StateStoreError) {
    _ = sockets.remove(socket)
    socket = .none
    stream = nil
    reader = nil
    output = ByteQueue()
    isConnected = false
    let isNew = lastFailure == nil
    lastFailure = failure
    let ended = expected
    expected = []
    for case .answer(let continuation, _) in ended { continuation.resume(returning: .failure(failure)) }
    let unsent = waiting
    waiting = []
    for command in unsent { command.continuation.resume(returning: .failure(failure)) }
    if isNew, channel != nil { hear(.lost(failure)) }
    // Not all replicas at the same moment.
    let spread = Int64.random(in: 75...125)
    stage = .pausing(until: Clock.monotonic() + pause * Double(spread) / 100)
    pause = min(pause * 2, Self.longestPause)
  }

  private func opened() {
    stage = .open
    lastFailure = nil
    pause = Self.firstPause
    attempt = 0
    pingedAt = heardAt
    if channel != nil { hear(.subscribed) }
    submit()
  }

  // MARK: The loop

  private func turn() -> MonotonicTime? {
    let count = loop.wait(atMost: .zero)
    for index in 0..<count {
      let readiness = loop.readiness(index)
      if sockets.contains(readiness.handle) { ready(readiness) }
    }
    let now = Clock.monotonic()
    expire(now)
    flush()
    return nextDeadline
  }

  private func expire(_ now: MonotonicTime) {
    switch stage {
    case .pausing(let moment) where moment <= now: resolve()
    case .opening(let moment) where moment <= now: lose(.unreachable("no answer within \(Self.connectBound)"))
    case .open where channel != nil:
      if heardAt + Self.silenceBound <= now {
        lose(.unreachable("silent for \(Self.silenceBound)"))
      } else if pingedAt + Self.pingPause <= now {
        pingedAt = now
        do throws(RedisProtocolError) { try output.append(["PING"]) } catch { lose(.unreachable("no memory")) }
      }
    default: break
    }
    // All have the same bound: the first is the first to be overdue. What is behind it on the connection hangs too.
    if case .answer(_, let deadline)? = expected.first(where: { if case .answer = $0 { true } else { false } }),
      deadline <= now
    {
      lose(.timedOut)
    }
    while let first = waiting.first, first.deadline <= now {
      waiting.removeFirst()
      first.continuation.resume(returning: .failure(.timedOut))
    }
  }

  private var nextDeadline: MonotonicTime {
    var next = MonotonicTime.distantFuture
    switch stage {
    case .pausing(let moment), .opening(let moment): next = moment
    case .open where channel != nil: next = min(heardAt + Self.silenceBound, pingedAt + Self.pingPause)
    case .stopped, .resolving, .open: break
    }
    for entry in expected {
      if case .answer(_, let deadline) = entry {
        next = min(next, deadline)
        break
      }
    }
    return min(next, waiting.first?.deadline ?? .distantFuture)
  }

  private func ready(_ readiness: Readiness) {
    if !isConnected {
      guard readiness.isWritable || readiness.isBroken else { return }
      if let error = connectFailure { return lose(.unreachable("\(error)")) }
      isConnected = true
    }
    read()
  }

  private func read() {
    do {
      while stream != nil {
        switch try stream!.read(into: &loop.input) {
        case .wouldBlock: return
        case .endOfStream: return lose(.unreachable("the server closed the connection"))
        case .bytes(let count):
          heardAt = Clock.monotonic()
          let input = loop.input
          try reader?.feed(input.span.extracting(0..<count))
          while let reply = try reader?.next() { arrived(reply) }
        }
      }
    } catch {
      lose(.unreachable(securityFailure ?? "\(error)"))
    }
  }

  private func arrived(_ reply: RedisReply) {
    if let channel, expected.isEmpty { return heard(reply, channel) }
    guard !expected.isEmpty else { return lose(.unreachable("an answer that nobody asked for")) }
    switch expected.removeFirst() {
    case .answer(let continuation, _): continuation.resume(returning: .success(reply))
    case .greeting:
      if case .error(let code) = reply { return lose(.refused(code)) }
      if expected.isEmpty, channel == nil { opened() }
    }
  }

  /// In a subscription: `subscribe`, `message` and `pong`, each with what belongs to it.
  private func heard(_ reply: RedisReply, _ channel: [UInt8]) {
    if case .error(let code) = reply { return lose(.refused(code)) }
    guard let parts = reply.elements, let kind = parts.first?.text else { return }
    switch kind {
    case "subscribe": opened()
    case "message":
      if parts.count == 3, parts[1].bytes == channel, let content = parts[2].bytes { hear(.message(content)) }
    default: break
    }
  }

  private func submit() {
    guard case .open = stage, channel == nil, !waiting.isEmpty else { return }
    let commands = waiting
    waiting = []
    for command in commands {
      do throws(RedisProtocolError) {
        try output.append(command.command)
        expected.append(.answer(command.continuation, deadline: command.deadline))
      } catch {
        command.continuation.resume(returning: .failure(.overloaded))
      }
    }
    flush()
  }

  private func flush() {
    guard isConnected, hasOutput else { return }
    do throws(Errno) { _ = try stream!.write(&output) } catch {
      lose(.unreachable(securityFailure ?? "\(error)"))
    }
  }
}
