/// A connected socket, plain or under TLS. Codecs above never know which.
public struct ByteStream: ~Copyable {
  public let socket: FileDescriptor

  public init(_ socket: consuming FileDescriptor) { self.socket = socket }

  /// Fills `buffer`, whose count is the most that may be read, from its beginning.
  public mutating func read(into buffer: inout [UInt8]) throws(Errno) -> IOOutcome { try socket.read(into: &buffer) }

  /// Sends the oldest bytes of `queue` and drops them from it. `.bytes` when all is gone.
  public mutating func write(_ queue: inout ByteQueue) throws(Errno) -> IOOutcome {
    var total = 0
    while !queue.isEmpty {
      switch try queue.withContent({ (content) throws(Errno) in try socket.send(content) }) {
      case .bytes(let count):
        queue.drop(count)
        total += count
      case .wouldBlock, .endOfStream: return .wouldBlock
      }
    }
    return .bytes(total)
  }
}
