internal import CNGHTTP2

/// One HTTP/2 connection as a byte transformer (RFC 9113): bytes in, events out; submissions in, bytes out. Owns one
/// nghttp2 session; framing, HPACK, flow-control accounting and stream states are the library's.
@safe public struct H2Session: ~Copyable {
  public enum Role: Sendable { case server, client }

  let session: OpaquePointer
  let state: UnsafeMutablePointer<H2SessionState>

  public init(_ role: Role, _ settings: H2Settings, memory: H2SessionMemory = H2SessionMemory()) {
    unsafe state = .allocate(capacity: 1)
    unsafe state.initialize(to: H2SessionState(role: role, settings: settings, memory: memory))
    unsafe session = H2Library.makeSession(role, settings, state)
    submitSettings(role, settings)
  }

  deinit {
    unsafe nghttp2_session_del(session)
    unsafe state.deinitialize(count: 1)
    unsafe state.deallocate()
  }

  private func submitSettings(_ role: Role, _ settings: H2Settings) {
    var entries = [
      nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE.rawValue), value: settings.streamWindowBytes),
      nghttp2_settings_entry(
        settings_id: CInt(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE.rawValue), value: UInt32(clamping: settings.limits.headerSectionBytes)),
    ]
    switch role {
    case .server:
      entries.append(nghttp2_settings_entry(
        settings_id: CInt(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS.rawValue), value: settings.concurrentStreamCount))
      // Priorities of RFC 7540 are deprecated; without them the library keeps no tree of streams.
      entries.append(nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES.rawValue), value: 1))
      if settings.offersConnectProtocol {
        entries.append(nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL.rawValue), value: 1))
      }
    case .client:
      entries.append(nghttp2_settings_entry(settings_id: CInt(NGHTTP2_SETTINGS_ENABLE_PUSH.rawValue), value: 0))
    }
    unsafe nghttp2_submit_settings(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), entries, entries.count)
    unsafe nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, settings.connectionWindowBytes)
  }

  // MARK: Receiving

  /// Feeds bytes of the peer. `batch` is emptied and filled; content events are ranges of `bytes`.
  /// - Throws: when the connection is lost for HTTP/2; what happened before it is still in `batch`.
  public mutating func receive(_ bytes: Span<UInt8>, into batch: inout H2Batch) throws(H2ConnectionError) {
    batch.reset()
    unsafe swap(&batch, &state.pointee.batch)
    let result = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe state.pointee.inputBase = buffer.baseAddress
      return unsafe nghttp2_session_mem_recv(session, buffer.baseAddress, buffer.count)
    }
    unsafe state.pointee.inputBase = nil
    unsafe swap(&batch, &state.pointee.batch)
    if result >= 0 { return }
    switch CInt(result) {
    case CInt(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue): throw .badPreface
    case CInt(NGHTTP2_ERR_FLOODED.rawValue), CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue):
      if let fault = unsafe state.pointee.fault {
        unsafe nghttp2_session_terminate_session(session, fault)
        throw .failed("a frame for a stream that cannot have it")
      }
      unsafe nghttp2_session_terminate_session(session, H2ErrorCode.enhanceYourCalm)
      throw unsafe .flooded(state.pointee.patience.worst)
    case CInt(NGHTTP2_ERR_TOO_MANY_CONTINUATIONS.rawValue):
      unsafe nghttp2_session_terminate_session(session, H2ErrorCode.enhanceYourCalm)
      throw .flooded(.continuations)
    default:
      unsafe nghttp2_session_terminate_session(session, H2ErrorCode.protocolError)
      throw unsafe .failed(String(cString: nghttp2_strerror(CInt(result))))
    }
  }

  /// The peer has begun its preface or a header section and owes the rest: nothing else can be read meanwhile.
  public var isReadingSection: Bool { unsafe state.pointee.assembly.isUnderWay || !state.pointee.hasPeerSettings }

  /// Lets time make up for what the peer has cost; to be called before ``receive(_:into:)``.
  public mutating func heal(atNanoseconds now: Int64) { unsafe state.pointee.patience.heal(atNanoseconds: now) }

  /// Gives `count` bytes of received content back to the stream's and the connection's window.
  public mutating func consume(_ slot: Int, _ count: Int) {
    let given = unsafe min(count, state.pointee.streams[slot].unconsumedByteCount)
    guard given > 0 else { return }
    unsafe state.pointee.streams[slot].unconsumedByteCount -= given
    // Upstream, the connection's window was given back on arrival: one slow reader must not hold up the others.
    if unsafe state.pointee.role == .server { unsafe nghttp2_session_consume_connection(session, given) }
    if unsafe !state.pointee.streams[slot].isClosed {
      unsafe nghttp2_session_consume_stream(session, state.pointee.streams[slot].id, given)
    }
  }

  /// From now on the stream's window is so large (RFC 9113 §6.9). What the peer may send already it may send; a smaller
  /// window is reached by giving back less.
  public mutating func resizeWindow(_ slot: Int, _ bytes: Int) {
    if unsafe state.pointee.streams[slot].isClosed { return }
    unsafe nghttp2_session_set_local_window_size(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), state.pointee.streams[slot].id, Int32(clamping: bytes))
  }

  // MARK: Streams

  @inline(__always) public func owner(_ slot: Int) -> UInt64 { unsafe state.pointee.streams[slot].owner }
  public mutating func setOwner(_ slot: Int, _ owner: UInt64) { unsafe state.pointee.streams[slot].owner = owner }

  /// Why the library reset the stream, where its request was malformed.
  public func violation(_ slot: Int) -> Violation? { unsafe state.pointee.streams[slot].violation }

  public func isClosed(_ slot: Int) -> Bool { unsafe state.pointee.streams[slot].isClosed }
  public func streamID(_ slot: Int) -> Int32 { unsafe state.pointee.streams[slot].id }

  /// Forgets a stream. What was the send queue of a closed one is handed out, for its memory: a session keeps none.
  ///
  /// One that is not closed yet, because its reset has not left, belongs to nobody from now on and is to be released
  /// again after its `closed` event. Until then the library knows it by its slot, which no other stream may have.
  public mutating func release(_ slot: Int, leaving queue: inout [UInt8]) {
    let left = unsafe state.pointee.streams[slot].unconsumedByteCount
    if left > 0 { consume(slot, left) }
    guard unsafe state.pointee.streams[slot].isClosed else { return setOwner(slot, 0) }
    unsafe state.pointee.releaseSlot(slot, leaving: &queue)
  }

  /// Streams that are open or whose end has not been released.
  public var streamCount: Int { unsafe state.pointee.usedCount }

  /// The owners of all streams that are not released.
  public func owners() -> [UInt64] { unsafe state.pointee.streams.filter(\.isUsed).map(\.owner) }

  // MARK: Submitting

  /// - Returns: false if the stream is gone already.
  public mutating func submitResponse(_ slot: Int, status: UInt16, fields: borrowing FieldSection, endsStream: Bool) -> Bool {
    if unsafe state.pointee.streams[slot].isClosed { return false }
    return unsafe state.pointee.submitResponse(session, slot, status, fields, endsStream: endsStream)
  }

  /// A 1xx response (RFC 9110 §15.2).
  public mutating func submitInterim(_ slot: Int, status: UInt16, fields: borrowing FieldSection) -> Bool {
    if unsafe state.pointee.streams[slot].isClosed { return false }
    return unsafe state.pointee.submitInterim(session, slot, status, fields)
  }

  /// Opens a stream for a request. `lines` are positions in the head's arena; they are copied before this returns.
  /// - Parameter omitsHopFields: leaves out `host` and, but for `te`, what is connection-specific.
  /// - Returns: its slot, or nil when the session takes no more streams.
  public mutating func submitRequest(
    _ head: borrowing RequestHead, lines: [FieldLine], omitsHopFields: Bool = false, scheme: StaticString, authority: Span<UInt8>,
    endsStream: Bool, owner: UInt64
  ) -> Int? {
    unsafe state.pointee.submitRequest(
      session, head, lines, omitsHopFields: omitsHopFields, scheme: scheme, authority: authority, endsStream: endsStream,
      owner: owner)
  }

  /// Queues content. Nothing is refused here: the owner bounds what it queues by ``queuedByteCount(_:)``.
  public mutating func write(_ slot: Int, _ content: Span<UInt8>) {
    unsafe state.pointee.streams[slot].queue.append(copying: content)
    unsafe state.pointee.queuedByteCount += content.count
    resume(slot)
  }

  /// Queues content that begins at `start` and leaves nothing behind; costs no copy when nothing was queued.
  public mutating func write(_ slot: Int, taking content: inout [UInt8], from start: inout Int) {
    unsafe state.pointee.queuedByteCount += content.count - start
    if unsafe state.pointee.streams[slot].queuedByteCount == 0 {
      unsafe swap(&content, &state.pointee.streams[slot].queue)
      unsafe swap(&start, &state.pointee.streams[slot].queueStart)
    } else {
      content.withSpan(start..<content.count) { unsafe state.pointee.streams[slot].queue.append(copying: $0) }
    }
    content.removeAll(keepingCapacity: true)
    start = 0
    resume(slot)
  }

  /// No more content; with fields, they follow as the trailer section.
  public mutating func finish(_ slot: Int, trailers: borrowing FieldSection) {
    if !trailers.lines.isEmpty { unsafe state.pointee.keepTrailers(slot, trailers) }
    unsafe state.pointee.streams[slot].isSendingEnded = true
    resume(slot)
  }

  private func resume(_ slot: Int) {
    guard unsafe state.pointee.streams[slot].isDeferred else { return }
    unsafe state.pointee.streams[slot].isDeferred = false
    unsafe nghttp2_session_resume_data(session, state.pointee.streams[slot].id)
  }

  public func queuedByteCount(_ slot: Int) -> Int { unsafe state.pointee.streams[slot].queuedByteCount }

  /// Content of all streams that waits to be sent, in bytes.
  public var queuedByteCount: Int { unsafe state.pointee.queuedByteCount }

  /// END_STREAM is among what ``produce(into:limitBytes:batch:)`` has made.
  public func hasSentEnd(_ slot: Int) -> Bool {
    unsafe !state.pointee.streams[slot].isClosed
      && nghttp2_session_get_stream_local_close(session, state.pointee.streams[slot].id) == 1
  }

  /// RST_STREAM (RFC 9113 §6.4).
  public mutating func reset(_ slot: Int, code: UInt32) {
    if unsafe state.pointee.streams[slot].isClosed { return }
    unsafe state.pointee.streams[slot].isReset = true
    unsafe nghttp2_submit_rst_stream(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), state.pointee.streams[slot].id, code)
  }

  // MARK: Sending

  /// Appends frames to `output` until nothing is left to send or `limitBytes` is passed. Streams whose content moved are
  /// reported by ``takeProgress(_:)``; streams closed by what was sent come up as events in `batch`, which is emptied first.
  /// - Returns: whether more is waiting.
  public mutating func produce(into output: inout [UInt8], limitBytes: Int, batch: inout H2Batch) throws(H2ConnectionError) -> Bool {
    batch.reset()
    unsafe swap(&batch, &state.pointee.batch)
    unsafe swap(&output, &state.pointee.output)
    unsafe state.pointee.outputLimitBytes = limitBytes
    var failure: CInt = 0
    var isMore = false
    while true {
      if unsafe state.pointee.output.count >= limitBytes {
        isMore = true
        break
      }
      var data: UnsafePointer<UInt8>?
      let count = unsafe nghttp2_session_mem_send(session, &data)
      if count < 0 {
        failure = CInt(count)
        break
      }
      guard count > 0, let data = unsafe data else {
        isMore = unsafe state.pointee.output.count >= limitBytes
        break
      }
      unsafe state.pointee.output.append(contentsOf: UnsafeBufferPointer(start: data, count: count))
    }
    unsafe swap(&output, &state.pointee.output)
    unsafe swap(&batch, &state.pointee.batch)
    if failure != 0 { throw unsafe .failed(String(cString: nghttp2_strerror(failure))) }
    return isMore
  }

  /// The next stream whose content was sent since it was last asked for, with the number of bytes.
  public mutating func takeProgress() -> (slot: Int, byteCount: Int)? {
    unsafe state.pointee.takeProgress()
  }

  // MARK: The connection

  public var wantsToWrite: Bool { unsafe nghttp2_session_want_write(session) != 0 }

  /// Nothing more will be read or written: close.
  public var isFinished: Bool {
    unsafe nghttp2_session_want_read(session) == 0 && nghttp2_session_want_write(session) == 0
  }

  /// First step of a graceful shutdown: GOAWAY with the highest stream ID (RFC 9113 §6.8).
  public mutating func announceShutdown() { unsafe nghttp2_submit_shutdown_notice(session) }

  /// GOAWAY with the last stream that was taken on; later streams of the peer are ignored.
  public mutating func goAway(code: UInt32) {
    let last = unsafe nghttp2_session_get_last_proc_stream_id(session)
    unsafe nghttp2_submit_goaway(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code, nil, 0)
  }

  /// GOAWAY, and the session ends as soon as it is flushed.
  public mutating func terminate(code: UInt32) { unsafe nghttp2_session_terminate_session(session, code) }

  public mutating func ping() { unsafe nghttp2_submit_ping(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

  /// Of the peer's SETTINGS: how many streams we may have open with it.
  public var remoteConcurrentStreamCount: UInt32 {
    unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS)
  }

  /// The peer accepts extended CONNECT (RFC 8441).
  public var remoteOffersConnectProtocol: Bool {
    unsafe nghttp2_session_get_remote_settings(session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1
  }

  /// False once the peer said GOAWAY or stream IDs ran out.
  public var acceptsRequests: Bool { unsafe nghttp2_session_check_request_allowed(session) != 0 }
}
