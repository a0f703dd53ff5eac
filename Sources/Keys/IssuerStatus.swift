/// How one issuer's keys are, for readiness and metrics.
public struct IssuerStatus: Sendable {
  public enum State: String, CaseIterable, Sendable {
    /// No keys have arrived yet: its tokens get `keys_unavailable`.
    case waiting
    case usable
    /// Not to be had for so long that they were dropped: its tokens get `keys_unavailable`.
    case tooOld = "too_old"
  }

  public let issuer: String
  public let state: State
  public let keyCount: Int
  /// Since an answer last confirmed the keys; nil: never.
  public let age: Duration?
  /// Of the last fetch; nil if it succeeded. With state `usable`: the keys are kept on credit.
  public let failure: KeyFetchFailure?
  /// Fetches that failed since the last that succeeded.
  public let failureCount: Int
  /// What a refused client is told: when keys may be there.
  public let retryAfter: Duration
  /// Ended fetches by result: `changed`, `unchanged` or one of ``KeyFetchFailure/labels``.
  public let fetchCounts: [String: Int]

  /// Whether tokens of this issuer can be verified.
  public var isUsable: Bool { state == .usable }
}
