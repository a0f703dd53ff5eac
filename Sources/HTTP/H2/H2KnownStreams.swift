/// The streams that a peer opened last, and which of them it has ended. The library forgets a stream when it closes, and
/// ignores whatever comes for it; RFC 9113 §5.1 and §5.1.1 tell a late frame, which is to be ignored, from one that no honest
/// peer sends.
struct H2KnownStreams {
  static let count = 32

  /// Twice the stream's number, plus one while the peer may have more of it under way.
  private var ring = InlineArray<32, UInt32>(repeating: 0)
  private var next = 0
  private var highest: Int32 = 0
  /// The highest number that fell out of the ring: nothing is known of this one and those below.
  private var forgotten: Int32 = 0

  /// A HEADERS frame for a stream that is not open: nil if it opens it or is to be ignored, else the error code with which
  /// the connection ends.
  mutating func fault(ofHeadersFor id: Int32) -> UInt32? {
    if id > highest {
      highest = id
      forgotten = max(forgotten, Int32(ring[next] >> 1))
      ring[next] = UInt32(id) << 1 | 1
      next = (next + 1) % Self.count
      return nil
    }
    if id <= forgotten { return nil }
    for index in ring.indices where ring[index] >> 1 == UInt32(id) {
      return ring[index] & 1 == 1 ? nil : H2ErrorCode.streamClosed
    }
    // It was skipped, and with that closed.
    return H2ErrorCode.protocolError
  }

  /// The peer has ended the stream, or reset it.
  mutating func endedByPeer(_ id: Int32) {
    for index in ring.indices where ring[index] >> 1 == UInt32(id) { ring[index] = UInt32(id) << 1 }
  }
}
