import TestPeers
import Testing

/// Error codes of RFC 9113 §7.
enum H2Code: UInt32, Sendable {
  case noError = 0x0, protocolError, internalError, flowControlError, settingsTimeout, streamClosed, frameSizeError
  case refusedStream, cancel, compressionError, connectError, enhanceYourCalm, inadequateSecurity, http11Required
}

/// One case of h2spec, by its name there: what a client does, and what a server may do about it.
struct H2SpecCase: Sendable, CustomTestStringConvertible {
  enum Expected: Sendable {
    /// GOAWAY with one of the codes, or the connection ends without.
    case connectionError([H2Code])
    /// RST_STREAM or GOAWAY with one of the codes, or the connection ends.
    case streamError([H2Code])
    /// GOAWAY with the code, nothing less.
    case goAway(H2Code)
    /// RST_STREAM with the code, nothing less.
    case rstStream(H2Code)
    case closed
    /// The acknowledgement of this PING.
    case ping(String = "12345678")
    /// h2spec asks for an error, as RFC 7540 did; RFC 9113 leaves it to the server (content for a stream that is closed, §5.1)
    /// or knows no such rule (dependencies, §5.3.2). Nothing happens, and a PING is answered.
    case ignored
    /// A response head on stream 1.
    case answer
    /// A DATA frame, of that length if one is given.
    case data(length: Int? = nil)
    /// SETTINGS, as an acknowledgement or not.
    case settings(isAck: Bool)

    static func connectionError(_ code: H2Code) -> Expected { .connectionError([code]) }
    static func streamError(_ code: H2Code) -> Expected { .streamError([code]) }
  }

  typealias Script = @Sendable (RawHTTP2) throws -> Void

  let testDescription: String
  let expected: Expected
  /// Whether both sides have exchanged their prefaces when the script begins.
  let handshakes: Bool
  let script: Script

  init(_ name: String, _ expected: Expected, handshakes: Bool = true, _ script: @escaping Script) {
    testDescription = name
    self.expected = expected
    self.handshakes = handshakes
    self.script = script
  }

  /// Nil if the server does what it may, else what it did.
  func verdict(of client: RawHTTP2) throws -> String? {
    try script(client)
    if case .ignored = expected { client.send(.ping()) }
    var seen: [String] = []
    while true {
      let frame: RawFrame
      do throws(RawConnection.Failure) {
        frame = try client.read()
      } catch {
        if error != .timedOut, acceptsClose { return nil }
        return "\(error) after \(seen)"
      }
      seen.append(frame.description)
      switch verdict(on: frame) {
      case true?: return nil
      case false?: return "\(seen)"
      case nil: continue
      }
    }
  }

  private var acceptsClose: Bool {
    switch expected {
    case .connectionError, .streamError, .closed: true
    default: false
    }
  }

  /// Nil: the frame decides nothing.
  private func verdict(on frame: RawFrame) -> Bool? {
    let code = frame.code.flatMap(H2Code.init(rawValue:))
    switch (expected, frame.kind) {
    case (.connectionError(let codes), RawFrame.Kind.goAway): return code.map(codes.contains) ?? false
    case (.streamError(let codes), RawFrame.Kind.goAway): return code.map(codes.contains) ?? false
    case (.streamError(let codes), RawFrame.Kind.rstStream): return code.map(codes.contains) == true ? true : nil
    case (.goAway(let expected), RawFrame.Kind.goAway): return code == expected
    case (.rstStream(let expected), RawFrame.Kind.rstStream): return code == expected
    case (.ping(let payload), RawFrame.Kind.ping): return frame.flags.contains(.ack) && frame.payload == Array(payload.utf8)
    case (.answer, RawFrame.Kind.headers): return frame.stream == 1
    case (.answer, RawFrame.Kind.rstStream), (.answer, RawFrame.Kind.goAway): return false
    case (.data(let length), RawFrame.Kind.data): return length == nil || frame.payload.count == length
    case (.settings(let isAck), RawFrame.Kind.settings): return frame.flags.contains(.ack) == isAck
    case (.settings(isAck: false), _): return false
    case (.ignored, RawFrame.Kind.ping): return frame.flags.contains(.ack)
    case (.ignored, RawFrame.Kind.rstStream), (.ignored, RawFrame.Kind.goAway): return false
    default: return nil
    }
  }

  /// 4,000 bytes of field, so that five of them do not fit one frame.
  static let dummy = [("x-dummy0", String(repeating: "x", count: 4000))]
  static let dummyBlock = RawHPACK.block(dummy)
  /// `user-agent: h2spec` and `x-test: h2spec` as h2spec writes them, Huffman coded or not, behind the first byte of a
  /// representation.
  static let userAgent = RawHPACK.string(Array("user-agent".utf8)) + RawHPACK.string(Array("h2spec".utf8))
  static let userAgentHuffman: [UInt8] = [0x87, 0xB5, 0x05, 0xB1, 0x61, 0xCC, 0x5A, 0x93, 0x84, 0x9C, 0x48, 0xAC, 0xA4]
  static let test = RawHPACK.string(Array("x-test".utf8)) + RawHPACK.string(Array("h2spec".utf8))
  static let testHuffman: [UInt8] = [0x85, 0xF2, 0xB2, 0x4A, 0x84, 0xFF, 0x84, 0x9C, 0x48, 0xAC, 0xA4]
}

extension RawHTTP2 {
  /// SETTINGS, and waits until it is in force.
  func apply(_ entries: (id: UInt16, value: UInt32)...) throws {
    send(RawFrame(RawFrame.Kind.settings, entries.flatMap { RawFrame.settings($0).payload }))
    while true {
      let frame = try read(RawFrame.Kind.settings)
      if frame.flags.contains(.ack) { return }
    }
  }

  /// A whole exchange on stream 1.
  func exchange() throws {
    send(headers(1))
    _ = try content(1)
  }
}
