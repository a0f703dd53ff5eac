import OpenSSL
import Settings
import Telemetry
import Transport

extension Sidecar {
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

  /// Of the workers: a loop that does not turn any more is not waited for.
  private static let stopPatience = Duration.seconds(1)

  private func stopWorkers() {
    let deadline = Clock.monotonic() + Self.stopPatience
    Alarm(executor).ring(after: Self.stopPatience)
    control.stopWorkers()
    while !control.areWorkersStopped, Clock.monotonic() < deadline, signals.next() != .terminate {}
  }

  private func finish(_ event: StaticString, _ code: Int32) -> Int32 {
    stopWorkers()
    for open in plans[0].listeners { open.listener.removeSocketFile() }
    probes.removeSocketFile()
    admin?.removeSocketFile()
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
