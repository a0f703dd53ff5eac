internal import CLinux
internal import Glibc

/// A listening socket.
public struct Listener: ~Copyable, Sendable {
  public let descriptor: FileDescriptor
  /// As bound: with port 0 the one that the system chose.
  public let address: SocketAddress
  /// Of a Unix domain socket: what its path led to when it was bound.
  private let file: SocketFile?

  /// A Unix domain socket gets mode 0660; one that a process left behind is replaced, one that somebody listens on or
  /// something that is no socket is not.
  ///
  /// - Parameter shared: SO_REUSEPORT, so that each worker has a listener of its own on the same port. Without effect on
  ///   Unix domain sockets: of those there is one, which several loops may watch.
  public init(_ address: SocketAddress, shared: Bool, backlog: Int = 1024) throws(Errno) {
    let descriptor = try Self.socket(address.family)
    if address.family == .unix {
      try SocketFile.makeRoom(for: address)
    } else {
      descriptor.setOption(SOL_SOCKET, SO_REUSEADDR, 1)
      if shared { descriptor.setOption(SOL_SOCKET, SO_REUSEPORT, 1) }
      if address.family == .ipv6 { descriptor.setOption(CInt(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
    }
    guard unsafe address.withSockaddr({ unsafe bind(descriptor.number, $0, $1) }) == 0 else { throw .last }
    // Nobody can connect before listen(2): there is no moment with another mode.
    let file = address.family == .unix ? try SocketFile(settingModeOf: address.path) : nil
    guard listen(descriptor.number, CInt(backlog)) == 0 else { throw .last }
    let bound = address.family == .unix ? address : try Self.boundAddress(descriptor)
    self.file = file
    self.address = bound
    self.descriptor = descriptor
  }

  /// Takes over a listening socket that somebody else opened; see ``InheritedListeners``.
  public init(adopting number: CInt) throws(Errno) {
    let descriptor = FileDescriptor(owning: number)
    try InheritedListeners.adopt(descriptor)
    let bound = try Self.boundAddress(descriptor)
    file = nil
    self.address = bound
    self.descriptor = descriptor
  }

  private static func boundAddress(_ descriptor: borrowing FileDescriptor) throws(Errno) -> SocketAddress {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let number = descriptor.number
    let outcome = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(number, $0, &length) }
    }
    guard outcome == 0, let bound = SocketAddress(storage) else { throw .last }
    return bound
  }

  /// Removes the path of a Unix domain socket, unless it leads to another one meanwhile.
  public func removeSocketFile() { file?.remove() }

  static func socket(_ family: SocketAddress.Family) throws(Errno) -> FileDescriptor {
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let domain =
      switch family {
      case .ipv4: AF_INET
      case .ipv6: AF_INET6
      case .unix: AF_UNIX
      }
    let number = Glibc.socket(domain, kind, 0)
    guard number >= 0 else { throw .last }
    return FileDescriptor(owning: number)
  }

  /// Refuses new connections from now on, whoever else holds the socket; those in the accept queue are reset.
  public func stopListening() { shutdown(descriptor.number, CInt(SHUT_RDWR)) }

  /// The next connection of the accept queue, or nil if it is empty.
  public func accept() throws(Errno) -> Connected? {
    while true {
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let flags = CInt(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
      let number = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe accept4(descriptor.number, $0, &length, flags)
        }
      }
      if number >= 0 {
        let socket = FileDescriptor(owning: number)
        if address.family != .unix { socket.setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
        return Connected(socket: socket, peer: SocketAddress(storage) ?? SocketAddress(ipv4: 0, port: 0))
      }
      switch errno {
      case EINTR, ECONNABORTED, EPROTO: continue
      case EAGAIN: return nil
      default: throw .last
      }
    }
  }
}

/// A connection and who is at its other end.
public struct Connected: ~Copyable {
  public var socket: FileDescriptor
  public let peer: SocketAddress

  /// Begins a non-blocking connect; the socket becomes writable when it is decided, ``FileDescriptor/pendingError()`` says how.
  public init(connectingTo address: SocketAddress) throws(Errno) {
    let socket = try Listener.socket(address.family)
    if address.family != .unix { socket.setOption(CInt(IPPROTO_TCP), TCP_NODELAY, 1) }
    let outcome = unsafe address.withSockaddr { unsafe connect(socket.number, $0, $1) }
    if outcome != 0, errno != EINPROGRESS { throw .last }
    self.socket = socket
    peer = address
  }

  init(socket: consuming FileDescriptor, peer: SocketAddress) {
    self.socket = socket
    self.peer = peer
  }

  public consuming func takeSocket() -> FileDescriptor { socket }
}
