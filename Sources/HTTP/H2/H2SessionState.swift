internal import CNGHTTP2

/// What the library's callbacks work on: it stands at a fixed address, the session hands that address to the library.
@safe struct H2SessionState: ~Copyable {
  let role: H2Session.Role
  let settings: H2Settings
  var batch = H2Batch()
  var streams: [H2Stream] = []
  private var freeSlots: [Int] = []
  private(set) var usedCount = 0
  private var progress: [Int] = []
  /// Of all streams.
  var queuedByteCount = 0

  // While input is read.
  var inputBase: UnsafePointer<UInt8>?
  var assembly = H2HeadAssembly()
  var patience = H2Patience()
  var knownStreams = H2KnownStreams()
  /// The error code of a frame that ends the connection for a reason the library does not know.
  var fault: UInt32?
  /// The first SETTINGS of the peer, with which its preface ends.
  var hasPeerSettings = false

  // While output is made.
  var output: [UInt8] = []
  var outputLimitBytes = 0

  private var nameValues: UnsafeMutablePointer<nghttp2_nv>
  private var nameValueCapacity = 64
  private var trailerSections: [Int: FieldSection] = [:]
  var pendingHeads = H2PendingHeads()

  /// Shared with other sessions; it outlives this one.
  let memory: H2SessionMemory

  init(role: H2Session.Role, settings: H2Settings, memory: H2SessionMemory) {
    self.memory = memory
    self.role = role
    self.settings = settings
    unsafe inputBase = nil
    unsafe nameValues = .allocate(capacity: 64)
  }

  deinit { unsafe nameValues.deallocate() }

  // MARK: Slots

