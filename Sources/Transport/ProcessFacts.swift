internal import CLinux
internal import Glibc

/// What the system says of this process, read anew each time.
public struct ProcessFacts: Sendable {
  public var cpuMicroseconds: Int64
  public var residentBytes: Int64
  public var virtualBytes: Int64
  public var openDescriptorCount: Int64
  /// The most descriptors that may be open; -1: unlimited.
  public var descriptorLimit: Int64

  public init() {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    cpuMicroseconds = Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    // proc(5): size and resident set in pages.
    let words = String(decoding: (try? FileContent.read("/proc/self/statm", limitBytes: 4096)) ?? [], as: UTF8.self)
      .split(separator: " ")
    let pageBytes = Int64(sysconf(CInt(_SC_PAGESIZE)))
    virtualBytes = (words.count > 0 ? Int64(words[0]) ?? 0 : 0) * pageBytes
    residentBytes = (words.count > 1 ? Int64(words[1]) ?? 0 : 0) * pageBytes
    openDescriptorCount = Self.countDescriptors()
    var limit = rlimit()
    let isKnown = unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    descriptorLimit = isKnown && limit.rlim_cur <= rlim_t(Int64.max) ? Int64(limit.rlim_cur) : -1
  }

  /// As many descriptors as the system allows us (setrlimit(2)): what a shell or a service manager sets first is a number for
  /// programs that use select(2).
  public static func raiseDescriptorLimit() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }

  private static func countDescriptors() -> Int64 {
    guard let folder = unsafe opendir("/proc/self/fd") else { return 0 }
    defer { unsafe closedir(folder) }
    var count: Int64 = 0
    while unsafe readdir(folder) != nil { count += 1 }
    // Without `.`, `..` and the descriptor that reads them.
    return max(0, count - 3)
  }
}
