internal import CNGHTTP2

/// The library's side of a session: options and callbacks. Each callback reaches its session through user data.
enum H2Library {
  static func makeSession(_ role: H2Session.Role, _ settings: H2Settings, _ state: UnsafeMutablePointer<H2SessionState>) -> OpaquePointer {
    var callbacks: OpaquePointer?
    unsafe precondition(nghttp2_session_callbacks_new(&callbacks) == 0, "out of memory")
    defer { unsafe nghttp2_session_callbacks_del(callbacks) }
    unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, beginHeaders)
    unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks, field)
    unsafe nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, invalidField)
    unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frameReceived)
    unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, contentReceived)
    unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, streamClosed)
    unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks, sendContent)
    unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frameSent)
    unsafe nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, frameNotSent)
    if role == .server {
      unsafe nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, frameBegins)
      unsafe nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, frameRefused)
    }

    var option: OpaquePointer?
    unsafe precondition(nghttp2_option_new(&option) == 0, "out of memory")
    defer { unsafe nghttp2_option_del(option) }
    unsafe nghttp2_option_set_no_auto_window_update(option, 1)
    unsafe nghttp2_option_set_no_closed_streams(option, 1)
    unsafe nghttp2_option_set_max_reserved_remote_streams(option, 0)
    unsafe nghttp2_option_set_max_send_header_block_length(option, 192 * 1024)
    // A section at our limit may come in frames of 16 KiB; the library's own limit of 8 would end the connection first.
    unsafe nghttp2_option_set_max_continuations(option, max(8, settings.limits.headerSectionBytes / 16_384 + 8))
    // Resets are judged with all else that a peer does (H2Patience); the library's count alone knows no busy connection.
    unsafe nghttp2_option_set_stream_reset_rate_limit(option, 10_000, 1_000)
    var session: OpaquePointer?
    var memory = unsafe H2Memory.allocator(state.pointee.memory.memory)
    let result =
      switch role {
      case .server: unsafe nghttp2_session_server_new3(&session, callbacks, state, option, &memory)
      case .client: unsafe nghttp2_session_client_new3(&session, callbacks, state, option, &memory)
      }
    precondition(result == 0, "out of memory")
    return unsafe session!
  }

  private static func state(_ user: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<H2SessionState> {
    unsafe user!.assumingMemoryBound(to: H2SessionState.self)
  }

  /// The slot that the stream's user data holds, or nil for a stream that was never given one.
  private static func slot(_ session: OpaquePointer?, _ id: Int32) -> Int? {
    let data = unsafe nghttp2_session_get_stream_user_data(session, id)
    let number = Int(bitPattern: data)
    return number == 0 ? nil : number - 1
  }

  /// Before a frame is understood: what brings nothing costs patience.
  private static let frameBegins: nghttp2_on_begin_frame_callback = { session, header, user in
    let state = unsafe H2Library.state(user)
    let header = unsafe header!.pointee
    let isAsked = UInt32(header.type) == NGHTTP2_HEADERS.rawValue || UInt32(header.type) == NGHTTP2_DATA.rawValue
    let isForOpenStream = unsafe isAsked && nghttp2_session_find_stream(session, header.stream_id) != nil
    return unsafe state.pointee.frameBegins(header, isForOpenStream) ? 0 : CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)
  }

  /// A frame that was answered with a reset.
  private static let frameRefused: nghttp2_on_invalid_frame_recv_callback = { session, frame, _, user in
    let state = unsafe H2Library.state(user)
    unsafe state.pointee.patience.spend(.resets, H2Patience.resetCost)
    let header = unsafe frame!.pointee.hd
    if let slot = unsafe H2Library.slot(session, header.stream_id) { unsafe state.pointee.frameRefused(slot, header) }
    return 0
  }

  private static let beginHeaders: nghttp2_on_begin_headers_callback = { session, frame, user in
    let state = unsafe H2Library.state(user)
    let id = unsafe frame!.pointee.hd.stream_id
    if let slot = unsafe H2Library.slot(session, id) {
      unsafe state.pointee.assembly.begin(slot: slot, isTrailers: state.pointee.streams[slot].hasFinalHead)
      return 0
    }
    guard unsafe state.pointee.role == .server else { return 0 }
    let slot = unsafe state.pointee.takeSlot(id)
    unsafe nghttp2_session_set_stream_user_data(session, id, UnsafeMutableRawPointer(bitPattern: slot + 1))
    unsafe state.pointee.assembly.begin(slot: slot, isTrailers: false)
    return 0
  }

  private static let field: nghttp2_on_header_callback = { _, _, name, nameCount, value, valueCount, _, user in
    let state = unsafe H2Library.state(user)
    let name = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: name, count: nameCount))
    let value = unsafe Span(_unsafeElements: UnsafeBufferPointer(start: value, count: valueCount))
    if unsafe state.pointee.role == .server {
      unsafe state.pointee.assembly.addToRequest(name, value, state.pointee.settings)
    } else {
      unsafe state.pointee.assembly.addToResponse(name, value, state.pointee.settings)
    }
    return 0
  }

  /// A field that the library would silently drop: what we do not understand is refused instead.
  private static let invalidField: nghttp2_on_invalid_header_callback = { _, _, _, _, _, _, _, user in
    unsafe H2Library.state(user).pointee.assembly.fail(.requestMalformed(.fieldValue))
    return 0
  }

  private static let frameReceived: nghttp2_on_frame_recv_callback = { session, frame, user in
    let state = unsafe H2Library.state(user)
    let header = unsafe frame!.pointee.hd
    let endsStream = header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch UInt32(header.type) {
    case NGHTTP2_HEADERS.rawValue:
      guard let slot = unsafe H2Library.slot(session, header.stream_id) else { return 0 }
      unsafe state.pointee.headComplete(slot, endsStream: endsStream)
    case NGHTTP2_DATA.rawValue:
      if endsStream, let slot = unsafe H2Library.slot(session, header.stream_id) {
        unsafe state.pointee.batch.events.append(.ended(slot: slot))
      }
    case NGHTTP2_SETTINGS.rawValue:
      if header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0 {
        unsafe state.pointee.hasPeerSettings = true
        unsafe state.pointee.batch.events.append(.settings)
      }
    case NGHTTP2_GOAWAY.rawValue:
      let goAway = unsafe frame!.pointee.goaway
      unsafe state.pointee.batch.events.append(.goingAway(lastStream: goAway.last_stream_id, code: goAway.error_code))
    default: break
    }
    return 0
  }

  private static let contentReceived: nghttp2_on_data_chunk_recv_callback = { session, _, id, data, count, user in
    let state = unsafe H2Library.state(user)
    if unsafe state.pointee.role == .client { unsafe nghttp2_session_consume_connection(session, count) }
    if count > 0 { unsafe state.pointee.patience.earn(1) }
    guard let slot = unsafe H2Library.slot(session, id), let data = unsafe data, let base = unsafe state.pointee.inputBase else {
      return 0
    }
    unsafe state.pointee.streams[slot].unconsumedByteCount += count
    unsafe state.pointee.batch.events.append(.content(slot: slot, offset: data - base, count: count))
    return 0
  }

  private static let streamClosed: nghttp2_on_stream_close_callback = { session, id, code, user in
    let state = unsafe H2Library.state(user)
    guard let slot = unsafe H2Library.slot(session, id) else { return 0 }
    unsafe state.pointee.streamCloses(slot, code)
    unsafe state.pointee.batch.events.append(.closed(slot: slot, code: code))
    return 0
  }

  private static let frameSent: nghttp2_on_frame_send_callback = { _, frame, user in
    if unsafe UInt32(frame!.pointee.hd.type) == NGHTTP2_HEADERS.rawValue { unsafe H2Library.state(user).pointee.pendingHeads.settled() }
    return 0
  }

  private static let frameNotSent: nghttp2_on_frame_not_send_callback = { _, frame, _, user in
    if unsafe UInt32(frame!.pointee.hd.type) == NGHTTP2_HEADERS.rawValue { unsafe H2Library.state(user).pointee.pendingHeads.settled() }
    return 0
  }

  /// Says how much of a stream's queue goes into the next DATA frame; ``sendContent`` then writes it.
  static let readContent: nghttp2_data_source_read_callback = { session, id, _, limit, flags, source, user in
    let state = unsafe H2Library.state(user)
    let slot = unsafe Int(bitPattern: source!.pointee.ptr) - 1
    let queued = unsafe state.pointee.streams[slot].queuedByteCount
    let isEnded = unsafe state.pointee.streams[slot].isSendingEnded
    if queued == 0, !isEnded {
      unsafe state.pointee.streams[slot].isDeferred = true
      return Int(NGHTTP2_ERR_DEFERRED.rawValue)
    }
    let count = min(queued, limit)
    if count > 0 { unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue }
    if isEnded, count == queued {
      unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_EOF.rawValue
      if unsafe state.pointee.streams[slot].hasTrailers {
        unsafe flags!.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
        unsafe state.pointee.submitTrailers(session!, slot)
      }
    }
    return count
  }

  /// Writes one DATA frame straight from the stream's queue into the output. Nothing of ours pads.
  private static let sendContent: nghttp2_send_data_callback = { _, _, header, count, source, user in
    let state = unsafe H2Library.state(user)
    if unsafe state.pointee.output.count >= state.pointee.outputLimitBytes { return CInt(NGHTTP2_ERR_WOULDBLOCK.rawValue) }
    let slot = unsafe Int(bitPattern: source!.pointee.ptr) - 1
    unsafe state.pointee.output.append(contentsOf: UnsafeBufferPointer(start: header, count: 9))
    unsafe state.pointee.sendQueued(slot, count)
    return 0
  }
}

