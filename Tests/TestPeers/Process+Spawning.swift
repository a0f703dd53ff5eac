public import Foundation
import Synchronization

private let spawning = Mutex(())

extension Process {
  /// Like `run()`, one at a time. Foundation notices a child's end by a socket that only this child holds; one that is
  /// started at the same moment may inherit it, and then the end is noticed when that one ends too.
  public func start() throws { try spawning.withLock { _ in try run() } }
}
