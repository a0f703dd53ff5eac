internal import CLinux
internal import Glibc

/// The file by which a Unix domain socket is found.
struct SocketFile: Sendable {
  private let path: String
  private let device: UInt64
  private let inode: UInt64

  /// Owner and group may connect.
  static let mode: mode_t = 0o660

  init(settingModeOf path: String) throws(Errno) {
    guard unsafe chmod(path, Self.mode) == 0, let found = Self.status(path) else { throw .last }
    self.path = path
    device = UInt64(found.st_dev)
    inode = UInt64(found.st_ino)
  }

  /// Unless the path leads to another file meanwhile.
  func remove() {
    guard let found = Self.status(path), UInt64(found.st_dev) == device, UInt64(found.st_ino) == inode else { return }
    unsafe unlink(path)
  }

  /// Removes what a process that is no more left behind.
  /// - Throws: `addressInUse` where somebody listens, or where a file stands that is no socket.
  static func makeRoom(for address: SocketAddress) throws(Errno) {
    guard let found = status(address.path) else { return }
    guard found.st_mode & S_IFMT == S_IFSOCK else { throw .addressInUse }
    let probe = try Listener.socket(.unix)
    let isServed = unsafe address.withSockaddr { unsafe connect(probe.number, $0, $1) } == 0 || errno != ECONNREFUSED
    guard !isServed else { throw .addressInUse }
    unsafe unlink(address.path)
  }

  private static func status(_ path: String) -> stat? {
    var found = stat()
    return unsafe lstat(path, &found) == 0 ? found : nil
  }
}
