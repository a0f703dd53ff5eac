internal import CLinux
internal import Glibc

/// A thread of our own, joined by whoever started it or left to end with the process.
public struct Thread: ~Copyable {
  private let identity: pthread_t

  private final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }

  /// `name`: at most 15 bytes, as top(1) and debuggers show it.
  public init(named name: String, _ run: @escaping @Sendable () -> Void) throws(Errno) {
    let body = unsafe Unmanaged.passRetained(Body(run))
    var identity = pthread_t()
    let code = unsafe pthread_create(&identity, nil, { argument in
      unsafe Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
      return nil
    }, body.toOpaque())
    guard code == 0 else {
      unsafe body.release()
      throw Errno(code)
    }
    _ = unsafe pthread_setname_np(identity, String(name.prefix(15)))
    self.identity = identity
  }

  public consuming func join() { _ = pthread_join(identity, nil) }
}

/// Processors that are online.
public func processorCount() -> Int { max(1, Int(sysconf(CInt(_SC_NPROCESSORS_ONLN)))) }
