/// Takes one HTTP/1.1 body out of the unread bytes of a connection (RFC 9112 §6, §7), without copying content.
public struct BodyDecoder: Sendable {
  /// Bytes of the extensions of one chunk. Above: 400 `request_malformed`, or 502 for a response.
  public static let chunkExtensionBytes = 256

  public enum Step: Equatable, Sendable {
    /// `consumed` bytes are done with; more are needed. What was not consumed must be presented again.
    case incomplete(consumed: Int)
    /// `consumed` bytes are done with once the content at that range of the input is; call again.
    case content(Range<Int>, consumed: Int)
    /// The body, and with it the message, is complete; trailers hold what followed a chunked one.
    case end(consumed: Int)
  }

  /// Whose body it is decides which error its faults are.
  public enum Side: Sendable { case request, response }

  private enum State {
    case content(remaining: UInt64)
    case untilClose
    case chunkHeader(ChunkHeader)
    case chunkContent(remaining: UInt64)
    case chunkEnd
    case trailers(SectionSearch)
    case end
  }

  private let side: Side
  private var state: State

  public init(_ framing: BodyFraming, of side: Side) {
    self.side = side
    state =
      switch framing {
      case .none: .end
      case .length(let length): length == 0 ? .end : .content(remaining: length)
      case .chunked: .chunkHeader(ChunkHeader())
      case .untilClose: .untilClose
      }
  }

  /// The last byte was decoded.
  public var isComplete: Bool {
    if case .end = state { true } else { false }
  }

  /// The next content, or what else the unread bytes begin with. After an error the connection cannot be read further.
  public mutating func decode(
    _ input: Span<UInt8>, limits: MessageLimits, trailers: inout FieldSection
  ) throws(MessageError) -> Step {
    do throws(Violation) {
      return try step(input, limits: limits, trailers: &trailers)
    } catch {
      throw side == .request ? MessageError(request: error) : MessageError(response: error)
    }
  }

  /// The peer will send nothing more.
  ///
  /// - Throws: the body is cut short; it must reach the other side as a reset, never as an end.
  public mutating func endOfStream() throws(MessageError) {
    switch state {
    case .untilClose, .end: state = .end
    default: throw side == .request ? MessageError(request: .truncated) : MessageError(response: .truncated)
    }
  }

  private mutating func step(
    _ input: Span<UInt8>, limits: MessageLimits, trailers: inout FieldSection
  ) throws(Violation) -> Step {
    var index = 0
    while true {
      switch state {
      case .content(let remaining):
        let taken = Self.available(in: input, from: index, of: remaining)
        if taken == 0 { return .incomplete(consumed: index) }
        state = UInt64(taken) == remaining ? .end : .content(remaining: remaining - UInt64(taken))
        return .content(index..<(index + taken), consumed: index + taken)
      case .untilClose:
        return input.isEmpty ? .incomplete(consumed: 0) : .content(0..<input.count, consumed: input.count)
      case .chunkHeader(var header):
        let size = try header.parse(input, &index)
        state = .chunkHeader(header)
        guard let size else { return .incomplete(consumed: index) }
        state = size == 0 ? .trailers(SectionSearch(hasStartLine: false)) : .chunkContent(remaining: size)
      case .chunkContent(let remaining):
        let taken = Self.available(in: input, from: index, of: remaining)
        if taken == 0 { return .incomplete(consumed: index) }
        state = UInt64(taken) == remaining ? .chunkEnd : .chunkContent(remaining: remaining - UInt64(taken))
        return .content(index..<(index + taken), consumed: index + taken)
      case .chunkEnd:
        if input.count - index < 2 {
          if index < input.count && input[index] != 0x0D { throw .chunkEnd }
          return .incomplete(consumed: index)
        }
        if input[index] != 0x0D || input[index + 1] != 0x0A { throw .chunkEnd }
        index += 2
        state = .chunkHeader(ChunkHeader())
      case .trailers(var search):
        let section = input.extracting(index..<input.count)
        let end = try search.end(in: section, limits: limits)
        state = .trailers(search)
        guard let end else { return .incomplete(consumed: index) }
        try Self.parse(section.extracting(0..<end), limits: limits, into: &trailers)
        index += end
        state = .end
      case .end:
        return .end(consumed: index)
      }
    }
  }

  private static func available(in input: Span<UInt8>, from index: Int, of remaining: UInt64) -> Int {
    Int(min(UInt64(input.count - index), remaining))
  }

  private static func parse(
    _ section: Span<UInt8>, limits: MessageLimits, into trailers: inout FieldSection
  ) throws(Violation) {
    trailers.removeAll()
    var index = 0
    try FieldLineParser.parse(section, from: &index, limits: limits, into: &trailers.lines)
    trailers.adopt(section)
  }
}
