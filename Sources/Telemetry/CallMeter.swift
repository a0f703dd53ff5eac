import Synchronization

/// Calls that slow flows make, by name and outcome, with how long they took. Names and outcomes are words of the code, never of
/// a request.
public final class CallMeter: Sendable {
  /// Pairs of name and outcome. Above: counted as outcome `other`.
  public static let seriesLimit = 256

  public struct Series: Sendable {
    public let call: String
    public let outcome: String
    public fileprivate(set) var durations = DurationHistogram()
  }

  private let state = Mutex<[Series]>([])

  public init() {}

  public func record(_ call: String, _ outcome: String, microseconds: Int64) {
    state.withLock { series in
      var index = series.firstIndex { $0.call == call && $0.outcome == outcome }
      if index == nil, series.count >= Self.seriesLimit {
        index = series.firstIndex { $0.call == call && $0.outcome == "other" }
      }
      if index == nil {
        series.append(Series(call: call, outcome: series.count < Self.seriesLimit ? outcome : "other"))
        index = series.count - 1
      }
      if let index { series[index].durations.observe(microseconds: microseconds) }
    }
  }

  /// All outcomes of a call together, in order of name.
  public var durationsByCall: [(call: String, durations: DurationHistogram)] {
    var result: [(call: String, durations: DurationHistogram)] = []
    for series in series {
      if result.last?.call == series.call {
        result[result.count - 1].durations.add(series.durations)
      } else {
        result.append((series.call, series.durations))
      }
    }
    return result
  }

  /// In order of name and outcome.
  public var series: [Series] { state.withLock { $0 }.sorted { ($0.call, $0.outcome) < ($1.call, $1.outcome) } }
}
