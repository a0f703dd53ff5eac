internal import CNGHTTP2

/// Memory for the sessions of one loop, so that none of them keeps any for itself. To be used on one thread.
@safe public final class H2SessionMemory {
  let memory: UnsafeMutablePointer<H2Memory>

  public init() {
    unsafe memory = .allocate(capacity: 1)
    unsafe memory.initialize(to: H2Memory())
  }

  deinit {
    unsafe memory.deinitialize(count: 1)
    unsafe memory.deallocate()
  }
}

/// Memory as the library asks for it. Each stream takes about ten small blocks and gives them back: they are kept by size
/// for the next one, which costs a tenth of what the process's allocator takes for many streams at once.
///
/// A block's size stands in front of it.
@safe struct H2Memory: ~Copyable {
  /// In front of each block; keeps the alignment that malloc(3) promises.
  private static var headerBytes: Int { 16 }
  private static var stepBytes: Int { 64 }
  private static var kindCount: Int { 16 }
  /// Larger blocks are not kept, and no more than this in all.
  private static var keptBytesLimit: Int { 256 * 1024 }

  /// The first free block of each size; each holds the address of the next one.
  private var free: InlineArray<16, UnsafeMutableRawPointer?>
  private var keptBytes = 0

  init() { unsafe free = InlineArray(repeating: nil) }

  deinit {
    for kind in 0..<Self.kindCount { unsafe Self.releaseAll(from: free[kind]) }
  }

  /// The library's view of it; it must stay where it is as long as the session lives.
  static func allocator(_ memory: UnsafeMutablePointer<H2Memory>) -> nghttp2_mem {
    unsafe nghttp2_mem(
      mem_user_data: memory,
      malloc: { size, user in unsafe H2Memory.of(user).pointee.allocate(size) },
      free: { block, user in unsafe H2Memory.of(user).pointee.release(block) },
      calloc: { count, size, user in unsafe H2Memory.of(user).pointee.allocateZeroed(count, size) },
      realloc: { block, size, user in unsafe H2Memory.of(user).pointee.reallocate(block, size) })
  }

  private static func of(_ user: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<H2Memory> {
    unsafe user!.assumingMemoryBound(to: H2Memory.self)
  }

  private mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    let kind = (max(size, 1) - 1) / Self.stepBytes
    guard kind < Self.kindCount else { return unsafe Self.make(size) }
    guard let block = unsafe free[kind] else { return unsafe Self.make((kind + 1) * Self.stepBytes) }
    unsafe free[kind] = block.load(as: UnsafeMutableRawPointer?.self)
    keptBytes -= (kind + 1) * Self.stepBytes
    return unsafe block
  }

  private static func make(_ size: Int) -> UnsafeMutableRawPointer {
    let base = UnsafeMutableRawPointer.allocate(byteCount: headerBytes + size, alignment: 8)
    unsafe base.storeBytes(of: size, as: Int.self)
    return unsafe base + headerBytes
  }

  private static func size(of block: UnsafeMutableRawPointer) -> Int { unsafe (block - headerBytes).load(as: Int.self) }

  private mutating func release(_ block: UnsafeMutableRawPointer?) {
    guard let block = unsafe block else { return }
    let size = unsafe Self.size(of: block)
    guard size <= Self.kindCount * Self.stepBytes, keptBytes < Self.keptBytesLimit else {
      return unsafe (block - Self.headerBytes).deallocate()
    }
    let kind = size / Self.stepBytes - 1
    unsafe block.storeBytes(of: free[kind], as: UnsafeMutableRawPointer?.self)
    unsafe free[kind] = block
    keptBytes += size
  }

  private mutating func allocateZeroed(_ count: Int, _ size: Int) -> UnsafeMutableRawPointer? {
    let (total, overflow) = count.multipliedReportingOverflow(by: size)
    guard !overflow, let block = unsafe allocate(total) else { return nil }
    unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: total)
    return unsafe block
  }

  private mutating func reallocate(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer? {
    guard let block = unsafe block else { return unsafe allocate(size) }
    let former = unsafe Self.size(of: block)
    if size <= former { return unsafe block }
    guard let larger = unsafe allocate(size) else { return nil }
    unsafe larger.copyMemory(from: block, byteCount: former)
    unsafe release(block)
    return unsafe larger
  }

  private static func releaseAll(from first: UnsafeMutableRawPointer?) {
    var next = unsafe first
    while let block = unsafe next {
      unsafe next = block.load(as: UnsafeMutableRawPointer?.self)
      unsafe (block - headerBytes).deallocate()
    }
  }
}
