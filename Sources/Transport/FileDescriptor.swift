internal import CLinux
internal import Glibc

/// What a non-blocking call came to; failures are thrown as ``Errno``.
public enum IOOutcome: Equatable, Sendable {
  case bytes(Int)
  case wouldBlock
  case endOfStream
}

/// Owns one descriptor and closes it.
public struct FileDescriptor: ~Copyable, Sendable {
  public let number: CInt

  /// Takes over the descriptor.
  public init(owning number: CInt) { self.number = number }

  deinit { close(number) }

  /// EINTR is retried, EAGAIN is a value.
  static func retrying(_ call: () -> Int) throws(Errno) -> IOOutcome {
    while true {
      let result = call()
      if result > 0 { return .bytes(result) }
      if result == 0 { return .endOfStream }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      default: throw .last
      }
    }
  }

  /// read(2) over the whole capacity that `buffer` already has as its count.
  public func read(into buffer: inout [UInt8]) throws(Errno) -> IOOutcome {
    let number = number
    return try Self.retrying {
      unsafe buffer.withUnsafeMutableBytes { bytes in unsafe Glibc.read(number, bytes.baseAddress, bytes.count) }
    }
  }

  /// send(2) without SIGPIPE. `.bytes` may be fewer than given.
  public func send(_ content: Span<UInt8>) throws(Errno) -> IOOutcome {
    let number = number
    return try unsafe content.withUnsafeBytes { (bytes) throws(Errno) -> IOOutcome in
      try Self.retrying { unsafe Glibc.send(number, bytes.baseAddress, bytes.count, CInt(MSG_NOSIGNAL)) }
    }
  }

  /// The peer sees the end of our stream; reading goes on.
  public func shutdownWriting() { shutdown(number, CInt(SHUT_WR)) }

  /// Closing will send a reset instead of an orderly end: a truncated body must not look complete.
  public func resetOnClose() {
    var option = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
  }

  func setOption(_ level: CInt, _ name: CInt, _ value: CInt) {
    var value = value
    unsafe setsockopt(number, level, name, &value, socklen_t(MemoryLayout<CInt>.size))
  }

  /// The pending error of a socket, cleared by asking (after a non-blocking connect).
  public func pendingError() -> Errno? {
    var code: CInt = 0
    var length = socklen_t(MemoryLayout<CInt>.size)
    unsafe getsockopt(number, SOL_SOCKET, SO_ERROR, &code, &length)
    return code == 0 ? nil : Errno(code)
  }
}
