internal import CLinux
internal import Glibc

/// What became of a descriptor since the last turn.
public struct Readiness: Sendable {
  public let handle: Handle
  @usableFromInline let flags: UInt32

  @usableFromInline init(handle: Handle, flags: UInt32) {
    self.handle = handle
    self.flags = flags
  }

  public var isReadable: Bool { flags & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
  public var isWritable: Bool { flags & (EPOLLOUT.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
  /// The peer sent its end, or the connection broke: read until the end shows, a short read no longer means drained.
  public var isEnding: Bool { flags & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
  /// Reset or failed: nothing can be sent any more.
  public var isBroken: Bool { flags & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0 }
}

/// One epoll instance with its timers, its reading of the clock and its buffers. Each worker owns one, each slow actor too.
@safe public struct EventLoop: ~Copyable {
  static var batchCount: Int { 256 }

  private let epoll: FileDescriptor
  private let ready: UnsafeMutablePointer<epoll_event>
  private var readyCount = 0
  /// Read once a turn.
  public private(set) var now: MonotonicTime
  /// Nanoseconds of the wall clock, read with `now`.
  public private(set) var unixNanoseconds: Int64
  public var timers = TimerQueue()
  /// What reads fill: connections hold no read buffer of their own.
  public var input: [UInt8]
  /// Arrays that connections borrow while they have something to keep.
  public var buffers = BufferPool()

  /// `inputBytes`: the most that one read takes.
  public init(inputBytes: Int = 64 * 1024) throws(Errno) {
    let number = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard number >= 0 else { throw .last }
    epoll = FileDescriptor(owning: number)
    unsafe ready = .allocate(capacity: Self.batchCount)
    now = Clock.monotonic()
    unixNanoseconds = Clock.unixNanoseconds()
    input = [UInt8](repeating: 0, count: inputBytes)
  }

  deinit { unsafe ready.deallocate() }

  /// For a loop that waits on this one.
  public var descriptor: CInt { epoll.number }

  /// Edge-triggered for reading and writing, once for the life of a connection: no epoll_ctl(2) per request.
  public func watch(_ descriptor: borrowing FileDescriptor, as handle: Handle) throws(Errno) {
    try add(descriptor.number, EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue, handle)
  }

  /// Level-triggered for reading: listeners, mailboxes, loops.
  ///
  /// - Parameter isShared: other loops watch it too, and one of them is enough to be woken.
  public func watchForReading(_ descriptor: CInt, as handle: Handle, isShared: Bool = false) throws(Errno) {
    try add(descriptor, EPOLLIN.rawValue | (isShared ? EPOLLEXCLUSIVE.rawValue : 0), handle)
  }

  public func unwatch(_ descriptor: CInt) {
    _ = epoll_ctl(epoll.number, EPOLL_CTL_DEL, descriptor, nil)
  }

  private func add(_ descriptor: CInt, _ flags: UInt32, _ handle: Handle) throws(Errno) {
    var event = unsafe epoll_event(events: flags, data: epoll_data_t(u64: handle.raw))
    guard unsafe epoll_ctl(epoll.number, EPOLL_CTL_ADD, descriptor, &event) == 0 else { throw .last }
  }

  /// Waits until something is ready, a timer is due or `limit` has passed, and reads the clock. Returns how many are ready.
  public mutating func wait(atMost limit: Duration? = nil) -> Int {
    var milliseconds: CInt = -1
    let timerDeadline = timers.earliest
    if timerDeadline != nil || limit != nil {
      let now = Clock.monotonic()
      var deadline = timerDeadline ?? .distantFuture
      if let limit { deadline = min(deadline, now + limit) }
      let left = max(0, deadline.nanoseconds - now.nanoseconds)
      milliseconds = CInt(min(left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1), 3_600_000))
    }
    let count = unsafe epoll_wait(epoll.number, ready, CInt(Self.batchCount), milliseconds)
    now = Clock.monotonic()
    unixNanoseconds = Clock.unixNanoseconds()
    readyCount = max(0, Int(count))
    return readyCount
  }

  public func readiness(_ index: Int) -> Readiness {
    precondition(index >= 0 && index < readyCount)
    let event = unsafe ready[index]
    return Readiness(handle: Handle(raw: unsafe event.data.u64), flags: unsafe event.events)
  }
}

/// Byte arrays with capacity, lent to whoever has something to keep and given back empty.
public struct BufferPool: Sendable {
  private var free: [[UInt8]] = []
  private var freeBytes = 0

  /// As large as what waits of one stream; larger ones are let go, so one large body does not stay in memory for ever.
  static var keptCapacityBytes: Int { 512 * 1024 }
  static var keptCount: Int { 128 }
  /// Of all that are kept. Long contents need a few large ones again and again, and new memory costs a fault a page.
  static var keptBytes: Int { 4 * 1024 * 1024 }

  public init() {}

  public mutating func take() -> [UInt8] {
    guard let buffer = free.popLast() else { return [] }
    freeBytes -= buffer.capacity
    return buffer
  }

  public mutating func give(_ buffer: inout [UInt8]) {
    guard buffer.capacity > 0 else { return }
    let isKept = buffer.capacity <= Self.keptCapacityBytes && freeBytes + buffer.capacity <= Self.keptBytes
    if isKept, free.count < Self.keptCount {
      freeBytes += buffer.capacity
      var kept: [UInt8] = []
      swap(&kept, &buffer)
      kept.removeAll(keepingCapacity: true)
      free.append(kept)
    } else {
      buffer = []
    }
  }
}
