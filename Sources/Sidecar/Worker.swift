import Gate
import HTTPClient
import HTTPServer
import Proxy
import Telemetry
import Transport

/// All that a worker is made of, handed to its thread.
struct WorkerPlan: Sendable {
  var number: Int
  var listeners: [OpenListener]
  var mailbox: Mailbox<WorkerMessage>
  var configuration: WorkerConfiguration
  /// Shared by all workers.
  var connectionBudget: SharedBudget
  /// The same: bytes of content that wait.
  var memoryBudget: SharedBudget
  var snapshot: ProxySnapshot
  var slowPath: SlowPath
  var eventLog: EventLog
  var cacheSeed: UInt64
  /// Called once, on the worker's thread, when nothing is under way any more after `drain`.
  var drained: @Sendable () -> Void
}

struct ListenerSlot: ~Copyable {
  let listener: OpenListener
  let number: Int
  /// Descriptors have run out; not watched for a moment.
  var isPaused = false
}

/// One event loop with its listeners, connections and cache; nothing of it is shared.
struct Worker: ~Copyable {
  static let listenerKind: UInt8 = 16
  static let mailboxKind: UInt8 = 17
  /// Pause of a listener when descriptors have run out.
  static let acceptPause = Duration.milliseconds(100)

  private let plan: WorkerPlan
  private var loop: EventLoop
  private var proxy: Proxy
  private var listeners = Slab<ListenerSlot>(kind: listenerKind)
  private var mailboxes = Slab<Bool>(kind: mailboxKind)
  private var isDraining = false
  /// When clients have had time to hear that this is the end.
  private var drainingEndsAt = MonotonicTime.distantFuture
  private var isDrained = false
  private var isStopped = false
  private var pauseLoggedAt: MonotonicTime?

  init(_ plan: WorkerPlan) throws(Errno) {
    self.plan = plan
    var client = HTTPClient(limits: plan.configuration.clientLimits)
    let origin = client.addOrigin(plan.configuration.origin)
    let http1Origin = plan.configuration.origin.overHTTP1.map { client.addOrigin($0) }
    proxy = Proxy(
      server: HTTPServer(plan.configuration.serverLimits), client: client, origin: origin, http1Origin: http1Origin,
      gate: Gate(seed: plan.cacheSeed), snapshot: plan.snapshot, configuration: plan.configuration.proxy,
      slowPath: plan.slowPath, accessLog: AccessLog(writer: plan.configuration.accessWriter), eventLog: plan.eventLog,
      memory: MemoryAccount(plan.memoryBudget))
    proxy.server.security = plan.configuration.security
    proxy.server.budget = plan.connectionBudget
    loop = try EventLoop()
  }

  /// Opens the doors, then turns until told to stop.
  mutating func run() throws(Errno) {
    for (number, listener) in plan.listeners.enumerated() {
      guard let handle = listeners.insert(ListenerSlot(listener: listener, number: number)) else { continue }
      try loop.watchForReading(listener.listener.descriptor.number, as: handle, isShared: listener.isInherited)
    }
    if let handle = mailboxes.insert(true) { try loop.watchForReading(plan.mailbox.descriptor, as: handle) }
    while !isStopped { turn() }
  }

  private mutating func turn() {
    let count = loop.wait(atMost: proxy.hasWork ? .zero : isDraining ? .milliseconds(50) : nil)
    for index in 0..<count { dispatch(loop.readiness(index)) }
    let now = loop.now
    while let handle = loop.timers.next(dueAt: now) {
      if handle.kind == Self.listenerKind { resumeListening(handle) } else { proxy.timerFired(handle, &loop) }
    }
    if drainingEndsAt <= now {
      drainingEndsAt = .distantFuture
      proxy.server.endDraining(&loop)
    }
    proxy.settle(&loop)
    if isDraining, !isDrained, proxy.isIdle {
      isDrained = true
      plan.drained()
    }
  }

  private mutating func dispatch(_ readiness: Readiness) {
    switch readiness.handle.kind {
    case HTTPServer.connectionKind:
      proxy.server.ready(readiness, &loop)
      proxy.contentMayHaveCome()
    case HTTPClient.connectionKind:
      proxy.client.ready(readiness, loop: &loop)
      proxy.contentMayHaveCome()
    case Self.listenerKind: accept(readiness.handle)
    default: readMail()
    }
  }

