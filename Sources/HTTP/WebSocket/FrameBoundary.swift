/// Where the frames of one direction of a WebSocket end (RFC 6455 §5.2). It reads lengths and nothing else: what is in
/// the frames is the business of the two ends.
public struct FrameBoundary: Sendable {
  /// Bytes of the current frame's content that are still to come.
  private var remaining: UInt64 = 0
  /// The bytes of a frame's head that have come: at most fourteen.
  private var head = InlineArray<14, UInt8>(repeating: 0)
  private var headCount = 0

  public init() {}

  /// Nothing of a frame has come, or all of it.
  public var isBetweenFrames: Bool { headCount == 0 && remaining == 0 }

  /// Follows all of `bytes`.
  public mutating func follow(_ bytes: Span<UInt8>) {
    var index = 0
    while index < bytes.count { index = step(bytes, index) }
  }

  /// Follows `bytes` up to the first place between two frames, which may be their beginning.
  /// - Returns: how many bytes come before it; nil if there is none, and then all of them were followed.
  public mutating func followToBoundary(_ bytes: Span<UInt8>) -> Int? {
    var index = 0
    while !isBetweenFrames {
      guard index < bytes.count else { return nil }
      index = step(bytes, index)
    }
    return index
  }

  /// One byte of a head, or as much content as there is.
  private mutating func step(_ bytes: Span<UInt8>, _ index: Int) -> Int {
    if remaining > 0 {
      let taken = min(UInt64(bytes.count - index), remaining)
      remaining -= taken
      return index + Int(taken)
    }
    head[headCount] = bytes[index]
    headCount += 1
    if headCount >= 2, headCount == headByteCount {
      remaining = contentByteCount
      headCount = 0
    }
    return index + 1
  }

  /// Of the whole head, once its second byte is there.
  private var headByteCount: Int {
    let lengthBytes =
      switch head[1] & 0x7F {
      case 126: 2
      case 127: 8
      default: 0
      }
    return 2 + lengthBytes + (head[1] & 0x80 == 0 ? 0 : 4)
  }

  private var contentByteCount: UInt64 {
    let short = head[1] & 0x7F
    if short < 126 { return UInt64(short) }
    var length: UInt64 = 0
    for index in 2..<(short == 126 ? 4 : 10) { length = length << 8 | UInt64(head[index]) }
    return length
  }
}
