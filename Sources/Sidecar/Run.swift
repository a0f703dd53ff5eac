import Gate
import HTTPClient
import HTTPServer
import JOSE
import Keys
import Login
import OpenSSL
import Proxy
import Settings
import StateStore
import Telemetry
import Transport

/// Why the process ended before it served.
enum StartFailure: Error {
  case configuration(String)
  case listener(String)
  case state(String)
  case system(String)

  /// sysexits(3): 78 configuration, 69 unavailable, 70 software.
  var exitCode: Int32 {
    switch self {
    case .configuration: 78
    case .listener, .state: 69
    case .system: 70
    }
  }

  var text: String {
    switch self {
    case .configuration(let text), .listener(let text), .state(let text), .system(let text): text
    }
  }
}

/// The assembled process.
struct Sidecar {
  let settings: SidecarSettings
  let signals: SignalWaiter
  let eventWriter: LineWriter
  let accessWriter: LineWriter?
  let log: EventLog
  let executor: LoopExecutor
  let control: ControlLoop
  let plans: [WorkerPlan]
  let probes: BufferedServer
  /// Nil: its usual address was taken.
  let admin: BufferedServer?
  let stateProbe: StateProbe
  let applier: Applier
  let reloader: Reloader

  /// - Parameters:
  ///   - path: of the configuration file.
  ///   - moment: before it was read.
  init(_ loaded: LoadedSettings, from path: String, readAt moment: FileWatcher.Moment) throws(StartFailure) {
    settings = loaded.settings
    // Before any thread, so that all of them leave signals to the main thread.
    signals = SignalWaiter()
    do {
      eventWriter = try LineWriter(descriptor: 2)
      accessWriter = settings.log.access == .stdout ? try LineWriter(descriptor: 1, coalescing: .milliseconds(20)) : nil
      executor = try LoopExecutor()
    } catch {
      throw .system("\(error)")
    }
    log = EventLog(writer: eventWriter, level: settings.log.level)
    for warning in loaded.warnings { log.warn("configuration_warning", ["detail": .text("\(warning)")]) }

    let count = settings.workers.count
    (control, stateProbe) = try Self.assembleControl(loaded, log, executor, workerCount: count)
    let listeners = try Self.openListeners(settings, workerCount: count, log)
    control.setUpstream(settings.upstream)
    plans = try Self.planWorkers(loaded, control, listeners, accessWriter, log)
    do throws(Errno) {
      let applier = Applier(control: control, log: log, loaded: loaded, accessWriter: accessWriter)
      self.applier = applier
      reloader = try Reloader(path, log: log, apply: { applier.apply($0) })
      try reloader.start(from: loaded, readAt: moment)
    } catch {
      throw .system(error.description)
    }
    do throws(Errno) {
      let metrics = Metrics(
        control: control, reloader: reloader, applier: applier, eventWriter: eventWriter,
        startedAtSeconds: Clock.unixNanoseconds() / 1_000_000_000)
      let probes = Probes(control: control, reloader: reloader, applier: applier, metrics: metrics)
      self.probes = try BufferedServer(on: executor, at: settings.probes.address) { await probes.answer($0) }
    } catch {
      throw .listener("probes: \(settings.probes.address): \(error)")
    }
    admin = try Self.openAdmin(settings.admin, on: executor, Admin(control: control, applier: applier), log)
  }

  /// An address that somebody chose must be free; the usual one may be another sidecar's.
  private static func openAdmin(
    _ settings: AdminSettings, on executor: LoopExecutor, _ admin: Admin, _ log: EventLog
  ) throws(StartFailure) -> BufferedServer? {
    do throws(Errno) {
      return try BufferedServer(on: executor, at: settings.address) { await admin.answer($0) }
    } catch {
      guard settings.address == AdminSettings.usualAddress else { throw .listener("admin: \(settings.address): \(error)") }
      log.warn("admin_unavailable", ["address": .text(settings.address.description), "detail": .text(error.description)])
      return nil
    }
  }

