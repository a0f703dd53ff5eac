internal import Glibc

/// Small files that the process was configured with: keys, secrets, certificates, the configuration itself.
public enum FileContent {
  /// The whole content of the file that `path` leads to at this moment. All of it is read through one descriptor, so a
  /// symbolic link that is swapped meanwhile (as Kubernetes does) never mixes two files. A pipe that nobody writes to is
  /// empty.
  ///
  /// - Throws: ``Errno/fileTooLarge`` above `limitBytes`.
  public static func read(_ path: String, limitBytes: Int) throws(Errno) -> [UInt8] {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw .last }
    return try readToEnd(FileDescriptor(owning: number), limitBytes: limitBytes, waits: false)
  }
}

extension FileContent {
  /// Like ``read(_:limitBytes:)``, and waits for whoever writes to a pipe. For commands, never for a loop's thread.
  public static func readWaiting(_ path: String, limitBytes: Int) throws(Errno) -> [UInt8] {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw .last }
    return try readToEnd(FileDescriptor(owning: number), limitBytes: limitBytes, waits: true)
  }

  /// Everything until its end, waiting for it.
  public static func readStandardInput(limitBytes: Int) throws(Errno) -> [UInt8] {
    let number = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
    guard number >= 0 else { throw .last }
    return try readToEnd(FileDescriptor(owning: number), limitBytes: limitBytes, waits: true)
  }

  private static func readToEnd(
    _ file: consuming FileDescriptor, limitBytes: Int, waits: Bool
  ) throws(Errno) -> [UInt8] {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      switch try file.read(into: &buffer) {
      case .bytes(let count):
        guard content.count + count <= limitBytes else { throw .fileTooLarge }
        content.append(contentsOf: buffer[..<count])
      case .endOfStream: return content
      case .wouldBlock:
        guard waits else { throw Errno(EAGAIN) }
        // Somebody else has made the descriptor one that does not wait.
        var entry = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&entry, 1, -1)
      }
    }
  }
}

extension Errno {
  public static let fileTooLarge = Errno(EFBIG)
}
