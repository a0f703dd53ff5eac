import HTTPClient
import Synchronization
import Transport

/// A few calls of a command that then ends: a loop of its own on the caller's thread.
enum ShortTask {
  /// Nil: out of descriptors.
  static func run<Value: Sendable>(
    proxy: EgressProxy? = nil, _ body: @escaping @Sendable (Outbound) async -> Value
  ) -> Value? {
    do throws(Errno) {
      let executor = try LoopExecutor()
      let client = try OutboundClient(on: executor, resolver: try NameResolver(), proxy: proxy)
      client.start()
      return run(on: executor) { await body(client.outbound) }
    } catch {
      return nil
    }
  }

  static func run<Value: Sendable>(on executor: LoopExecutor, _ body: @escaping @Sendable () async -> Value) -> Value? {
    let result = Result<Value>()
    Task(executorPreference: executor) {
      let value = await body()
      result.set(value)
      executor.stop()
    }
    executor.run()
    return result.value
  }

  private final class Result<Value: Sendable>: Sendable {
    private let content = Mutex<Value?>(nil)
    var value: Value? { content.withLock { $0 } }
    func set(_ value: Value) { content.withLock { $0 = value } }
  }
}
