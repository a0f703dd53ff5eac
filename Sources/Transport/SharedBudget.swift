internal import Synchronization

/// A number of things that several loops may have together: connections of all workers, or bytes that wait.
public final class SharedBudget: Sendable {
  private let used = Atomic<Int>(0)
  private let most: Atomic<Int>

  public init(_ limit: Int) { most = Atomic(limit) }

  /// Another one holds from now on; what is taken already stays so.
  public var limit: Int {
    get { most.load(ordering: .relaxed) }
    set { most.store(newValue, ordering: .relaxed) }
  }

  public var takenCount: Int { used.load(ordering: .relaxed) }

  /// - Returns: false where nothing is left.
  public func take() -> Bool {
    let taken = used.add(1, ordering: .relaxed).newValue
    guard taken > limit else { return true }
    used.subtract(1, ordering: .relaxed)
    return false
  }

  public func giveBack() { used.subtract(1, ordering: .relaxed) }

  /// Takes so many, whatever the limit says; a negative number gives back.
  func settle(_ change: Int) { used.add(change, ordering: .relaxed) }
}

/// How much of the memory for waiting content is in use, by all loops together.
public enum MemoryPressure: UInt8, Comparable, Sendable {
  case none
  /// Half of it and more: whoever has something waiting is held back sooner.
  case high
  /// All of it: nothing new is begun.
  case full

  public static func < (left: MemoryPressure, right: MemoryPressure) -> Bool { left.rawValue < right.rawValue }
}

/// One loop's part in a ``SharedBudget`` of bytes: it changes with every piece of content and is told to the others only
/// when it has moved by a chunk, so that on the way of a request nothing is shared.
public struct MemoryAccount: Sendable {
  /// What the others may not know of this loop, in bytes.
  public static let chunkBytes = 64 * 1024

  private let budget: SharedBudget?
  private var settled = 0
  public private(set) var pressure = MemoryPressure.none

  /// - Parameter budget: of all loops, in bytes; nil: there is no limit.
  public init(_ budget: SharedBudget?) { self.budget = budget }

  /// This loop holds more or less by a chunk than the others know.
  @inline(__always) public func isOutdated(_ count: Int) -> Bool {
    count &- settled >= Self.chunkBytes || settled &- count >= Self.chunkBytes
  }

  /// This loop holds so many bytes now.
  public mutating func settle(_ count: Int) {
    guard let budget else { return }
    let change = count - settled
    if isOutdated(count) || count == 0 && settled != 0 {
      budget.settle(change)
      settled = count
    }
    let all = budget.takenCount - settled + count
    let limit = budget.limit
    pressure = all >= limit ? .full : all >= limit / 2 ? .high : .none
  }
}
