/// Bytes of header sections that are submitted and not yet framed. The library is handed pointers into it instead of
/// copying each name and value, so nothing in here moves, or goes, while a HEADERS frame may still be made of it.
@safe struct H2PendingHeads: ~Copyable {
  /// Pages double from the least to the largest size.
  private static var leastPageBytes: Int { 2 * 1024 }
  private static var largestPageBytes: Int { 16 * 1024 }

  private var pages: [UnsafeMutableBufferPointer<UInt8>]
  /// Bytes of the last page that are taken.
  private var usedCount = 0
  /// HEADERS frames that were submitted and neither sent nor given up.
  private var frameCount = 0

  init() { unsafe pages = [] }

  deinit { for unsafe page in unsafe pages { unsafe page.deallocate() } }

  /// A copy that stays where it is until no frame is pending.
  mutating func store(_ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeMutableBufferPointer<UInt8> {
    if unsafe pages.isEmpty || pages[pages.count - 1].count - usedCount < bytes.count {
      let doubled = unsafe pages.isEmpty ? Self.leastPageBytes : min(2 * pages[pages.count - 1].count, Self.largestPageBytes)
      unsafe pages.append(.allocate(capacity: max(doubled, bytes.count)))
      usedCount = 0
    }
    let page = unsafe pages[pages.count - 1]
    let copy = unsafe UnsafeMutableBufferPointer(rebasing: page[usedCount..<usedCount + bytes.count])
    _ = unsafe copy.initialize(fromContentsOf: bytes)
    usedCount += bytes.count
    return unsafe copy
  }

  /// The library took a HEADERS frame, or refused it.
  mutating func submitted(_ isTaken: Bool) {
    if isTaken { frameCount += 1 } else { reuse() }
  }

  /// A HEADERS frame is sent or will never be.
  mutating func settled() {
    if frameCount > 0 { frameCount -= 1 }
    reuse()
  }

  /// The last page, which is mostly the largest, stays for the next heads.
  private mutating func reuse() {
    guard frameCount == 0 else { return }
    usedCount = 0
    while unsafe pages.count > 1 { unsafe pages.removeFirst().deallocate() }
    if unsafe pages.count == 1 && pages[0].count > Self.largestPageBytes { unsafe pages.removeLast().deallocate() }
  }

  /// The session is idle: a small page is all that it keeps.
  mutating func trim() {
    guard frameCount == 0, unsafe pages.count == 1, unsafe pages[0].count > Self.leastPageBytes else { return }
    unsafe pages.removeLast().deallocate()
  }
}
