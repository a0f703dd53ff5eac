/// What one piece of input came to, in order. Slots name streams; a slot stays valid until ``H2Session/release(_:)``.
public enum H2Event: Sendable {
  /// A request head (server side); `head` indexes ``H2Batch/requests``.
  case request(slot: Int, head: Int, endsStream: Bool)
  /// A request that must not go on but can be answered.
  case refused(slot: Int, head: Int, MessageError)
  /// A request that the library answers with a reset; `head` holds what was read of it.
  case malformed(slot: Int, head: Int, MessageError)
  /// The trailer section of a request is none; like `refused` after the head.
  case trailersRefused(slot: Int, MessageError)
  /// An interim or final response head (client side); `head` indexes ``H2Batch/responses``.
  case response(slot: Int, head: Int, endsStream: Bool)
  /// A response that is no valid message.
  case responseRefused(slot: Int)
  /// `head` indexes ``H2Batch/trailers``; the stream has ended with it.
  case trailers(slot: Int, head: Int)
  /// Content, as a range of the input that was handed in.
  case content(slot: Int, offset: Int, count: Int)
  /// END_STREAM after content.
  case ended(slot: Int)
  /// Both directions are done (`code` 0) or the stream was reset.
  case closed(slot: Int, code: UInt32)
  /// Streams above `lastStream` were not processed (RFC 9113 §6.8).
  case goingAway(lastStream: Int32, code: UInt32)
  /// The peer's SETTINGS arrived.
  case settings
}

/// Events with the heads they speak of. Reused from one piece of input to the next; heads may be swapped out.
public struct H2Batch: Sendable {
  public var events: [H2Event] = []
  public var requests: [RequestHead] = []
  public var responses: [ResponseHead] = []
  public var trailers: [FieldSection] = []
  @usableFromInline var requestCount = 0
  @usableFromInline var responseCount = 0
  @usableFromInline var trailerCount = 0

  public init() {}

  mutating func reset() {
    events.removeAll(keepingCapacity: true)
    requestCount = 0
    responseCount = 0
    trailerCount = 0
  }

  mutating func keep(_ head: inout RequestHead) -> Int {
    if requestCount == requests.count { requests.append(RequestHead()) }
    swap(&requests[requestCount], &head)
    head.removeAll()
    requestCount += 1
    return requestCount - 1
  }

  mutating func keep(_ head: inout ResponseHead) -> Int {
    if responseCount == responses.count { responses.append(ResponseHead()) }
    swap(&responses[responseCount], &head)
    head.removeAll()
    responseCount += 1
    return responseCount - 1
  }

  mutating func keepTrailers(_ fields: inout FieldSection) -> Int {
    if trailerCount == trailers.count { trailers.append(FieldSection()) }
    swap(&trailers[trailerCount], &fields)
    fields.removeAll()
    trailerCount += 1
    return trailerCount - 1
  }
}
