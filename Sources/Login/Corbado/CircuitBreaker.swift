internal import Transport

/// Spares a service that is away, and those who wait for it: after some failures in a row nobody is sent there for a
/// while, then one call tries. A state machine; the caller brings the time.
struct CircuitBreaker {
  /// Failures in a row that open it.
  static let failureCount = 5
  /// First pause; each failed trial doubles it up to the last.
  static let pauses: (first: Duration, last: Duration) = (.seconds(1), .seconds(30))

  private var failuresInARow = 0
  private var pause = Self.pauses.first
  private var closedUntil: MonotonicTime?
  private var isTrying = false

  /// What an outcome changed, for the log.
  enum Change { case opened(Duration), closed }

  /// Whether a call may be made; if so, its outcome must be told.
  mutating func admits(at now: MonotonicTime) -> Bool {
    guard let closedUntil else { return true }
    guard now >= closedUntil, !isTrying else { return false }
    isTrying = true
    return true
  }

  mutating func succeeded() -> Change? {
    defer { self = CircuitBreaker() }
    return closedUntil == nil ? nil : .closed
  }

  mutating func failed(at now: MonotonicTime) -> Change? {
    failuresInARow += 1
    if closedUntil != nil {
      // Calls that were under way when it opened change nothing.
      guard isTrying else { return nil }
      pause = min(pause * 2, Self.pauses.last)
    } else if failuresInARow < Self.failureCount {
      return nil
    }
    isTrying = false
    closedUntil = now + pause
    return .opened(pause)
  }
}
