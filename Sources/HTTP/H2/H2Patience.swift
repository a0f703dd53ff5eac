/// What an endpoint still puts up with from a peer. Frames that bring nothing cost, content and whole exchanges earn, and
/// time heals: so that a busy connection may have many of each, and a flood soon comes to its end.
struct H2Patience {
  /// Where it begins, and the most there is.
  static let limit: Int32 = 1000
  /// What a second gives back.
  static let healing: Int64 = 100
  /// Of a stream that was opened for nothing: the request may have gone to the app, and is then cancelled there.
  static let resetCost: Int32 = 5
  /// Of a header section beyond the limits: up to the whole limit was decoded for it.
  static let sectionCost: Int32 = 20

  private var left = Self.limit
  private var healedAtNanoseconds: Int64 = 0
  private var spent = InlineArray<10, Int32>(repeating: 0)

  var isExhausted: Bool { left < 0 }

  /// On what most was spent.
  var worst: H2Flood {
    var worst = H2Flood.others
    for flood in H2Flood.allCases where spent[Int(flood.rawValue)] > spent[Int(worst.rawValue)] { worst = flood }
    return worst
  }

  mutating func spend(_ flood: H2Flood, _ cost: Int32 = 1) {
    left &-= cost
    spent[Int(flood.rawValue)] &+= cost
  }

  mutating func earn(_ amount: Int32) { left = min(left &+ amount, Self.limit) }

  mutating func heal(atNanoseconds now: Int64) {
    let elapsed = (now - healedAtNanoseconds) / (1_000_000_000 / Self.healing)
    guard elapsed > 0 else { return }
    // Remembered in whole units, so that many short turns heal as much as a long one.
    healedAtNanoseconds = elapsed > Int64(Self.limit) ? now : healedAtNanoseconds + elapsed * (1_000_000_000 / Self.healing)
    if !isExhausted { earn(Int32(clamping: elapsed)) }
  }
}