  private mutating func accept(_ handle: Handle) {
    guard listeners.contains(handle) else { return }
    let listener = listeners[handle].listener
    do throws(Errno) {
      try proxy.server.accept(listener.listener, as: listeners[handle].number, &loop)
    } catch {
      // Another worker has shut down the one socket that a Unix domain listener is.
      if isDraining { return }
      logPause(error)
      listeners[handle].isPaused = true
      loop.unwatch(listener.listener.descriptor.number)
      loop.timers.schedule(handle, at: loop.now + Self.acceptPause)
    }
  }

  /// Once in ten seconds: the pause is short, the shortage may be long.
  private mutating func logPause(_ failure: Errno) {
    guard pauseLoggedAt.map({ $0 + .seconds(10) <= loop.now }) ?? true else { return }
    pauseLoggedAt = loop.now
    let detail = failure == .connectionLimit ? "limits.connections is reached" : failure.description
    plan.eventLog.warn("accept_paused", ["detail": .text(detail)])
  }

  private mutating func resumeListening(_ handle: Handle) {
    guard listeners.contains(handle), listeners[handle].isPaused else { return }
    listeners[handle].isPaused = false
    do throws(Errno) {
      let open = listeners[handle].listener
      try loop.watchForReading(open.listener.descriptor.number, as: handle, isShared: open.isInherited)
    } catch {
      listeners[handle].isPaused = true
      loop.timers.schedule(handle, at: loop.now + Self.acceptPause)
    }
  }

  private mutating func readMail() {
    for message in plan.mailbox.takeAll() {
      switch message {
      case .publish(let snapshot): proxy.publish(snapshot)
      case .configure(let configuration, let snapshot, let isUpstreamOther):
        configure(configuration, snapshot, isUpstreamOther: isUpstreamOther)
      case .keysSettled(let passage): proxy.keysSettled(passage, &loop)
      case .endpointAnswered(let passage, let answer): proxy.endpointAnswered(passage, answer)
      case .upstreamFound(let addresses, let version): proxy.upstreamFound(addresses, version, &loop)
      case .upstreamLost(let detail): proxy.upstreamLost(detail, &loop)
      case .drain(let notice): drain(notice)
      case .ping(let answer): answer()
      case .report(let answer): answer(proxy.report)
      case .listConnections(let limit, let answer):
        answer(
          WorkerConnections(
            number: plan.number, openCount: proxy.server.connections.count,
            connections: proxy.server.connectionSummaries(limit: limit)))
      case .stop(let answer):
        proxy.server.disconnectAll(&loop)
        proxy.settle(&loop)
        isStopped = true
        answer()
      }
    }
  }

  private mutating func configure(
    _ configuration: WorkerConfiguration, _ snapshot: ProxySnapshot, isUpstreamOther: Bool
  ) {
    proxy.server.limits = configuration.serverLimits
    plan.connectionBudget.limit = configuration.connectionCount
    plan.memoryBudget.limit = configuration.bufferedByteCount
    proxy.client.limits = configuration.clientLimits
    // Those that are the same stay, and with them the sessions that they can resume.
    for (number, tls) in configuration.security.enumerated() where proxy.server.security[number] != tls {
      proxy.server.security[number] = tls
    }
    proxy.configure(configuration.proxy, snapshot, newOrigin: isUpstreamOther ? configuration.origin : nil)
    proxy.accessLog.flush()
    proxy.accessLog = AccessLog(writer: configuration.accessWriter)
  }

  /// What waits in the accept queues is still taken; then no more. An inherited queue is the next process's.
  private mutating func drain(_ notice: Duration) {
    guard !isDraining else { return }
    isDraining = true
    drainingEndsAt = loop.now + notice
    for handle in listeners.handles() {
      let open = listeners[handle].listener
      if !open.isInherited { accept(handle) }
      if !listeners[handle].isPaused { loop.unwatch(open.listener.descriptor.number) }
      if !open.isInherited { open.listener.stopListening() }
      _ = listeners.remove(handle)
    }
    proxy.server.drain(&loop)
  }
}
