internal import HTTP
public import Transport

/// The way out of the slow flows: whole requests and whole answers, on the control loop. Names are resolved again once
/// they are a minute old and something is sent, idle connections are kept for 30 s.
///
/// No redirect is followed. A request is sent again only where it is certain that no byte of it left the process.
public actor OutboundClient {
  static let keepAlive = Duration.seconds(30)
  static let addressLifetime = Duration.seconds(60)
  /// PEM of a certificate authority.
  static let authorityLimitBytes = 1024 * 1024

  struct OriginKey: Hashable {
    var isSecure: Bool
    var host: String
    var port: UInt16
    var authority: CertificateAuthority
  }

  struct KnownOrigin {
    var number: Int
    var key: OriginKey
    /// What is connected to: the origin itself, or the proxy.
    var address: (host: String, port: UInt16)
    var isResolving = false
    var isNameUnknown = false
    var resolvedAt: MonotonicTime?
  }

  /// A call under way, by the number that the client knows as its owner.
  struct PendingCall {
    var request: OutboundRequest
    var message: OutboundMessage
    var origin: Int
    var call: Handle
    var deadline: MonotonicTime
    var head = ResponseHead()
    var content: [UInt8] = []
    var isSecondAttempt = false
    var answer: Answer
  }

  typealias Answer = CheckedContinuation<Result<OutboundResponse, OutboundFailure>, Never>

  private let executor: LoopExecutor
  public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
  private nonisolated let descriptor: CInt
  private let resolver: NameResolver
  private var proxy: EgressProxy?

  private var loop: EventLoop
  private var client: HTTPClient
  /// By the client's number.
  private var origins: [KnownOrigin] = []
  private var numbers: [OriginKey: Int] = [:]
  private var pending: [UInt64: PendingCall] = [:]
  private var lastOwner: UInt64 = 0

  /// Nothing moves before ``start()``.
  public init(
    on executor: LoopExecutor, resolver: NameResolver, limits: ClientLimits = ClientLimits(), proxy: EgressProxy? = nil
  ) throws(Errno) {
    self.executor = executor
    self.resolver = resolver
    self.proxy = proxy
    let loop = try EventLoop()
    descriptor = loop.descriptor
    self.loop = loop
    client = HTTPClient(limits: limits)
  }

  public nonisolated func start() {
    executor.attach(descriptor: descriptor) { [weak self] in
      self?.assumeIsolated { $0.turn() }
    }
  }

  /// Ends all calls.
  public func stop() {
    executor.detach(descriptor: descriptor)
    for owner in Array(pending.keys) { end(owner, .connectionClosed, detail: "stopped") }
  }

  /// As a value, for whoever must not know more.
  public nonisolated var outbound: Outbound {
    Outbound { request async throws(OutboundFailure) in try await self.send(request) }
  }

  /// Another way out, for connections from now on.
  public func setProxy(_ proxy: EgressProxy?) {
    self.proxy = proxy
    forgetOrigins()
  }

  /// Certificate authorities are read again, connections made anew.
  public func forgetOrigins() {
    for number in numbers.values { client.retireOrigin(number) }
    numbers = [:]
  }

  public func send(_ request: OutboundRequest) async throws(OutboundFailure) -> OutboundResponse {
    guard let message = OutboundMessage(request) else {
      throw OutboundFailure(.protocolError, requestMayHaveLeft: false, detail: "request is malformed")
    }
    // The loop's clock stands since its last turn.
    _ = turn()
    let origin = try number(of: request)
    refreshAddresses(origin)
    let result = await withCheckedContinuation { (continuation: Answer) in
      lastOwner += 1
      guard let call = client.open(origin: origin, owner: lastOwner, loop: &loop) else {
        return continuation.resume(returning: .failure(OutboundFailure(.overloaded, requestMayHaveLeft: false)))
      }
      pending[lastOwner] = PendingCall(
        request: request, message: message, origin: origin, call: call, deadline: loop.now + request.timeout,
        answer: continuation)
      settle()
    }
    return try result.get()
  }

  // MARK: Origins

  private func number(of request: OutboundRequest) throws(OutboundFailure) -> Int {
    let url = request.url
    let key = OriginKey(
      isSecure: url.isSecure, host: url.host, port: url.port, authority: url.isSecure ? request.authority : .system)
    if let known = numbers[key] { return known }
    var settings = OriginSettings(authority: url.authority, choice: url.isSecure ? .auto : .http1)
    if url.isSecure { settings.security = OriginSettings.Security(try Self.tls(key.authority), serverName: url.host) }
    let proxy = proxy.flatMap { $0.isFor(url.host, port: url.port) ? $0 : nil }
    settings.tunnelRequest = proxy?.request(for: url.tunnelAuthority)
    settings.connect = .seconds(10)
    settings.keepAlive = Self.keepAlive
    // A whole call has a timeout of its own.
    settings.waiting = .seconds(3600)
    settings.responseHead = .seconds(3600)
    let number = client.addOrigin(settings)
    origins.append(
      KnownOrigin(number: number, key: key, address: proxy.map { ($0.host, $0.port) } ?? (key.host, key.port)))
    numbers[key] = number
    return number
  }

  private static func tls(_ authority: CertificateAuthority) throws(OutboundFailure) -> ClientTLS {
    do {
      switch authority {
      case .system: return try ClientTLS(authorities: .system, protocols: ["h2", "http/1.1"])
      case .file(let path):
        let pem = try FileContent.read(path, limitBytes: authorityLimitBytes)
        return try ClientTLS(authorities: .pem(pem), protocols: ["h2", "http/1.1"])
      }
    } catch {
      throw OutboundFailure(.tlsFailed, requestMayHaveLeft: false, detail: "certificate authority: \(error)")
    }
  }

  private func refreshAddresses(_ origin: Int) {
    guard let resolvedAt = origins[origin].resolvedAt, resolvedAt + Self.addressLifetime <= loop.now else { return }
    resolve(origin)
  }

  private func resolve(_ origin: Int) {
    if origins[origin].isResolving { return }
    origins[origin].isResolving = true
    let address = origins[origin].address
    resolver.resolve(address.host, port: address.port) { [weak self, executor] result in
      Task(executorPreference: executor) { await self?.resolved(origin, result) }
    }
  }

  private func resolved(_ origin: Int, _ result: Result<[SocketAddress], NameResolver.Failure>) {
    _ = turn()
    origins[origin].isResolving = false
    switch result {
    case .success(let addresses):
      origins[origin].resolvedAt = loop.now
      origins[origin].isNameUnknown = false
      client.setTarget(origin, addresses: addresses, protocol: .unknown)
    case .failure(let failure):
      origins[origin].isNameUnknown = true
      client.failTarget(origin, detail: "\(failure)")
    }
    settle()
  }

  // MARK: The loop

  private func turn() -> MonotonicTime? {
    let count = loop.wait(atMost: .zero)
    for index in 0..<count { client.ready(loop.readiness(index), loop: &loop) }
    let now = loop.now
    while let handle = loop.timers.next(dueAt: now) { client.timerFired(handle, loop: &loop) }
    client.resume(loop: &loop)
    for (owner, call) in pending where call.deadline <= now {
      end(owner, .timedOut, detail: "no complete answer in time")
    }
    settle()
    var next = loop.timers.earliest ?? .distantFuture
    for call in pending.values { next = min(next, call.deadline) }
    return client.hasPendingReads || !client.events.isEmpty ? now : next
  }

  private func settle() {
    repeat {
      var events: [ClientEvent] = []
      swap(&events, &client.events)
      for event in events { handle(event) }
      client.flush(loop: &loop)
    } while !client.events.isEmpty
  }

  private func handle(_ event: ClientEvent) {
    switch event {
    case .needsTarget(let origin): resolve(origin)
    case .assigned(let call): submit(call)
    case .interim(let call): _ = client.takeInterim(call)
    case .response(let call): responseArrived(call)
    case .content(let call): contentArrived(call)
    case .ended(let call): ended(call)
    case .sent, .away: break
    case .failed(let call, let failure): failed(call, failure)
    }
  }

  private func owner(_ call: Handle) -> UInt64? {
    client.calls.contains(call) ? client.calls[call].owner : nil
  }

  private func submit(_ call: Handle) {
    guard let owner = owner(call), let pending = pending[owner] else { return }
    let head = pending.message.head
    let isSubmitted = client.submit(
      call, head: head, lines: head.fields.lines, authority: pending.message.authority.span,
      endsStream: pending.request.content.isEmpty, loop: &loop)
    guard isSubmitted, !pending.request.content.isEmpty else { return }
    var queue = ByteQueue()
    queue.append(pending.request.content.span)
    client.write(call, &queue)
    client.finish(call, trailers: FieldSection())
  }

  private func responseArrived(_ call: Handle) {
    guard let owner = owner(call), let limit = pending[owner]?.request.responseLimitBytes else { return }
    pending[owner]?.head = client.calls[call].response
    if pending[owner]?.request.method != .head, client.calls[call].response.contentLength ?? 0 > UInt64(max(0, limit)) {
      end(owner, .responseTooLarge)
    }
  }

  private func contentArrived(_ call: Handle) {
    guard let owner = owner(call), let limit = pending[owner]?.request.responseLimitBytes else { return }
    let count = client.calls[call].content.count
    guard pending[owner]!.content.count + count <= limit else { return end(owner, .responseTooLarge) }
    client.calls[call].content.withContent { pending[owner]!.content.append(copying: $0) }
    client.calls[call].content.drop(count)
    client.grant(call, count)
  }

  private func ended(_ call: Handle) {
    guard let owner = owner(call), let ended = pending.removeValue(forKey: owner) else { return }
    client.release(call)
    ended.answer.resume(returning: .success(OutboundResponse(head: ended.head, content: ended.content)))
  }

  private func failed(_ call: Handle, _ failure: CallFailure) {
    guard let owner = owner(call), let failed = pending[owner] else { return }
    client.release(call)
    if isRepeatable(failure), !failed.isSecondAttempt,
      let again = client.open(origin: failed.origin, owner: owner, loop: &loop)
    {
      pending[owner]!.isSecondAttempt = true
      pending[owner]!.call = again
      return
    }
    pending[owner] = nil
    let isNameUnknown = origins[failed.origin].isNameUnknown
    failed.answer.resume(returning: .failure(OutboundFailure(failure, isNameUnknown: isNameUnknown)))
  }

  /// Nothing left, and another connection may do better.
  private func isRepeatable(_ failure: CallFailure) -> Bool {
    guard !failure.mayHaveLeft else { return false }
    switch failure.kind {
    case .refused, .closedBeforeAnswer: return true
    case .unreachable, .tlsFailed, .timedOut, .saturated, .protocolError, .reset, .tunnelUnsupported: return false
    }
  }

  private func end(_ owner: UInt64, _ kind: OutboundFailure.Kind, detail: String = "") {
    guard let ended = pending.removeValue(forKey: owner) else { return }
    let hasLeft = client.calls.contains(ended.call) && client.mayHaveLeft(ended.call)
    client.cancel(ended.call)
    ended.answer.resume(returning: .failure(OutboundFailure(kind, requestMayHaveLeft: hasLeft, detail: detail)))
  }
}
