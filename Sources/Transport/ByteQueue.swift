/// Bytes waiting to go on: appended at one end, taken from the other. Empty, it can give its memory away.
public struct ByteQueue: Sendable {
  @usableFromInline var bytes: [UInt8] = []
  @usableFromInline var start = 0

  public init() {}

  @inlinable public var count: Int { bytes.count &- start }
  @inlinable public var isEmpty: Bool { bytes.count == start }

  @inlinable public mutating func append(_ content: Span<UInt8>) {
    unsafe content.withUnsafeBufferPointer { buffer in unsafe bytes.append(contentsOf: buffer) }
  }

  /// What waits, oldest first.
  @inlinable public func withContent<Result, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> Result) throws(Failure) -> Result {
    try body(bytes.span.extracting(start..<bytes.count))
  }

  /// Lets a codec take the storage over: what waits begins at the second argument.
  @inlinable public mutating func withStorage(_ body: (inout [UInt8], inout Int) -> Void) { body(&bytes, &start) }

  /// Lets a serializer append to what waits.
  @inlinable public mutating func withArray(_ body: (inout [UInt8]) -> Void) { body(&bytes) }

  /// Forgets the oldest `count` bytes.
  @inlinable public mutating func drop(_ count: Int) {
    start &+= count
    if start == bytes.count {
      bytes.removeAll(keepingCapacity: true)
      start = 0
    } else if start >= 128 * 1024 {
      bytes.removeSubrange(0..<start)
      start = 0
    }
  }

  /// Moves everything behind what `other` holds; costs nothing when that is nothing.
  @inlinable public mutating func move(to other: inout ByteQueue) {
    if other.isEmpty {
      swap(&self, &other)
    } else {
      withContent { other.append($0) }
      drop(count)
    }
  }

  /// The same with the oldest bytes alone, at most `limit` of them.
  public mutating func move(atMost limit: Int, to other: inout ByteQueue) {
    if count <= limit { return move(to: &other) }
    withContent { other.append($0.extracting(0..<limit)) }
    drop(limit)
  }

  /// Gives the memory back when nothing waits.
  public mutating func giveBack(to pool: inout BufferPool) {
    if isEmpty {
      start = 0
      pool.give(&bytes)
    }
  }

  public mutating func borrow(from pool: inout BufferPool) {
    if bytes.capacity == 0 { bytes = pool.take() }
  }
}
