internal import CLinux
internal import Glibc

/// Tells when files have changed that the process was configured with. Used by one thread, which waits in it.
///
/// What counts is what a path leads to at this moment: a file renamed over it, written in place, or reached through a
/// symbolic link that was swapped (Kubernetes swaps the link `..data` beside the files) all show. The folders are watched by
/// inotify(7); what that does not tell (network file systems, links of links) a look every ``lookInterval`` finds.
public struct FileWatcher: ~Copyable {
  /// Several files are mostly changed together: they are reported together once nothing has happened for so long.
  public static var quiet: Duration { .milliseconds(100) }
  /// Whatever still happens then, the change is reported.
  public static var longestQuiet: Duration { .seconds(1) }
  public static var lookInterval: Duration { .seconds(10) }

  /// What a path led to; nil: to nothing.
  private struct Fingerprint: Equatable {
    var device: UInt
    var inode: UInt
    var size: Int
    var modifiedAt: Moment
    var changedAt: Moment
  }

  /// By the clock that file systems stamp with.
  public struct Moment: Comparable, Sendable {
    var seconds: Int
    var nanoseconds: Int

    init(_ time: timespec) { (seconds, nanoseconds) = (time.tv_sec, time.tv_nsec) }

    public static func < (left: Moment, right: Moment) -> Bool {
      (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    public static var now: Moment {
      var time = timespec()
      unsafe clock_gettime(CLOCK_REALTIME_COARSE, &time)
      return Moment(time)
    }
  }

  private let inotify: FileDescriptor
  private var files: [String] = []
  private var fingerprints: [String: Fingerprint?] = [:]
  private var folders: [String: CInt] = [:]
  private var isBehind = false

  public init() throws(Errno) {
    let number = inotify_init1(CInt(IN_NONBLOCK | IN_CLOEXEC))
    guard number >= 0 else { throw .last }
    inotify = FileDescriptor(owning: number)
  }

  /// Watches these files instead of those before; they need not exist.
  ///
  /// - Parameter moment: before the content was read that the caller has. A file that has changed since is reported by the
  ///   next wait.
  public mutating func watch(_ files: [String], readAt moment: Moment) {
    self.files = files
    var seen: [String: Fingerprint?] = [:]
    for file in files {
      let now = Self.fingerprint(file)
      // Of one that is watched already, the fingerprint from before the reading counts.
      seen[file] = fingerprints[file] ?? now
      if fingerprints[file] == nil, let now, now.changedAt >= moment { isBehind = true }
    }
    fingerprints = seen
    watchFolders()
  }

  /// Comes back when a watched file has changed (true), or when `descriptor` is readable (false).
  public mutating func wait(or descriptor: CInt) -> Bool {
    while true {
      if isBehind || hasChanged() {
        settle()
        _ = hasChanged()
        isBehind = false
        watchFolders()
        return true
      }
      var polled = [
        pollfd(fd: inotify.number, events: Int16(POLLIN), revents: 0), pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&polled, 2, Self.milliseconds(Self.lookInterval))
      if polled[1].revents != 0 {
        // The caller reads everything now anyway.
        _ = hasChanged()
        isBehind = false
        return false
      }
      if polled[0].revents != 0 { drain() }
      watchFolders()
    }
  }

  /// Takes the new fingerprints.
  private mutating func hasChanged() -> Bool {
    var hasChanged = false
    for file in files {
      let now = Self.fingerprint(file)
      guard let known = fingerprints[file], known == now else {
        fingerprints[file] = .some(now)
        hasChanged = true
        continue
      }
    }
    return hasChanged
  }

  /// Waits for quiet in the watched folders.
  private func settle() {
    let end = Clock.monotonic() + Self.longestQuiet
    while Clock.monotonic() < end {
      drain()
      var polled = pollfd(fd: inotify.number, events: Int16(POLLIN), revents: 0)
      if unsafe poll(&polled, 1, Self.milliseconds(Self.quiet)) == 0 { return }
    }
  }

  /// What happened does not matter, only that something did.
  private func drain() {
    var buffer = [UInt8](repeating: 0, count: 8192)
    while true {
      guard case .bytes? = try? inotify.read(into: &buffer) else { return }
    }
  }

  // MARK: Folders

  /// The folder that each path names, and the one that the file is really in; both anew, as links may lead elsewhere now.
  private mutating func watchFolders() {
    var wanted: Set<String> = []
    for file in files {
      wanted.insert(Self.folder(of: file))
      if let real = Self.realPath(file) { wanted.insert(Self.folder(of: real)) }
    }
    for (folder, watch) in folders where !wanted.contains(folder) {
      inotify_rm_watch(inotify.number, watch)
      folders[folder] = nil
    }
    // Adding is asked each time: a folder that was removed and made again is another one. It changes nothing otherwise.
    for folder in wanted {
      let events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF
      let watch = unsafe inotify_add_watch(inotify.number, folder, UInt32(events))
      folders[folder] = watch >= 0 ? watch : nil
    }
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  private static func realPath(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private static func fingerprint(_ path: String) -> Fingerprint? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return Fingerprint(
      device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size),
      modifiedAt: Moment(status.st_mtim), changedAt: Moment(status.st_ctim))
  }

  private static func milliseconds(_ duration: Duration) -> CInt { CInt(duration.wholeNanoseconds / 1_000_000) }
}
