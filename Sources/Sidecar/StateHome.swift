import Settings
import StateStore
import Transport

extension StateSettings {
  /// For people: where the state is.
  var place: String { sqlite }

  /// Opens the store.
  ///
  /// - Parameter executor: the control loop.
  func open(on executor: LoopExecutor, resolver: NameResolver) throws(StartFailure) -> any StateStore {
    do throws(StateStoreError) { return try SQLiteStateStore(path: sqlite, deadlinesOn: executor) } catch {
      throw .state("state: \(place): \(error)")
    }
  }
}
