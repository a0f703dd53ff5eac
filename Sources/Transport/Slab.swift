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

  @usableFromInline let kind: UInt8
  @usableFromInline var pages: [UnsafeMutablePointer<Element>]
  /// Odd while the slot is occupied. Starts at 0, so the handle of a live element is never `Handle.none`.
  @usableFromInline var generations: [UInt32]
  @usableFromInline var free: [UInt32]
  @usableFromInline var liveCount: Int
  @inlinable public var count: Int { liveCount }

  /// `kind` tells handles of several slabs apart.
  public init(kind: UInt8) {
    self.kind = kind
    unsafe pages = []
    generations = []
    free = []
    liveCount = 0
  }

  deinit {
    for index in 0..<generations.count where generations[index] & 1 == 1 { unsafe (pointer(index)).deinitialize(count: 1) }
    for unsafe page in unsafe pages { unsafe page.deallocate() }
  }

  @inlinable @inline(__always) func pointer(_ index: Int) -> UnsafeMutablePointer<Element> {
    unsafe pages[index >> 6] + (index & 63)
  }

  @inlinable @inline(__always) public func contains(_ handle: Handle) -> Bool {
    let index = handle.index
    return index < generations.count && generations[index] == handle.generation && handle.generation & 1 == 1
      && handle.kind == kind
  }

  /// Nil when every index is taken (16,777,216 elements).
  @inlinable public mutating func insert(_ element: consuming Element) -> Handle? {
    let index: Int
    if let reused = free.popLast() {
      index = Int(reused)
    } else {
      index = generations.count
      guard index < 1 << 24 else { return nil }
      if index & 63 == 0 { unsafe pages.append(.allocate(capacity: Self.pageCount)) }
      generations.append(0)
    }
    generations[index] &+= 1
    unsafe pointer(index).initialize(to: element)
    liveCount &+= 1
    return Handle(index: index, kind: kind, generation: generations[index])
  }

  @inlinable public mutating func remove(_ handle: Handle) -> Element? {
    guard contains(handle) else { return nil }
    let index = handle.index
    generations[index] &+= 1
    // A slot whose generations are used up is retired: a handle from its first life must never match again.
    if generations[index] != 0 { free.append(UInt32(index)) }
    liveCount &-= 1
    return unsafe pointer(index).move()
  }

  /// The element of a live handle; entry points ask ``contains(_:)`` first, a stale handle here is a bug of ours.
  @inlinable public subscript(handle: Handle) -> Element {
    unsafeAddress {
      precondition(contains(handle), "stale handle")
      return unsafe UnsafePointer(pointer(handle.index))
    }
    unsafeMutableAddress {
      precondition(contains(handle), "stale handle")
      return unsafe pointer(handle.index)
    }
  }

  /// The handles of all live elements, for sweeps and drains.
  public func handles() -> [Handle] {
    var result: [Handle] = []
    result.reserveCapacity(count)
    for index in 0..<generations.count where generations[index] & 1 == 1 {
      result.append(Handle(index: index, kind: kind, generation: generations[index]))
    }
    return result
  }
}
