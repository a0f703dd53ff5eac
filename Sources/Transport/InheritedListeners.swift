internal import CLinux
internal import Glibc

/// Listening sockets that a service manager opened and handed over (sd_listen_fds(3)): connections wait in their queues while
/// one process ends and the next one starts, so none is refused or reset.
public enum InheritedListeners {
  /// Where they begin: after the standard streams.
  private static let firstDescriptor: CInt = 3
  private static let countLimit = 64

  /// Takes what was handed to this very process, in order; to be called once, before any thread is started.
  ///
  /// - Throws: a descriptor that is no listening TCP socket.
  public static func take() throws(Errno) -> [Listener.Shared] {
    guard number("LISTEN_PID") == Int(getpid()), let count = number("LISTEN_FDS") else { return [] }
    // Processes that we might start are not meant.
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
    var taken: [Listener.Shared] = []
    for offset in 0..<max(0, min(count, countLimit)) {
      taken.append(Listener.Shared(try Listener(adopting: firstDescriptor + CInt(offset))))
    }
    return taken
  }

  private static func number(_ name: String) -> Int? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe Int(String(cString: value))
  }
}

extension Listener {
  /// A listener that several threads accept from.
  public final class Shared: Sendable {
    public let listener: Listener
    public init(_ listener: consuming Listener) { self.listener = listener }
  }
}