  private static func assembleControl(
    _ loaded: LoadedSettings, _ log: EventLog, _ executor: LoopExecutor, workerCount: Int
  ) throws(StartFailure) -> (ControlLoop, StateProbe) {
    let settings = loaded.settings
    let resolver: NameResolver
    do throws(Errno) { resolver = try NameResolver() } catch { throw .system(error.description) }
    let store = try settings.state.open(on: executor, resolver: resolver)
    do throws(Errno) {
      let outbound = try OutboundClient(on: executor, resolver: resolver, proxy: settings.egress.proxy)
      outbound.start()
      let exporter = SpanExporter(settings.spanTarget, outbound: outbound.outbound, log: log)
      let revoked = Publisher<Revocations>()
      let login = LoginEndpoints(
        loaded.login, store: store, outbound: outbound.outbound.traced(as: "login call", exporter), log: log,
        executor: executor, passkeyDataKeys: try PasskeyDataKeys(settings.corbado, executor, outbound.outbound, log),
        publishRevocations: { revoked.publish(Revocations($0)) })
      let publisher = Publisher<KeySnapshot>()
      let keys = try KeyService(
        loaded.keys, executor: executor, outbound: outbound.outbound, log: log, publish: { publisher.publish($0) })
      var mailboxes: [Mailbox<WorkerMessage>] = []
      for _ in 0..<workerCount { mailboxes.append(try Mailbox()) }
      let control = ControlLoop(
        executor: executor, log: log, login: login, keys: keys, outbound: outbound, exporter: exporter,
        mailboxes: mailboxes, loaded: loaded,
        revocations: store.takeRevocationsAtStart().map { Revocations($0) } ?? .unknown)
      publisher.connect { [weak control] in control?.publish($0) }
      revoked.connect { [weak control] in control?.publish($0) }
      return (control, StateProbe(store, meter: login.meters.state))
    } catch {
      throw .system(error.description)
    }
  }

  /// Of each worker. A socket that was handed to us is used for the listener of its address.
  private static func openListeners(
    _ settings: SidecarSettings, workerCount: Int, _ log: EventLog
  ) throws(StartFailure) -> [[OpenListener]] {
    var opened: [[OpenListener]] = Array(repeating: [], count: workerCount)
    var inherited: [OpenListener] = []
    for descriptor in InheritedListeners.take() {
      do throws(Errno) {
        inherited.append(OpenListener(try Listener(adopting: descriptor), isInherited: true))
      } catch {
        throw .listener("descriptor \(descriptor): \(error)")
      }
    }
    for open in inherited where !settings.listeners.contains(where: { $0.address == open.listener.address }) {
      log.warn("inherited_listener_unused", ["address": .text(open.listener.address.description)])
    }
    for listener in settings.listeners {
      if let open = inherited.first(where: { $0.listener.address == listener.address }) {
        for worker in 0..<workerCount { opened[worker].append(open) }
        continue
      }
      // With port 0 the first socket chooses, the others share its port.
      var address = listener.address
      var only: OpenListener?
      for worker in 0..<workerCount {
        do throws(Errno) {
          let socket: OpenListener
          if let only { socket = only } else { socket = OpenListener(try Listener(address, shared: true)) }
          address = socket.listener.address
          opened[worker].append(socket)
          // A path can lead to one socket only.
          if address.family == .unix { only = socket }
        } catch {
          throw .listener("listen: \(address): \(error)")
        }
      }
    }
    return opened
  }

