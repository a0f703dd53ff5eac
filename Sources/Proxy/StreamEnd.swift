import Gate
import HTTP
import HTTPClient
import HTTPServer
import JOSE
import Transport

/// The exchanges of routes that say `endWithToken`: one timer for all of them, which comes up when the first token ends.
struct TokenWatch {
  /// Names no passage, as no passage has this generation.
  static let timer = Handle(raw: UInt64(Proxy.passageKind) << 24 | 0xFF_FFFF)

  /// Those that are over stay in until the next look.
  var passages: [Handle] = []
  /// Look at all of them before anything else.
  var isDue = false
  var armedAt = MonotonicTime.distantFuture
}

/// What ends because its token does, each in the way that its client understands.
extension Proxy {
  /// How long a frame under way may take to its end.
  static let frameGrace = Duration.seconds(5)

  mutating func watchToken(of passage: Handle, until end: UnixTime, _ loop: inout EventLoop) {
    if tokenWatch.passages.count >= 2 * passages.count + 64 { dropFinishedFromWatch() }
    tokenWatch.passages.append(passage)
    arm(by: end, &loop)
  }

  private mutating func dropFinishedFromWatch() {
    var live: [Handle] = []
    for passage in tokenWatch.passages where passages.contains(passage) { live.append(passage) }
    tokenWatch.passages = live
  }

  private mutating func arm(by end: UnixTime, _ loop: inout EventLoop) {
    let deadline = loop.now + (end - Self.time(of: loop))
    guard deadline < tokenWatch.armedAt else { return }
    tokenWatch.armedAt = deadline
    loop.timers.schedule(TokenWatch.timer, at: deadline)
  }

  private static func time(of loop: borrowing EventLoop) -> UnixTime { UnixTime(microseconds: loop.unixNanoseconds / 1000) }

  mutating func endLapsedStreams(_ loop: inout EventLoop) {
    tokenWatch.isDue = false
    tokenWatch.armedAt = .distantFuture
    var watched: [Handle] = []
    swap(&watched, &tokenWatch.passages)
    for passage in watched where passages.contains(passage) {
      guard let admission = passages[passage].admission, let end = admission.endsAt else { continue }
      if let denied = admission.lapse(now: Self.time(of: loop), revocations: snapshot.revocations) {
        endStream(passage, denied, &loop)
      } else {
        tokenWatch.passages.append(passage)
        arm(by: end, &loop)
      }
    }
  }

  mutating func passageTimerFired(_ passage: Handle, _ loop: inout EventLoop) {
    guard passages.contains(passage) else { return }
    if passages[passage].webSocket?.isEnding == true {
      endCall(passage)
      return server.reset(passages[passage].exchange, code: H2ErrorCode.cancel)
    }
    keysSettled(passage, &loop)
  }

  private mutating func endStream(_ passage: Handle, _ denied: Denied, _ loop: inout EventLoop) {
    guard passages[passage].status != 0 else { return refuse(passage, Refusal(denied)) }
    // All of the response is here already.
    if passages[passage].isResponseComplete, passages[passage].webSocket?.boundary == nil { return }
    let exchange = passages[passage].exchange
    let reason = Refusal(denied).reason
    passages[passage].reason = reason
    counters.refused(reason: reason.number)
    if passages[passage].webSocket?.boundary != nil { return endWebSocket(passage, &loop) }
    let isEventStream = isEventStream(passages[passage].call)
    endCall(passage)
    if let form = grpcForm(of: exchange), !form.isWeb {
      trailerScratch.removeAll()
      trailerScratch.append("grpc-status", String(reason.answer.grpcStatus))
      trailerScratch.append("grpc-message", reason.rawValue)
      server.finish(exchange, trailers: trailerScratch)
    } else if isEventStream {
      server.finish(exchange, trailers: FieldSection())
    } else {
      // An orderly end would make half of something look like all of it.
      server.reset(exchange)
    }
  }

  /// The app is told at once; what it has sent and was not passed on is dropped.
  private mutating func endCall(_ passage: Handle) {
    let call = passages[passage].call
    if client.calls.contains(call) { client.cancel(call) }
    passages[passage].call = .none
    passages[passage].stage = .answered
  }

  /// A stream of events may stop anywhere: its client drops an event that is not complete, and comes back.
  private func isEventStream(_ call: Handle) -> Bool {
    guard client.calls.contains(call), client.calls[call].response.contentLength == nil,
      let mediaType = client.calls[call].response.fields.only(.contentType)
    else { return false }
    let value = client.calls[call].response.fields.bytes.span.extracting(mediaType.range)
    let name: StaticString = "text/event-stream"
    return value.count >= 17 && value.extracting(0..<17).matchesIgnoringCase(name)
      && (value.count == 17 || value[17] == UInt8(ascii: ";") || value[17] == UInt8(ascii: " "))
  }

  // MARK: WebSockets

  /// With a close frame once the frame under way is complete, with a reset if that takes too long.
  private mutating func endWebSocket(_ passage: Handle, _ loop: inout EventLoop) {
    guard let boundary = passages[passage].webSocket?.boundary else { return }
    if boundary.isBetweenFrames { return closeWebSocket(passage) }
    passages[passage].webSocket?.isEnding = true
    loop.timers.schedule(passage, at: loop.now + Self.frameGrace)
  }

  /// Keeps track of what goes to the client.
  /// - Returns: false when the WebSocket has ended, and nothing more is to be written.
  mutating func followFrames(_ passage: Handle, _ call: Handle) -> Bool {
    guard var boundary = passages[passage].webSocket?.boundary else { return true }
    guard passages[passage].webSocket?.isEnding == true else {
      client.calls[call].content.withContent { boundary.follow($0) }
      passages[passage].webSocket?.boundary = boundary
      return true
    }
    let last = client.calls[call].content.withContent { boundary.followToBoundary($0) }
    passages[passage].webSocket?.boundary = boundary
    guard let last else { return true }
    var rest = ByteQueue()
    client.calls[call].content.withContent { rest.append($0.extracting(0..<last)) }
    server.write(passages[passage].exchange, taking: &rest)
    closeWebSocket(passage)
    return false
  }

  /// 1008, policy violation (RFC 6455 §7.4.1).
  private mutating func closeWebSocket(_ passage: Handle) {
    endCall(passage)
    passages[passage].webSocket?.isEnding = false
    var frame = ByteQueue()
    let bytes: [UInt8] = [0x88, 0x02, 0x03, 0xF0]
    frame.append(bytes.span)
    server.write(passages[passage].exchange, taking: &frame)
    server.finish(passages[passage].exchange, trailers: FieldSection())
  }
}
