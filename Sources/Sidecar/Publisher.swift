import JOSE
import Synchronization

/// Stands between the key service and the control loop, which need each other to be made.
final class Publisher: Sendable {
  private let target = Mutex<(@Sendable (KeySnapshot) -> Void)?>(nil)

  func connect(_ publish: @escaping @Sendable (KeySnapshot) -> Void) { target.withLock { $0 = publish } }

  func publish(_ keys: KeySnapshot) { target.withLock { $0 }?(keys) }
}
