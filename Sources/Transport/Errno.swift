internal import Glibc

/// A failed system call (errno(3)).
public struct Errno: Error, Equatable, Sendable {
  public let code: CInt

  public init(_ code: CInt) { self.code = code }

  static var last: Errno { Errno(errno) }

  public static let addressInUse = Errno(EADDRINUSE)
  public static let tooManyOpenFiles = Errno(EMFILE)
  public static let timedOut = Errno(ETIMEDOUT)
  public static let connectionReset = Errno(ECONNRESET)
  public static let connectionRefused = Errno(ECONNREFUSED)

  /// Not of the system: ``SharedBudget`` or a loop's own limit.
  public static let connectionLimit = Errno(EUSERS)

  /// Out of descriptors, of this process or of the system.
  public var isDescriptorExhaustion: Bool { code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM }
}

extension Errno: CustomStringConvertible {
  public var description: String {
    guard let text = unsafe strerror(code) else { return "errno \(code)" }
    return unsafe String(cString: text)
  }
}
