/// The numbers of one issuer's key life cycle. Every wait between them is taken on the monotonic clock.
struct KeyTiming: Equatable, Sendable {
  /// The longest time between two fetches, and the freshness of an answer that says nothing of it. Default 10 minutes.
  var refresh = Duration.seconds(600)
  /// The shortest freshness that an answer can ask for (`max-age=0`, `no-store`), so that it cannot make us hammer it.
  var minimumFreshness = Duration.seconds(30)
  /// How long keys are used beyond their freshness while they cannot be fetched. Default 24 hours; then: dropped.
  var keepWhenUnreachable = Duration.seconds(86_400)
  /// The first wait after a failure; doubled by each further one up to `longestRetry`.
  var firstRetry = Duration.seconds(1)
  var longestRetry = Duration.seconds(60)
  /// Requests cause at most two fetches within any such span, whatever key IDs come in: one that nobody has must not keep
  /// out the one that comes with new keys. Also the shortest time before a retry while the keys are still fresh.
  var demandInterval = Duration.seconds(10)
  /// How long a key ID that a fetch did not bring causes no further fetch.
  var absence = Duration.seconds(60)
  /// When a fetch that has not ended is given up; the fetch's own bounds end it before.
  var fetchLimit = Duration.seconds(7)

  /// Within the bounds; nil is an answer that says nothing.
  func freshness(asked: Duration?) -> Duration {
    min(max(asked ?? refresh, min(minimumFreshness, refresh)), refresh)
  }

  /// The wait before the next fetch: between 75 and 90 % of the freshness, so that the replicas of a deployment spread
  /// out and a failed fetch has time for retries. `jitter` is in 0..<1.
  func refreshDelay(freshness: Duration, jitter: Double) -> Duration {
    freshness * (0.75 + 0.15 * jitter)
  }

  /// `failureCount` is at least 1. Half of the wait is fixed, half is chance.
  func retryDelay(failureCount: Int, isFresh: Bool, jitter: Double) -> Duration {
    let doubled = firstRetry * (1 << min(max(failureCount - 1, 0), 16))
    let delay = min(doubled, longestRetry) * (0.5 + 0.5 * jitter)
    return isFresh ? max(delay, demandInterval) : delay
  }
}
