import HTTP
import Testing

@Suite struct FrameBoundaryTests {
  /// Unmasked and masked, with each of the three lengths (RFC 6455 §5.2).
  static let frames: [[UInt8]] = [
    [0x81, 0x00], [0x81, 0x05] + Array("Hello".utf8), [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58],
    [0x82, 0x7E, 0x01, 0x00] + [UInt8](repeating: 7, count: 256),
    [0x82, 0xFE, 0x00, 0x7E, 1, 2, 3, 4] + [UInt8](repeating: 7, count: 126),
    [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65536),
    [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 3, 4, 9, 9, 9], [0x88, 0x02, 0x03, 0xE8],
  ]

  @Test(arguments: frames) func `a frame ends with its last byte and not before`(frame: [UInt8]) {
    var boundary = FrameBoundary()
    for (index, byte) in frame.enumerated() {
      let one = [byte]
      boundary.follow(one.span)
      #expect(boundary.isBetweenFrames == (index == frame.count - 1))
    }
  }

  @Test(arguments: [1, 2, 3, 7, 64, 65_536]) func `the pieces that frames come in make no difference`(size: Int) {
    let all = Self.frames.flatMap { $0 }
    var boundary = FrameBoundary()
    var index = 0
    while index < all.count {
      let piece = Array(all[index..<min(index + size, all.count)])
      boundary.follow(piece.span)
      index += size
    }
    #expect(boundary.isBetweenFrames)
  }

  @Test(arguments: frames) func `the first boundary behind a piece is found`(frame: [UInt8]) {
    for cut in 1..<min(frame.count, 16) {
      var boundary = FrameBoundary()
      let first = Array(frame[..<cut])
      boundary.follow(first.span)
      let rest = Array(frame[cut...] + [0x89, 0x01])
      let place = boundary.followToBoundary(rest.span)
      #expect(place == frame.count - cut)
      #expect(boundary.isBetweenFrames)
    }
  }

  @Test func `between two frames the boundary is at once, and inside one there may be none`() {
    let frame: [UInt8] = [0x82, 0x05, 1, 2]
    var boundary = FrameBoundary()
    let place = boundary.followToBoundary(frame.span)
    #expect(place == 0)
    boundary.follow(frame.span)
    let more: [UInt8] = [3, 4]
    let next = boundary.followToBoundary(more.span)
    #expect(next == nil)
    #expect(!boundary.isBetweenFrames)
  }

  @Test func `the largest length does not overflow`() {
    let frame: [UInt8] = [0x82, 0x7F] + [UInt8](repeating: 0xFF, count: 8) + [1]
    var boundary = FrameBoundary()
    boundary.follow(frame.span)
    #expect(!boundary.isBetweenFrames)
  }
}
