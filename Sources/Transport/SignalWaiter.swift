internal import Glibc

/// Signals that are waited for instead of handled: nothing runs in a signal's context.
public struct SignalWaiter: Sendable {
  public enum Signal: Sendable, Equatable {
    /// SIGTERM or SIGINT.
    case terminate
    /// SIGHUP.
    case reload
    /// Sent by ``wake()``.
    case wake
  }

  /// Blocks the signals in this thread and in all that it starts from now on. Ignored in the whole process: SIGPIPE, and
  /// SIGXFSZ, so that a limit on the size of files is an error like a full disk.
  public init() {
    signal(SIGPIPE, SIG_IGN)
    signal(SIGXFSZ, SIG_IGN)
    var set = Self.set
    _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
  }

  private static var set: sigset_t {
    var set = sigset_t()
    unsafe sigemptyset(&set)
    for number in [SIGTERM, SIGINT, SIGHUP, SIGUSR1] { unsafe sigaddset(&set, number) }
    return set
  }

  /// Blocks until one arrives.
  public func next() -> Signal {
    while true {
      var set = Self.set
      var number: CInt = 0
      guard unsafe sigwait(&set, &number) == 0 else { continue }
      switch number {
      case SIGTERM, SIGINT: return .terminate
      case SIGHUP: return .reload
      default: return .wake
      }
    }
  }

  /// Ends a ``next()`` of this process with `wake`, from any thread.
  public static func wake() { kill(getpid(), SIGUSR1) }
}