  private static func planWorkers(
    _ loaded: LoadedSettings, _ control: ControlLoop,
    _ listeners: [[OpenListener]], _ accessWriter: LineWriter?, _ log: EventLog
  ) throws(StartFailure) -> [WorkerPlan] {
    let settings = loaded.settings
    let seed: UInt64
    do throws(KeyFailure) {
      seed = try randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) }
    } catch {
      throw .system("\(error)")
    }
    let workerCount = listeners.count
    let connectionBudget = SharedBudget(settings.limits.connectionCount)
    return listeners.enumerated().map { number, listeners in
      let mailbox = control.mailboxes[number]
      let slowPath = SlowPath(
        requestKeys: { issuer, keyID, passage in
          control.keys.needKeys(issuer: issuer, keyID: keyID) { mailbox.post(.keysSettled(passage)) }
        },
        serve: { request, passage in control.serve(request, for: passage, of: number) },
        findUpstream: { control.findUpstream() }, export: { control.exporter.add($0) })
      return WorkerPlan(
        number: number, listeners: listeners, mailbox: mailbox,
        configuration: WorkerConfiguration(
          settings, workerCount: workerCount, accessWriter: accessWriter, subjectHash: control.subjectHash),
        connectionBudget: connectionBudget,
        snapshot: control.snapshot, slowPath: slowPath,
        eventLog: log, cacheSeed: seed,
        drained: { control.workerDrained() })
    }
  }

  // MARK: Serving

  /// The command `run`: builds everything once, hands it down, serves until told to end, and says how it ended.
  /// - Returns: the exit code, as README lists them.
  static func serve(_ path: String, complain: (String) -> Void) -> Int32 {
    let loaded: LoadedSettings
    let moment = FileWatcher.Moment.now
    do throws(SettingsRefused) {
      loaded = try SidecarSettings.load(path)
    } catch {
      for problem in error.problems { complain("\(problem)\n") }
      return 78
    }
    do throws(StartFailure) {
      let sidecar = try Sidecar(loaded, from: path, readAt: moment)
      return try sidecar.run()
    } catch {
      complain("passkey-sidecar: \(error.text)\n")
      return error.exitCode
    }
  }

  func run() throws(StartFailure) -> Int32 {
    do throws(Errno) {
      for plan in plans {
        _ = try Thread(named: "worker-\(plan.number)") {
          do throws(Errno) {
            var worker = try Worker(plan)
            try worker.run()
          } catch {
            plan.eventLog.error("worker_failed", ["detail": .text(error.description)])
            SignalWaiter.wake()
          }
        }
      }
      let executor = executor
      _ = try Thread(named: "control") { executor.run() }
    } catch {
      throw .system(error.description)
    }
    control.findUpstream()
    let (control, probes, admin, executor, stateProbe) = (control, probes, admin, executor, stateProbe)
    control.login.revocations.start()
    Task(executorPreference: executor) {
      do throws(KeyFailure) {
        try await control.subjectHash.load(from: stateProbe.store, else: settings.signingKeyContent)
      } catch {
        control.log.error("subject_hash_unavailable", ["detail": .text("\(error)")])
      }
      await control.keys.start()
      await probes.start()
      await admin?.start()
      await control.followOwnKeys()
    }
    Task(executorPreference: executor) { await control.watch(stateProbe) }
    Task(executorPreference: executor) { await control.exporter.run(on: executor) }
    let (applier, log) = (applier, log)
    Task(executorPreference: executor) {
      while true {
        CertificateReminder.remind(applier.settings, log)
        await executor.sleep(for: CertificateReminder.pause)
      }
    }
    log.info("started", [
      "listen": .text(plans[0].listeners.map { $0.listener.address.description }.joined(separator: " ")),
      "probes": .text(probes.address.description), "workers": .integer(Int64(plans.count)),
    ])
    return serve()
  }

  private func serve() -> Int32 {
    while true {
      switch signals.next() {
      case .terminate: return end()
      case .reload: reloader.request()
      // A worker could not be started.
      case .wake: return 70
      }
    }
  }

  /// Lame duck, drain, end; a second signal ends at once.
  private func end() -> Int32 {
    log.info("draining", ["lame_duck_seconds": .integer(applier.limits.lameDuck.components.seconds)])
    control.beginLameDuck()
    let alarm = Alarm(executor)
    alarm.ring(after: applier.limits.lameDuck)
    if nextButReload() == .terminate { return finish("ended_at_once", 0) }
    // A round trip and more, and at most half of what there is.
    control.drain(notice: min(.seconds(1), applier.limits.drain / 2))
    alarm.ring(after: applier.limits.drain)
    if nextButReload() == .terminate { return finish("ended_at_once", 0) }
    return finish("ended", 0)
  }

  private func nextButReload() -> SignalWaiter.Signal {
    while true {
      let signal = signals.next()
      if signal != .reload { return signal }
    }
  }

  private func finish(_ event: StaticString, _ code: Int32) -> Int32 {
    for open in plans[0].listeners { open.listener.removeSocketFile() }
    log.info(event)
    _ = applier.accessWriter?.close(within: .seconds(1))
    _ = eventWriter.close(within: .seconds(1))
    return code
  }
}

/// Wakes the main thread later.
private struct Alarm {
  let executor: LoopExecutor
  init(_ executor: LoopExecutor) { self.executor = executor }

  func ring(after delay: Duration) {
    let executor = executor
    Task(executorPreference: executor) {
      await executor.sleep(for: delay)
      SignalWaiter.wake()
    }
  }
}