  mutating func takeSlot(_ id: Int32) -> Int {
    usedCount += 1
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
    } else {
      slot = streams.count
      streams.append(H2Stream())
    }
    streams[slot].id = id
    streams[slot].isUsed = true
    return slot
  }

  mutating func releaseSlot(_ slot: Int, leaving queue: inout [UInt8]) {
    guard streams[slot].isUsed else { return }
    usedCount -= 1
    if streams[slot].hasTrailers { trailerSections[slot] = nil }
    queuedByteCount -= streams[slot].queuedByteCount
    swap(&queue, &streams[slot].queue)
    streams[slot] = H2Stream()
    freeSlots.append(slot)
    guard usedCount == 0 else { return }
    // An idle session keeps little: 32 slots are 3 KiB.
    if streams.count > 32 {
      streams = []
      freeSlots = []
    }
    pendingHeads.trim()
  }

  mutating func noteProgress(_ slot: Int, _ count: Int) {
    streams[slot].sentByteCount += count
    if !streams[slot].isInProgressList {
      streams[slot].isInProgressList = true
      progress.append(slot)
    }
  }

  mutating func takeProgress() -> (slot: Int, byteCount: Int)? {
    while let slot = progress.popLast() {
      // A slot may have been released, and taken again, since.
      guard slot < streams.count, streams[slot].isInProgressList else { continue }
      let count = streams[slot].sentByteCount
      streams[slot].isInProgressList = false
      streams[slot].sentByteCount = 0
      return (slot, count)
    }
    return nil
  }

  mutating func keepTrailers(_ slot: Int, _ trailers: borrowing FieldSection) {
    trailerSections[slot] = copy trailers
    streams[slot].hasTrailers = true
  }

  func trailers(_ slot: Int) -> FieldSection { trailerSections[slot] ?? FieldSection() }

  // MARK: Submitting

  private mutating func reserve(_ count: Int) {
    guard count > nameValueCapacity else { return }
    unsafe nameValues.deallocate()
    unsafe nameValues = .allocate(capacity: count)
    nameValueCapacity = count
  }

  /// The library copies neither: both lie in ``pendingHeads``, or are there for ever.
  private static func pair(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, isIndexed: Bool = true
  ) -> nghttp2_nv {
    var flags = NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue | NGHTTP2_NV_FLAG_NO_COPY_VALUE.rawValue
    if !isIndexed { flags |= NGHTTP2_NV_FLAG_NO_INDEX.rawValue }
    return unsafe nghttp2_nv(
      name: UnsafeMutablePointer(mutating: name.baseAddress), value: UnsafeMutablePointer(mutating: value.baseAddress),
      namelen: name.count, valuelen: value.count, flags: UInt8(truncatingIfNeeded: flags))
  }

  private static func pseudo(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  private mutating func keep(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(pendingHeads.store(bytes))
  }

  /// Lays the lines out as the library wants them, behind `first` pairs that are there already.
  private mutating func fill(
    _ bytes: UnsafeBufferPointer<UInt8>, _ lines: [FieldLine], after first: Int, omitsHopFields: Bool = false
  ) -> Int {
    var count = first
    for line in lines {
      if omitsHopFields, line.known == .host || line.known.isConnectionSpecific && line.known != .te { continue }
      unsafe nameValues[count] = Self.pair(
        UnsafeBufferPointer(rebasing: bytes[line.name.range]), UnsafeBufferPointer(rebasing: bytes[line.value.range]),
        // Never the same twice: it would only push others out of the table (RFC 7541 §6.2.2).
        isIndexed: line.known != .traceparent)
      count += 1
    }
    return count
  }

  private mutating func putStatus(_ status: UInt16) {
    let digits: InlineArray<3, UInt8> = [
      48 + UInt8(truncatingIfNeeded: status / 100), 48 + UInt8(truncatingIfNeeded: status / 10 % 10),
      48 + UInt8(truncatingIfNeeded: status % 10),
    ]
    unsafe digits.span.withUnsafeBufferPointer { digits in
      unsafe nameValues[0] = Self.pair(Self.pseudo(":status"), keep(digits))
    }
  }

  private static func provider(_ slot: Int) -> nghttp2_data_provider {
    unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: UnsafeMutableRawPointer(bitPattern: slot + 1)), read_callback: H2Library.readContent)
  }

  mutating func submitResponse(
    _ session: OpaquePointer, _ slot: Int, _ status: UInt16, _ fields: borrowing FieldSection, endsStream: Bool
  ) -> Bool {
    reserve(fields.lines.count + 1)
    putStatus(status)
    let id = streams[slot].id
    let bytes = unsafe fields.bytes.withUnsafeBufferPointer { unsafe keep($0) }
    let count = unsafe fill(bytes, fields.lines, after: 1)
    var result: CInt
    if endsStream {
      result = unsafe nghttp2_submit_response(session, id, nameValues, count, nil)
    } else {
      var provider = unsafe Self.provider(slot)
      result = unsafe nghttp2_submit_response(session, id, nameValues, count, &provider)
    }
    pendingHeads.submitted(result == 0)
    return result == 0
  }

  mutating func submitInterim(_ session: OpaquePointer, _ slot: Int, _ status: UInt16, _ fields: borrowing FieldSection) -> Bool {
    reserve(fields.lines.count + 1)
    putStatus(status)
    let bytes = unsafe fields.bytes.withUnsafeBufferPointer { unsafe keep($0) }
    let count = unsafe fill(bytes, fields.lines, after: 1)
    let result = unsafe nghttp2_submit_headers(
      session, UInt8(NGHTTP2_FLAG_NONE.rawValue), streams[slot].id, nil, nameValues, count, nil)
    pendingHeads.submitted(result == 0)
    return result == 0
  }

  mutating func submitTrailers(_ session: OpaquePointer, _ slot: Int) {
    let section = trailers(slot)
    reserve(section.lines.count)
    let bytes = unsafe section.bytes.withUnsafeBufferPointer { unsafe keep($0) }
    let count = unsafe fill(bytes, section.lines, after: 0)
    let result = unsafe nghttp2_submit_trailer(session, streams[slot].id, nameValues, count)
    pendingHeads.submitted(result == 0)
  }

  mutating func submitRequest(
    _ session: OpaquePointer, _ head: borrowing RequestHead, _ lines: [FieldLine], omitsHopFields: Bool,
    scheme: StaticString, authority: Span<UInt8>, endsStream: Bool, owner: UInt64
  ) -> Int? {
    reserve(lines.count + 5)
    let slot = takeSlot(0)
    // A WebSocket over either version downstream is an extended CONNECT here (RFC 8441 §5).
    let isExtendedConnect = !head.upgradeProtocol.isEmpty
    let bytes = unsafe head.fields.bytes.withUnsafeBufferPointer { unsafe keep($0) }
    let keptAuthority = unsafe authority.withUnsafeBufferPointer { unsafe keep($0) }
    unsafe nameValues[0] = Self.pair(
      Self.pseudo(":method"),
      isExtendedConnect ? Self.pseudo("CONNECT") : UnsafeBufferPointer(rebasing: bytes[head.methodName.range]))
    unsafe nameValues[1] = Self.pair(Self.pseudo(":scheme"), Self.pseudo(scheme))
    unsafe nameValues[2] = Self.pair(Self.pseudo(":authority"), keptAuthority)
    unsafe nameValues[3] = Self.pair(Self.pseudo(":path"), UnsafeBufferPointer(rebasing: bytes[head.target.range]))
    var first = 4
    if isExtendedConnect {
      unsafe nameValues[4] = Self.pair(Self.pseudo(":protocol"), Self.pseudo("websocket"))
      first = 5
    }
    let count = unsafe fill(bytes, lines, after: first, omitsHopFields: omitsHopFields)
    let user = unsafe UnsafeMutableRawPointer(bitPattern: slot + 1)
    let result: Int32
    if endsStream {
      result = unsafe nghttp2_submit_request(session, nil, nameValues, count, nil, user)
    } else {
      var provider = unsafe Self.provider(slot)
      result = unsafe nghttp2_submit_request(session, nil, nameValues, count, &provider, user)
    }
    pendingHeads.submitted(result > 0)
    guard result > 0 else {
      var queue: [UInt8] = []
      releaseSlot(slot, leaving: &queue)
      return nil
    }
    streams[slot].id = result
    streams[slot].owner = owner
    return slot
  }
}
