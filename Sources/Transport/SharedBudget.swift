internal import Synchronization

/// A number of things that several loops may have together: connections of all workers.
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
}
