internal import Transport

/// So many events in a time, bursts of as many allowed (the generic cell rate algorithm): all it keeps is the moment up
/// to which the past has used the rate up.
struct RateLimit {
  private let intervalNanoseconds: Int64
  private let burstNanoseconds: Int64

  init(_ count: Int, per duration: Duration) {
    intervalNanoseconds = max(1, duration.wholeNanoseconds / Int64(max(1, count)))
    burstNanoseconds = intervalNanoseconds * Int64(max(1, count) - 1)
  }

  /// Takes one, or says how long until there is one.
  func take(_ usedUntil: inout MonotonicTime, at now: MonotonicTime) -> Duration? {
    if let wait = wait(usedUntil, at: now) { return wait }
    usedUntil = MonotonicTime(nanoseconds: max(usedUntil, now).nanoseconds + intervalNanoseconds)
    return nil
  }

  /// How long until there is one; nil: there is.
  func wait(_ usedUntil: MonotonicTime, at now: MonotonicTime) -> Duration? {
    let ahead = max(usedUntil, now).nanoseconds - now.nanoseconds
    return ahead <= burstNanoseconds ? nil : .nanoseconds(ahead - burstNanoseconds)
  }
}

/// How often each client address has tried, or has failed, bounded in addresses.
struct LoginAttempts {
  /// Above: those that have rested longest are forgotten, and if none has, some.
  static let addressCount = 10_000

  private let limit: RateLimit
  private var usedUntil: [String: MonotonicTime] = [:]

  init(perMinute count: Int) { limit = RateLimit(count, per: .seconds(60)) }

  /// How long that client has to wait before it may try again; nil: not at all.
  func wait(_ client: String, at now: MonotonicTime) -> Duration? {
    usedUntil[client].flatMap { limit.wait($0, at: now) }
  }

  /// Counts an attempt; returns how long to wait where it is one too many.
  mutating func take(_ client: String, at now: MonotonicTime) -> Duration? {
    if usedUntil[client] == nil, usedUntil.count >= Self.addressCount {
      usedUntil = usedUntil.filter { $0.value > now }
      if usedUntil.count >= Self.addressCount, let some = usedUntil.first?.key { usedUntil[some] = nil }
    }
    return limit.take(&usedUntil[client, default: now], at: now)
  }
}

/// Calls of one kind: at once, and in a second.
struct CallBudget {
  private var maximumInFlightCount: Int
  private var limit: RateLimit
  private var inFlightCount = 0
  private var usedUntil = MonotonicTime(nanoseconds: .min)

  init(maximumInFlightCount: Int, perSecondCount: Int) {
    self.maximumInFlightCount = maximumInFlightCount
    limit = RateLimit(perSecondCount, per: .seconds(1))
  }

  /// False: there is no room. True: ``giveBack()`` must follow.
  mutating func take(at now: MonotonicTime) -> Bool {
    guard inFlightCount < maximumInFlightCount, limit.take(&usedUntil, at: now) == nil else { return false }
    inFlightCount += 1
    return true
  }

  /// Other bounds; calls that run are still counted.
  mutating func limit(maximumInFlightCount: Int, perSecondCount: Int) {
    self.maximumInFlightCount = maximumInFlightCount
    limit = RateLimit(perSecondCount, per: .seconds(1))
  }

  mutating func giveBack() { inFlightCount -= 1 }
}
