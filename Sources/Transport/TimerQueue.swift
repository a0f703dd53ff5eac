/// Deadlines in a binary heap. An owner keeps one entry at most in here and its true deadline with itself: when the entry
/// comes up early it is put back, so moving a deadline costs nothing. Stale handles are found out by their generation.
public struct TimerQueue: Sendable {
  struct Entry {
    var deadline: MonotonicTime
    var handle: Handle
  }

  private var heap: [Entry] = []

  public init() {}

  public var earliest: MonotonicTime? { heap.first?.deadline }
  public var count: Int { heap.count }

  public mutating func schedule(_ handle: Handle, at deadline: MonotonicTime) {
    heap.append(Entry(deadline: deadline, handle: handle))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent].deadline <= heap[child].deadline { break }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  /// The next handle that is due at `now`, or nil.
  public mutating func next(dueAt now: MonotonicTime) -> Handle? {
    guard let first = heap.first, first.deadline <= now else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      heap[0] = last
      sink()
    }
    return first.handle
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var child = 2 * parent + 1
      if child >= heap.count { return }
      if child + 1 < heap.count, heap[child + 1].deadline < heap[child].deadline { child += 1 }
      if heap[parent].deadline <= heap[child].deadline { return }
      heap.swapAt(parent, child)
      parent = child
    }
  }
}
