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
    ProcessFacts.raiseDescriptorLimit()
    Self.warnOfFewDescriptors(settings, log)
    for warning in loaded.warnings { log.warn("configuration_warning", ["detail": .text("\(warning)")]) }

    let count = settings.workers.count
    (control, stateProbe) = try Self.assembleControl(loaded, log, executor, workerCount: count)
    let listeners = try OpenListener.openAll(settings, workerCount: count, log)
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

  /// Of which there must be one for each connection, and as many to the app as requests are under way over HTTP/1.1.
  private static func warnOfFewDescriptors(_ settings: SidecarSettings, _ log: EventLog) {
    let limit = ProcessFacts().descriptorLimit
    guard limit >= 0, limit < Int64(settings.limits.connectionCount) else { return }
    log.warn("descriptors_few", ["limit": .integer(limit), "connections": .integer(Int64(settings.limits.connectionCount))])
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
      let revoked = Publisher<RevocationChange>()
      let login = LoginEndpoints(
        loaded.login, store: store, outbound: outbound.outbound.traced(as: "login call", exporter), log: log,
        executor: executor, passkeyDataKeys: try PasskeyDataKeys(settings.corbado, executor, outbound.outbound, log),
        publishRevocations: { revoked.publish($0) })
      let publisher = Publisher<KeySnapshot>()
      let keys = try KeyService(
        loaded.keys, executor: executor, outbound: outbound.outbound, log: log, publish: { publisher.publish($0) })
      var mailboxes: [Mailbox<WorkerMessage>] = []
      for _ in 0..<workerCount { mailboxes.append(try Mailbox()) }
      let control = ControlLoop(
        executor: executor, log: log, login: login, keys: keys, outbound: outbound, exporter: exporter,
        mailboxes: mailboxes, loaded: loaded,
        revocations: store.takeRevocationsAtStart().map { Revocations.of($0) } ?? .unknown)
      publisher.connect { [weak control] in control?.publish($0) }
      revoked.connect { [weak control] in control?.publish($0) }
      return (control, StateProbe(store, meter: login.meters.state))
    } catch {
      throw .system(error.description)
    }
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
    let memoryBudget = SharedBudget(settings.limits.bufferedByteCount)
    return listeners.enumerated().map { number, listeners in
      let mailbox = control.mailboxes[number]
      let slowPath = SlowPath(
        requestKeys: { issuer, keyID, passage in
          control.keys.needKeys(issuer: issuer, keyID: keyID) { mailbox.post(.keysSettled(passage)) }
        },
        serve: { request, passage in control.serve(request, for: passage, of: number) },
        findUpstream: { control.findUpstream() }, tellUpstream: { control.upstream(isAway: $0) }, export: { control.exporter.add($0) })
      return WorkerPlan(
        number: number, listeners: listeners, mailbox: mailbox,
        configuration: WorkerConfiguration(
          settings, workerCount: workerCount, accessWriter: accessWriter, subjectHash: control.subjectHash),
        connectionBudget: connectionBudget, memoryBudget: memoryBudget,
        snapshot: control.snapshot, slowPath: slowPath,
        eventLog: log, cacheSeed: seed,
        drained: { control.workerDrained() })
    }
  }
}
