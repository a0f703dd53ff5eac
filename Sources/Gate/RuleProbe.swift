/// The one segment of a rule's pattern by which nearly every other path is known not to match, small and beside its
/// likes in memory: a long list of rules is gone through without touching the rules themselves.
struct RuleProbe: Sendable {
  /// Of the pattern's last literal segment; -1: it has none.
  private let position: Int32
  private let count: UInt32
  private let key: UInt64
  private let segmentCount: UInt32
  private let coversRest: Bool

  init(_ pattern: PathPattern) {
    let literal = pattern.wide.lastIndex { !$0.isWildcard && !$0.hasParameter }
    position = literal.map { Int32(truncatingIfNeeded: $0) } ?? -1
    key = literal.map { pattern.wide[$0].key } ?? 0
    count = literal.map { UInt32(truncatingIfNeeded: pattern.wide[$0].bytes.count) } ?? 0
    segmentCount = UInt32(truncatingIfNeeded: pattern.wide.count)
    coversRest = pattern.coversRest
  }

  /// False only for a path that the pattern matches in neither reading: what it matches narrowly it matches widely too.
  @inline(__always) func mayMatch(_ path: borrowing PathReadings) -> Bool {
    let total = path.wide.count
    let needed = Int(segmentCount)
    guard coversRest ? total >= needed : total == needed || path.lastIsExtension && total == needed + 1 else {
      return false
    }
    guard position >= 0 else { return true }
    let segment = path.wide[Int(position)]
    if segment.cutKey == key, segment.cutCount == count { return true }
    // The last segment also counts without its extension.
    return Int(position) == total - 1 && path.withoutExtension != nil
  }
}
