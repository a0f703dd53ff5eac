internal import CLinux
internal import Glibc

/// Listening sockets that a service manager opened and handed over (sd_listen_fds(3)): connections wait in their queues while
/// one process ends and the next one starts, so none is refused or reset.
public enum InheritedListeners {
  /// Where they begin: after the standard streams.
  private static let firstDescriptor: CInt = 3
  private static let countLimit = 64

  /// The descriptors that were handed to this very process, in order; to be asked once, before any thread is started.
  public static func take() -> [CInt] {
    guard number("LISTEN_PID") == Int(getpid()), let count = number("LISTEN_FDS") else { return [] }
    // Processes that we might start are not meant.
    for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"] { unsafe unsetenv(name) }
    return (0..<max(0, min(count, countLimit))).map { firstDescriptor + CInt($0) }
  }

  private static func number(_ name: String) -> Int? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe Int(String(cString: value))
  }

  /// Makes a descriptor like those that we open ourselves: closed in other programs, never blocking.
  static func adopt(_ descriptor: borrowing FileDescriptor) throws(Errno) {
    var isListening: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    let number = descriptor.number
    guard unsafe getsockopt(number, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length) == 0 else { throw .last }
    guard isListening == 1 else { throw Errno(EINVAL) }
    guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0, fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK) == 0 else {
      throw .last
    }
  }
}
