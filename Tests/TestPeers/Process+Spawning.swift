public import Foundation
import Glibc
import Synchronization

extension Process {
  /// Held while a child is started, and by whoever has a descriptor that no child must get.
  static let spawning = Mutex(())

  /// Like `run()`, one at a time. Foundation notices a child's end by a socket that only this child holds; one that is
  /// started at the same moment may inherit it, and then the end is noticed when that one ends too.
  public func start() throws {
    try Self.spawning.withLock { _ in
      // A child inherits what its parent's thread blocks, and the threads that tests run on block SIGTERM too.
      var (none, before) = (sigset_t(), sigset_t())
      unsafe sigemptyset(&none)
      unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
      defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
      try run()
    }
  }
}
