internal import Transport

/// The key IDs that a fetch did not bring: asking for one again within its time causes no fetch. Bounded at
/// `countLimit` entries of `keyIDLimitBytes` (64 KiB); the oldest makes room.
/// Longer IDs are not to be handed in.
struct AbsentKeyIDs {
  static let countLimit = 256
  static let keyIDLimitBytes = 256

  /// In order of `until`.
  private var entries: [(keyID: [UInt8], until: MonotonicTime)] = []

  var count: Int { entries.count }

  func contains(_ keyID: [UInt8], at now: MonotonicTime) -> Bool {
    entries.contains { $0.until > now && $0.keyID == keyID }
  }

  mutating func insert(_ keyIDs: [[UInt8]], until: MonotonicTime, now: MonotonicTime) {
    entries.removeAll { $0.until <= now || keyIDs.contains($0.keyID) }
    for keyID in keyIDs { entries.append((keyID, until)) }
    entries.removeFirst(max(0, entries.count - Self.countLimit))
  }
}
