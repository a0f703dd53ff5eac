/// Names an element of a ``Slab``: 24 bits of index, 8 bits of kind, 32 bits of generation.
///
/// This is what epoll data, timers and mailboxes carry. A handle that has outlived its element finds nothing.
public struct Handle: Equatable, Hashable, Sendable {
  public let raw: UInt64

  @inlinable public init(raw: UInt64) { self.raw = raw }

  @inlinable init(index: Int, kind: UInt8, generation: UInt32) {
    raw = UInt64(truncatingIfNeeded: index) | (UInt64(kind) << 24) | (UInt64(generation) << 32)
  }

  public static let none = Handle(raw: 0)

  @inlinable public var isNone: Bool { raw == 0 }
  @inlinable public var kind: UInt8 { UInt8(truncatingIfNeeded: raw >> 24) }
  @inlinable public var index: Int { Int(raw & 0xFF_FFFF) }
  @inlinable var generation: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
}

/// Elements at stable addresses, named by generation-checked handles. The one owner of element memory on the hot path:
/// what lives here needs neither reference counts nor exclusivity checks.
@safe public struct Slab<Element: ~Copyable>: ~Copyable {
  @usableFromInline static var pageCount: Int { 64 }
  /// The lower half of a free slot's name: an index and a kind that no handle has.
  @usableFromInline static var freeMark: UInt64 { 0xFFFF_FFFF }

  @usableFromInline let kind: UInt8
  @usableFromInline var pages: UnsafeMutablePointer<UnsafeMutablePointer<Element>>
  /// For each slot the handle of its element, so that one comparison tells whether a handle is live; of a free slot its
  /// last generation with ``freeMark``. Generations are odd while the slot is occupied, so no name is `Handle.none`.
  @usableFromInline var names: UnsafeMutablePointer<UInt64>
  @usableFromInline var slotCount: Int
  /// Slots that the two tables have room for, a multiple of the page count.
  @usableFromInline var capacity: Int
  @usableFromInline var free: [UInt32]
  @usableFromInline var liveCount: Int
  @inlinable public var count: Int { liveCount }

  /// `kind` tells handles of several slabs apart; 255 names none.
  public init(kind: UInt8) {
    precondition(kind != 0xFF)
    self.kind = kind
    capacity = 4 * Self.pageCount
    unsafe pages = .allocate(capacity: capacity / Self.pageCount)
    unsafe names = .allocate(capacity: capacity)
    slotCount = 0
    free = []
    liveCount = 0
  }

  deinit {
    for index in 0..<slotCount where isOccupied(index) { unsafe pointer(index).deinitialize(count: 1) }
    for page in 0..<(slotCount + Self.pageCount - 1) / Self.pageCount { unsafe pages[page].deallocate() }
    unsafe pages.deallocate()
    unsafe names.deallocate()
  }

  @inlinable @inline(__always) func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
    unsafe pages[index &>> 6] + (index & 63)
  }

  private func isOccupied(_ index: Int) -> Bool { unsafe names[index] & Self.freeMark != Self.freeMark }

  @inlinable @inline(__always) public func contains(_ handle: Handle) -> Bool {
    let index = handle.index
    return unsafe index < slotCount && names[index] == handle.raw
  }

  /// Nil when every index is taken (16,777,215 elements).
  @inlinable public mutating func insert(_ element: consuming Element) -> Handle? {
    let index: Int
    var generation: UInt32 = 1
    if let reused = free.popLast() {
      index = Int(reused)
      generation = unsafe UInt32(truncatingIfNeeded: names[index] >> 32) &+ 1
    } else {
      index = slotCount
      guard index < 0xFF_FFFF else { return nil }
      if index == capacity { grow() }
      if index & 63 == 0 { unsafe pages[index &>> 6] = .allocate(capacity: Self.pageCount) }
      slotCount &+= 1
    }
    let handle = Handle(index: index, kind: kind, generation: generation)
    unsafe names[index] = handle.raw
    unsafe pointer(index).initialize(to: element)
    liveCount &+= 1
    return handle
  }

  @usableFromInline mutating func grow() {
    let pageCount = capacity / Self.pageCount
    let newPages = UnsafeMutablePointer<UnsafeMutablePointer<Element>>.allocate(capacity: 2 * pageCount)
    unsafe newPages.update(from: pages, count: pageCount)
    unsafe pages.deallocate()
    unsafe pages = newPages
    let newNames = UnsafeMutablePointer<UInt64>.allocate(capacity: 2 * capacity)
    unsafe newNames.update(from: names, count: capacity)
    unsafe names.deallocate()
    unsafe names = newNames
    capacity *= 2
  }

  @inlinable public mutating func remove(_ handle: Handle) -> Element? {
    guard contains(handle) else { return nil }
    vacate(handle)
    return unsafe pointer(handle.index).move()
  }

  /// Removes an element without handing it out, for those that nobody asks for any more.
  @inlinable public mutating func discard(_ handle: Handle) {
    guard contains(handle) else { return }
    vacate(handle)
    unsafe pointer(handle.index).deinitialize(count: 1)
  }

  @inlinable @inline(__always) mutating func vacate(_ handle: Handle) {
    let generation = handle.generation &+ 1
    unsafe names[handle.index] = UInt64(generation) << 32 | Self.freeMark
    // A slot whose generations are used up is retired: a handle from its first life must never match again.
    if generation != 0 { free.append(UInt32(truncatingIfNeeded: handle.index)) }
    liveCount &-= 1
  }

  /// The element of a live handle; entry points ask ``contains(_:)`` first, a stale handle here is a bug of ours.
  @inlinable public subscript(handle: Handle) -> Element {
    @inline(__always) unsafeAddress {
      precondition(contains(handle), "stale handle")
      return unsafe UnsafePointer(pointer(handle.index))
    }
    @inline(__always) unsafeMutableAddress {
      precondition(contains(handle), "stale handle")
      return unsafe pointer(handle.index)
    }
  }

  /// The handles of all live elements, for sweeps and drains.
  public func handles() -> [Handle] {
    var result: [Handle] = []
    result.reserveCapacity(count)
    for index in 0..<slotCount where isOccupied(index) { result.append(unsafe Handle(raw: names[index])) }
    return result
  }
}