extension H2SessionState {
  mutating func sendQueued(_ slot: Int, _ count: Int) {
    let start = streams[slot].queueStart
    streams[slot].queue.withSpan(start..<(start + count)) { output.append(copying: $0) }
    streams[slot].queueStart = start + count
    queuedByteCount -= count
    patience.earn(Int32(truncatingIfNeeded: count >> 10))
    if streams[slot].queuedByteCount == 0 {
      // Not held back by a window: the peer may acknowledge it in two of them, and measure by a PING.
      patience.earn(4)
      streams[slot].queue.removeAll(keepingCapacity: true)
      streams[slot].queueStart = 0
    } else if streams[slot].queueStart >= 64 * 1024 {
      streams[slot].queue.removeSubrange(0..<streams[slot].queueStart)
      streams[slot].queueStart = 0
    }
    noteProgress(slot, count)
  }

  /// A complete header section: what it is depends on the side and on what came before.
  mutating func headComplete(_ slot: Int, endsStream: Bool) {
    assembly.isUnderWay = false
    if assembly.failure == .headerSectionTooLarge { patience.spend(.headerSections, H2Patience.sectionCost) }
    if streams[slot].hasFinalHead {
      // Without it the message would look complete: a gRPC status may stand there.
      if let failure = assembly.failure {
        return batch.events.append(role == .server ? .trailersRefused(slot: slot, failure) : .responseRefused(slot: slot))
      }
      let index = role == .server ? batch.keepTrailers(&assembly.request.fields) : batch.keepTrailers(&assembly.response.fields)
      batch.events.append(.trailers(slot: slot, head: index))
      return
    }
    switch role {
    case .server:
      streams[slot].hasFinalHead = true
      assembly.completeRequest(endsStream: endsStream)
      let failure = assembly.failure
      let index = batch.keep(&assembly.request)
      if let failure {
        batch.events.append(.refused(slot: slot, head: index, failure))
      } else {
        batch.events.append(.request(slot: slot, head: index, endsStream: endsStream))
      }
    case .client:
      assembly.completeResponse()
      guard assembly.failure == nil, assembly.response.status != 0 else {
        batch.events.append(.responseRefused(slot: slot))
        return
      }
      if !assembly.response.isInterim { streams[slot].hasFinalHead = true }
      let index = batch.keep(&assembly.response)
      batch.events.append(.response(slot: slot, head: index, endsStream: endsStream))
    }
  }
}

