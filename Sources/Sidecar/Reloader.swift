import Settings
import Synchronization
import Telemetry
import Transport

/// How the last attempts to take over a changed configuration went.
struct ReloadStatus: Sendable {
  /// The first problem of the file that is not in force; nil: what the file says is in force.
  var refusal: Problem?
  var problemCount = 0
  var appliedCount: Int64 = 0
  var refusedCount: Int64 = 0
  /// Seconds since 1970: when the configuration in force was read.
  var loadedAtSeconds = Clock.unixNanoseconds() / 1_000_000_000
}

/// Reads the configuration again when asked to, and when it or a file that it names has changed; on a thread of its own,
/// since reading blocks. A file that is refused changes nothing: the process goes on with what it has and says so.
final class Reloader: Sendable {
  private enum Request: Sendable { case signal }

  private let path: String
  private let log: EventLog
  private let requests: Mailbox<Request>
  private let apply: @Sendable (LoadedSettings) -> Void
  private let state = Mutex(ReloadStatus())

  /// - Parameter apply: puts a configuration into force; called on the reloader's thread.
  init(_ path: String, log: EventLog, apply: @escaping @Sendable (LoadedSettings) -> Void) throws(Errno) {
    self.path = path
    self.log = log
    self.apply = apply
    requests = try Mailbox()
  }

  var status: ReloadStatus { state.withLock { $0 } }

  /// From any thread.
  func request() { requests.post(.signal) }

  /// - Parameters:
  ///   - loaded: what the process was started with.
  ///   - moment: before it was read.
  func start(from loaded: LoadedSettings, readAt moment: FileWatcher.Moment) throws(Errno) {
    let (settings, files) = (loaded.settings, loaded.watchedFiles)
    // Made here, so that a lack of descriptors ends the start.
    var watcher: FileWatcher? = try FileWatcher()
    watcher?.watch(files, readAt: moment)
    let box = Mutex(watcher.take())
    _ = try Thread(named: "reload") { [self] in
      guard var watcher = box.withLock({ $0.take() }) else { return }
      run(&watcher, settings)
    }
  }

  private func run(_ watcher: inout FileWatcher, _ first: SidecarSettings) {
    var current = first
    while true {
      let hasChanged = watcher.wait(or: requests.descriptor)
      _ = requests.takeAll()
      let moment = FileWatcher.Moment.now
      do throws(SettingsRefused) {
        let loaded = try SidecarSettings.load(path)
        watcher.watch(loaded.watchedFiles, readAt: moment)
        let fixed = current.keysThatNeedRestart(for: loaded.settings)
        if let key = fixed.first {
          let message = "changes only with a restart; nothing of the file is in force"
          refused([Problem(file: path, line: 1, column: 1, key: key, message: message)], fixed)
          continue
        }
        for warning in loaded.warnings { log.warn("configuration_warning", ["detail": .text("\(warning)")]) }
        current = loaded.settings
        apply(loaded)
        state.withLock { state in
          state.refusal = nil
          state.problemCount = 0
          state.appliedCount += 1
          state.loadedAtSeconds = Clock.unixNanoseconds() / 1_000_000_000
        }
        log.info("reloaded", ["file": .text(path), "cause": hasChanged ? "change" : "signal"])
      } catch {
        watcher.watch(error.watchedFiles, readAt: moment)
        refused(error.problems, [])
      }
    }
  }

  private func refused(_ problems: [Problem], _ keysThatNeedRestart: [String]) {
    state.withLock { state in
      state.refusal = problems.first
      state.problemCount = problems.count
      state.refusedCount += 1
    }
    if !keysThatNeedRestart.isEmpty {
      return log.error("reload_refused", [
        "file": .text(path), "needs_restart": .text(keysThatNeedRestart.joined(separator: " ")),
        "detail": "nothing of the file is in force until the process is started again",
      ])
    }
    // The first ones say enough; `check` says the rest.
    for problem in problems.prefix(10) {
      log.error("reload_refused", [
        "file": .text(problem.file), "line": .integer(Int64(problem.line)), "column": .integer(Int64(problem.column)),
        "key": .text(problem.key), "detail": .text(problem.message),
      ])
    }
  }
}
