public import HTTP
public import Transport

/// A request whose content was collected.
public struct BufferedRequest: Sendable {
  public var head: RequestHead
  public var content: [UInt8]
  public var peer: SocketAddress
}

/// A response whose content is known beforehand; `content-length` is added.
public struct BufferedResponse: Sendable {
  public enum Ending: Sendable {
    case complete
    /// The announced length is one byte more than what is sent, then the connection is reset.
    case cutShort
    /// Nothing is sent, the connection is reset.
    case reset
  }

  public var status: UInt16
  /// Names in lower case.
  public var fields: [(name: String, value: String)]
  public var content: [UInt8]
  public var ending = Ending.complete

  public init(status: UInt16, fields: [(name: String, value: String)] = [], content: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.content = content
  }
}

/// A server for slow, small conversations (probes, the demo): whole messages in and out, HTTP/1.1 and HTTP/2 on one port.
public actor BufferedServer {
  public typealias Handler = @Sendable (BufferedRequest) async -> BufferedResponse

  /// Content of one request. Above: 413.
  static let contentLimitBytes = 1024 * 1024

  private let executor: LoopExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
  public nonisolated let address: SocketAddress

  private var loop: EventLoop
  private var server: HTTPServer
  private let listener: Listener
  private let handler: Handler
  private var contents: [Handle: ByteQueue] = [:]
  private var events: [ServerEvent] = []
  /// The probes are asked when descriptors have run out, and they must not wait for one.
  private var spare = SpareDescriptor()
  /// Descriptors have run out: until then the accept queue keeps who comes.
  private var acceptsAgainAt: MonotonicTime?

  /// Listens at once; ``start()`` begins to serve.
  public init(
    on executor: LoopExecutor, at address: SocketAddress, limits: ServerLimits = ServerLimits(),
    _ handler: @escaping Handler
  ) throws(Errno) {
    self.executor = executor
    self.handler = handler
    let listener = try Listener(address, shared: false)
    self.address = listener.address
    let loop = try EventLoop()
    try loop.watchForReading(listener.descriptor.number, as: .none)
    self.listener = listener
    self.loop = loop
    server = HTTPServer(limits)
  }

  public func start() {
    executor.attach(descriptor: loop.descriptor) { [weak self] in
      self?.assumeIsolated { $0.turn() }
    }
  }

  public func stop() { executor.detach(descriptor: loop.descriptor) }

  /// Removes the path of a Unix domain socket: at the end of the process, whatever is still under way.
  public nonisolated func removeSocketFile() { listener.removeSocketFile() }

  private func turn() -> MonotonicTime? {
    let count = loop.wait(atMost: .zero)
    for index in 0..<count {
      let readiness = loop.readiness(index)
      if readiness.handle.isNone {
        accept()
      } else {
        server.ready(readiness, &loop)
      }
    }
    let now = loop.now
    while let handle = loop.timers.next(dueAt: now) { server.timerFired(handle, &loop) }
    resumeListening()
    settle()
    spare.refill()
    if server.hasWork { return loop.now }
    return [loop.timers.earliest, acceptsAgainAt].compactMap { $0 }.min()
  }

  /// A listener that cannot be served stays readable; watching it on would spin the loop.
  private func accept() {
    do throws(Errno) {
      do throws(Errno) {
        try server.accept(listener, as: 0, &loop)
      } catch {
        guard error.isDescriptorExhaustion, spare.letGo() else { throw error }
        try server.accept(listener, as: 0, &loop)
      }
    } catch {
      loop.unwatch(listener.descriptor.number)
      acceptsAgainAt = loop.now + .milliseconds(100)
    }
  }

  private func resumeListening() {
    guard let moment = acceptsAgainAt, moment <= loop.now else { return }
    do throws(Errno) {
      try loop.watchForReading(listener.descriptor.number, as: .none)
      acceptsAgainAt = nil
    } catch {
      acceptsAgainAt = loop.now + .milliseconds(100)
    }
  }

  private func settle() {
    repeat {
      while server.takeEvents(&events) { for event in events { handle(event) } }
      server.flush(&loop)
      server.resume(&loop)
    } while server.hasEvents
  }

  private func handle(_ event: ServerEvent) {
    switch event {
    case .request(let exchange):
      contents[exchange] = ByteQueue()
      if server.exchanges[exchange].isRequestEnded { answer(exchange) }
    case .content(let exchange):
      guard var content = contents[exchange] else { return }
      server.takeContent(exchange, into: &content)
      let isTooLarge = content.count > Self.contentLimitBytes
      contents[exchange] = isTooLarge ? nil : content
      if isTooLarge { send(BufferedResponse(status: 413), to: exchange) }
    case .ended(let exchange): answer(exchange)
    case .refused(let exchange, _): send(BufferedResponse(status: 400), to: exchange)
    case .expired(let exchange): send(BufferedResponse(status: 408), to: exchange)
    case .closed(let exchange, _):
      contents[exchange] = nil
      server.release(exchange)
    case .opened, .handshakeFailed, .disconnected, .space, .flooded: break
    }
  }

  private func answer(_ exchange: Handle) {
    guard let content = contents.removeValue(forKey: exchange) else { return }
    let bytes = content.withContent { span in
      var bytes: [UInt8] = []
      bytes.append(copying: span)
      return bytes
    }
    let request = BufferedRequest(
      head: server.exchanges[exchange].head, content: bytes,
      peer: server.connections[server.exchanges[exchange].connection].peer)
    let handler = handler
    // The handler runs on this loop too: the global pool stays unused.
    Task(executorPreference: executor) {
      let response = await handler(request)
      await self.answered(exchange, response)
    }
  }

  private func answered(_ exchange: Handle, _ response: BufferedResponse) {
    send(response, to: exchange)
    settle()
  }

  private func send(_ response: BufferedResponse, to exchange: Handle) {
    guard server.exchanges.contains(exchange) else { return }
    if response.ending == .reset { return server.reset(exchange) }
    var head = ResponseHead()
    head.status = response.status
    for (name, value) in response.fields { head.fields.append(name: name.utf8.span, value: value.utf8.span) }
    let length = response.content.count + (response.ending == .cutShort ? 1 : 0)
    if response.status != 204, response.status != 304 {
      head.contentLength = UInt64(length)
      head.fields.append("content-length", String(length))
    }
    server.respond(exchange, head, endsStream: length == 0)
    if length == 0 { return }
    var queue = ByteQueue()
    queue.append(response.content.span)
    server.write(exchange, taking: &queue)
    if response.ending == .cutShort {
      server.flush(&loop)
      server.reset(exchange)
    } else {
      server.finish(exchange, trailers: FieldSection())
    }
  }
}
