import Synchronization

/// Stands between a service and the control loop, which need each other to be made.
final class Publisher<Published: Sendable>: Sendable {
  private let target = Mutex<(@Sendable (Published) -> Void)?>(nil)

  func connect(_ publish: @escaping @Sendable (Published) -> Void) { target.withLock { $0 = publish } }

  func publish(_ value: Published) { target.withLock { $0 }?(value) }
}
