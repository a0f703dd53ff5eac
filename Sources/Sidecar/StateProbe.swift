import StateStore
import Telemetry
import Transport

/// Asks the state store from time to time whether it still answers, so that readiness knows before a login does.
final class StateProbe: Sendable {
  static let interval = Duration.seconds(5)

  enum Outcome: Sendable, Equatable {
    case answers
    /// In a word: `timed_out`, `unavailable`.
    case failed(String)
  }

  let store: any StateStore
  private let meter: CallMeter
  /// Of passkey data that there cannot be.
  private let digest: PasskeyDataDigest?

  init(_ store: any StateStore, meter: CallMeter) {
    self.store = store
    self.meter = meter
    digest = PasskeyDataDigest([UInt8](repeating: 0, count: 32))
  }

  /// One question, which reads and changes nothing.
  nonisolated(nonsending) func ask() async -> Outcome {
    guard let digest else { return .answers }
    let start = Clock.monotonic()
    var outcome = Outcome.answers
    do throws(StateStoreError) {
      _ = try await store.isUsed(digest)
    } catch {
      outcome = .failed(error == .timedOut ? "timed_out" : "unavailable")
    }
    meter.record(
      "probe", outcome == .answers ? "ok" : "failed", microseconds: Clock.monotonic().microseconds(since: start))
    return outcome
  }
}
