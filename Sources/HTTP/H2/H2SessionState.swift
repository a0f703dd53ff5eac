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

  // While input is read.
  var inputBase: UnsafePointer<UInt8>?
  var assembly = H2HeadAssembly()

  // While output is made.
  var output: [UInt8] = []
  var outputLimitBytes = 0

  private var nameValues: UnsafeMutablePointer<nghttp2_nv>
  private var nameValueCapacity = 64
  private var trailerSections: [Int: FieldSection] = [:]
  private var statusDigits: [UInt8] = [0, 0, 0]

  init(role: H2Session.Role, settings: H2Settings) {
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

  mutating func releaseSlot(_ slot: Int) {
    guard streams[slot].isUsed else { return }
    usedCount -= 1
    if streams[slot].hasTrailers { trailerSections[slot] = nil }
    var queue: [UInt8] = []
    swap(&queue, &streams[slot].queue)
    streams[slot] = H2Stream()
    // A queue that grew large goes back to the allocator; an idle session keeps none.
    if usedCount > 0, queue.capacity <= 16 * 1024 {
      queue.removeAll(keepingCapacity: true)
      swap(&queue, &streams[slot].queue)
    }
    freeSlots.append(slot)
    if usedCount == 0, streams.count > 8 {
      streams = []
      freeSlots = []
    }
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

  static func pair(
    _ name: UnsafeBufferPointer<UInt8>, _ value: UnsafeBufferPointer<UInt8>, isIndexed: Bool = true
  ) -> nghttp2_nv {
    // The library copies both; the pointers only have to live until the submission returns.
    unsafe nghttp2_nv(
      name: UnsafeMutablePointer(mutating: name.baseAddress), value: UnsafeMutablePointer(mutating: value.baseAddress),
      namelen: name.count, valuelen: value.count,
      flags: UInt8(truncatingIfNeeded: isIndexed ? NGHTTP2_NV_FLAG_NONE.rawValue : NGHTTP2_NV_FLAG_NO_INDEX.rawValue))
  }

  private static func pseudo(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
  }

  /// Lays the lines out as the library wants them, behind `first` pairs that are there already.
  private mutating func fill(_ bytes: UnsafeBufferPointer<UInt8>, _ lines: [FieldLine], after first: Int) -> Int {
    var count = first
    for line in lines {
      unsafe nameValues[count] = Self.pair(
        UnsafeBufferPointer(rebasing: bytes[line.name.range]), UnsafeBufferPointer(rebasing: bytes[line.value.range]),
        // Never the same twice: it would only push others out of the table (RFC 7541 §6.2.2).
        isIndexed: line.known != .traceparent)
      count += 1
    }
    return count
  }

  private mutating func setStatus(_ status: UInt16) {
    statusDigits[0] = 48 + UInt8(truncatingIfNeeded: status / 100)
    statusDigits[1] = 48 + UInt8(truncatingIfNeeded: status / 10 % 10)
    statusDigits[2] = 48 + UInt8(truncatingIfNeeded: status % 10)
  }

  private static func provider(_ slot: Int) -> nghttp2_data_provider {
    unsafe nghttp2_data_provider(
      source: nghttp2_data_source(ptr: UnsafeMutableRawPointer(bitPattern: slot + 1)), read_callback: H2Library.readContent)
  }

  mutating func submitResponse(
    _ session: OpaquePointer, _ slot: Int, _ status: UInt16, _ fields: borrowing FieldSection, endsStream: Bool
  ) -> Bool {
    reserve(fields.lines.count + 1)
    setStatus(status)
    let id = streams[slot].id
    let lines = fields.lines
    let result = unsafe fields.bytes.withUnsafeBufferPointer { bytes in
      unsafe statusDigits.withUnsafeBufferPointer { digits in
        unsafe nameValues[0] = Self.pair(Self.pseudo(":status"), digits)
      }
      let count = unsafe fill(bytes, lines, after: 1)
      if endsStream { return unsafe nghttp2_submit_response(session, id, nameValues, count, nil) }
      var provider = unsafe Self.provider(slot)
      return unsafe nghttp2_submit_response(session, id, nameValues, count, &provider)
    }
    return result == 0
  }

  mutating func submitInterim(_ session: OpaquePointer, _ slot: Int, _ status: UInt16, _ fields: borrowing FieldSection) -> Bool {
    reserve(fields.lines.count + 1)
    setStatus(status)
    let id = streams[slot].id
    let lines = fields.lines
    let result = unsafe fields.bytes.withUnsafeBufferPointer { bytes in
      unsafe statusDigits.withUnsafeBufferPointer { digits in
        unsafe nameValues[0] = Self.pair(Self.pseudo(":status"), digits)
      }
      let count = unsafe fill(bytes, lines, after: 1)
      return unsafe nghttp2_submit_headers(session, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, nameValues, count, nil)
    }
    return result == 0
  }

  mutating func submitRequest(
    _ session: OpaquePointer, _ head: borrowing RequestHead, _ lines: [FieldLine], scheme: StaticString,
    authority: Span<UInt8>, endsStream: Bool, owner: UInt64
  ) -> Int? {
    reserve(lines.count + 5)
    let slot = takeSlot(0)
    // A WebSocket over either version downstream is an extended CONNECT here (RFC 8441 §5).
    let isExtendedConnect = !head.upgradeProtocol.isEmpty
    let methodName = head.methodName
    let target = head.target
    let result = unsafe head.fields.bytes.withUnsafeBufferPointer { bytes in
      unsafe authority.withUnsafeBufferPointer { authority in
        unsafe nameValues[0] = Self.pair(
          Self.pseudo(":method"),
          isExtendedConnect ? Self.pseudo("CONNECT") : UnsafeBufferPointer(rebasing: bytes[methodName.range]))
        unsafe nameValues[1] = Self.pair(Self.pseudo(":scheme"), Self.pseudo(scheme))
        unsafe nameValues[2] = Self.pair(Self.pseudo(":authority"), authority)
        unsafe nameValues[3] = Self.pair(Self.pseudo(":path"), UnsafeBufferPointer(rebasing: bytes[target.range]))
        var first = 4
        if isExtendedConnect {
          unsafe nameValues[4] = Self.pair(Self.pseudo(":protocol"), Self.pseudo("websocket"))
          first = 5
        }
        let count = unsafe fill(bytes, lines, after: first)
        let user = unsafe UnsafeMutableRawPointer(bitPattern: slot + 1)
        if endsStream { return unsafe nghttp2_submit_request(session, nil, nameValues, count, nil, user) }
        var provider = unsafe Self.provider(slot)
        return unsafe nghttp2_submit_request(session, nil, nameValues, count, &provider, user)
      }
    }
    guard result > 0 else {
      releaseSlot(slot)
      return nil
    }
    streams[slot].id = result
    streams[slot].owner = owner
    return slot
  }
}