extension H2SessionState {
  /// False when the connection is to end: for `fault`, or because the peer has used up all patience.
  mutating func frameBegins(_ header: nghttp2_frame_hd, _ isForOpenStream: Bool) -> Bool {
    switch UInt32(header.type) {
    case NGHTTP2_CONTINUATION.rawValue:
      patience.spend(.continuations)
      return !patience.isExhausted
    case NGHTTP2_DATA.rawValue:
      // Content earns it back; that of a stream which we have reset is not looked at, and was under way.
      if !isForOpenStream, header.length >= 128 { return true }
      if header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) == 0 { patience.spend(.emptyData) }
    case NGHTTP2_HEADERS.rawValue:
      // The library knows what to say of stream 0 and of even ones.
      if !isForOpenStream, header.stream_id & 1 == 1 { fault = knownStreams.fault(ofHeadersFor: header.stream_id) }
    case NGHTTP2_PRIORITY.rawValue:
      // Ignored by the library since we announce that we know no priorities (RFC 9113 §6.3).
      if header.stream_id == 0 { fault = H2ErrorCode.protocolError }
      patience.spend(.priorities)
    case NGHTTP2_RST_STREAM.rawValue: patience.spend(.resets)
    case NGHTTP2_SETTINGS.rawValue: patience.spend(.settings)
    case NGHTTP2_PING.rawValue: patience.spend(.pings)
    case NGHTTP2_WINDOW_UPDATE.rawValue: patience.spend(.windowUpdates)
    default: patience.spend(.others)
    }
    // Between the frames of a section no other frame can begin.
    assembly.isUnderWay = false
    return fault == nil && !patience.isExhausted
  }

  /// The library resets the stream for this frame: the log is to say what became of the request.
  mutating func frameRefused(_ slot: Int, _ header: nghttp2_frame_hd) {
    guard !streams[slot].isReset, streams[slot].violation == nil else { return }
    guard UInt32(header.type) == NGHTTP2_HEADERS.rawValue, !streams[slot].hasFinalHead else {
      streams[slot].violation = .malformedStream
      return
    }
    assembly.isUnderWay = false
    let error = assembly.refusedHead(endsStream: header.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0)
    streams[slot].hasFinalHead = true
    streams[slot].violation = error.violation
    let index = batch.keep(&assembly.request)
    batch.events.append(.malformed(slot: slot, head: index, error))
  }

  mutating func streamCloses(_ slot: Int, _ code: UInt32) {
    streams[slot].isClosed = true
    if assembly.slot == slot { assembly.isUnderWay = false }
    guard role == .server else { return }
    // What came up while input was read, the peer has said. Of a stream that we reset it may have more under way.
    let isLocal = unsafe inputBase == nil
    let isOfPeer = !isLocal || code == H2ErrorCode.noError && !streams[slot].isReset
    if isOfPeer { knownStreams.endedByPeer(streams[slot].id) }
    // Of DATA frames the library says nothing; what it finds wrong with them is their sum.
    if isLocal, code == H2ErrorCode.protocolError, !streams[slot].isReset, streams[slot].violation == nil {
      streams[slot].violation = .contentLengthUnmet
    }
    if code == H2ErrorCode.noError {
      patience.earn(2)
    } else if !streams[slot].isReset {
      patience.spend(.resets, H2Patience.resetCost)
    }
  }
}

extension Array where Element == UInt8 {
  func withSpan(_ range: Range<Int>, _ body: (Span<UInt8>) -> Void) { body(span.extracting(range)) }
}
