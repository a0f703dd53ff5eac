import Settings
import StateStore
import Synchronization
import Transport

/// What a command works with that changes the state of a configuration, beside the processes that serve from it.
struct StateCommand: Sendable {
  let loaded: LoadedSettings
  let store: any StateStore

  /// How it ended, for whoever called the command.
  struct Ending: Sendable {
    /// What was asked for; with another code than 0 a complaint.
    var text: String
    var code: Int32 = 0
  }

  private final class Box: Sendable {
    let ending = Mutex(Ending(text: "", code: 70))
  }

  var now: StoredTime { StoredTime(seconds: Clock.unixNanoseconds() / 1_000_000_000) }

  /// When nothing is good any more that was issued until now and lives so long at most.
  func expiration(of lifetime: Duration) -> StoredTime {
    StoredTime(seconds: now.seconds + lifetime.components.seconds + 1)
  }

  /// Reads the configuration, opens the state and does the work, all on the calling thread.
  ///
  /// - Returns: the exit code: that of the work; 78 for the configuration, 69 for the state.
  static func perform(
    _ configuration: String, _ output: CommandOutput,
    _ work: @escaping @Sendable (StateCommand) async throws(StateStoreError) -> Ending
  ) -> Int32 {
    guard let loaded = output.load(configuration) else { return 78 }
    let ending: Ending
    do throws(StartFailure) {
      ending = try run(loaded, work)
    } catch {
      output.complain("passkey-sidecar: \(error.text)\n")
      return error.exitCode
    }
    if ending.code == 0 { output.put(ending.text) } else { output.complain(ending.text) }
    return ending.code
  }

  private static func run(
    _ loaded: LoadedSettings, _ work: @escaping @Sendable (StateCommand) async throws(StateStoreError) -> Ending
  ) throws(StartFailure) -> Ending {
    let loop: LoopExecutor
    let resolver: NameResolver
    do throws(Errno) { (loop, resolver) = (try LoopExecutor(), try NameResolver()) } catch {
      throw .system(error.description)
    }
    let state = loaded.settings.state
    let store = try state.open(on: loop, resolver: resolver)
    let box = Box()
    Task(executorPreference: loop) {
      do throws(StateStoreError) {
        let ending = try await work(StateCommand(loaded: loaded, store: store))
        box.ending.withLock { $0 = ending }
      } catch {
        box.ending.withLock { $0 = Ending(text: "passkey-sidecar: state: \(state.place): \(error)\n", code: 69) }
      }
      loop.stop()
    }
    loop.run()
    return box.ending.withLock { $0 }
  }
}
