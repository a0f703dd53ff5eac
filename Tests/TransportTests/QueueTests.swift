import Testing
import Transport

@Suite struct TimerQueueTests {
  @Test func `deadlines come up in order and not before their time`() {
    var slab = Slab<Int>(kind: 1)
    var queue = TimerQueue()
    let moments = [50, 10, 40, 20, 30, 10]
    for moment in moments {
      queue.schedule(slab.insert(moment) ?? .none, at: MonotonicTime(nanoseconds: Int64(moment)))
    }
    #expect(queue.earliest == MonotonicTime(nanoseconds: 10))
    #expect(queue.next(dueAt: MonotonicTime(nanoseconds: 9)) == nil)
    var seen: [Int] = []
    while let handle = queue.next(dueAt: MonotonicTime(nanoseconds: 40)) { seen.append(slab[handle]) }
    #expect(seen == [10, 10, 20, 30, 40])
    #expect(queue.count == 1)
  }

  @Test func `a duration too long to add is never reached`() {
    #expect(MonotonicTime(nanoseconds: 5) + .seconds(Int64.max / 2) == .distantFuture)
  }
}

@Suite struct ByteQueueTests {
  private static func text(_ queue: borrowing ByteQueue) -> String {
    queue.withContent { span in
      var bytes: [UInt8] = []
      for index in 0..<span.count { bytes.append(span[index]) }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  @Test func `bytes leave in the order in which they came`() {
    var queue = ByteQueue()
    queue.append("abc".utf8.span)
    queue.drop(2)
    queue.append("def".utf8.span)
    #expect(Self.text(queue) == "cdef")
    #expect(queue.count == 4)
  }

  @Test func `moving goes behind what waits already and leaves nothing`() {
    var first = ByteQueue()
    var second = ByteQueue()
    first.append("xyz".utf8.span)
    first.drop(1)
    second.append("a".utf8.span)
    first.move(to: &second)
    #expect(Self.text(second) == "ayz")
    #expect(first.isEmpty)
    second.move(to: &first)
    #expect(Self.text(first) == "ayz")
  }
}

@Suite struct BufferPoolTests {
  private func buffer(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

  @Test func `large buffers are lent again, empty`() {
    var pool = BufferPool()
    var given = buffer(300_000)
    pool.give(&given)
    #expect(given.capacity == 0)
    let taken = pool.take()
    #expect(taken.isEmpty && taken.capacity >= 300_000)
    #expect(pool.take().capacity == 0)
  }

  @Test(arguments: [(count: 200, bytes: 300_000), (count: 1, bytes: 1_000_000), (count: 10_000, bytes: 1000)])
  func `no more is kept than a few megabytes, and nothing very large`(_ given: (count: Int, bytes: Int)) {
    var pool = BufferPool()
    for _ in 0..<given.count {
      var buffer = buffer(given.bytes)
      pool.give(&buffer)
    }
    var (kept, last) = (0, pool.take().capacity)
    while last > 0 {
      #expect(last <= 512 * 1024)
      kept += last
      last = pool.take().capacity
    }
    #expect(kept <= 4 << 20)
  }
}
