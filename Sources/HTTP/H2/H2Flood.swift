/// Ways to keep an endpoint busy with what brings nobody anything (RFC 9113 §10.5). The raw value is the position in
/// counters, dense from 0.
public enum H2Flood: UInt8, CaseIterable, Sendable {
  /// Streams that the peer opens and resets, or makes us reset.
  case resets
  case settings, pings, priorities, continuations
  /// Windows opened by crumbs.
  case windowUpdates
  /// DATA frames without content that end nothing.
  case emptyData
  /// Header sections beyond the limits.
  case headerSections
  /// Whatever else the library hands on, such as GOAWAY. What it passes over (DATA of streams that are gone, frames of unknown
  /// kinds) is not counted: it gets no answer and costs less than content of the same length, some 2 ns a byte.
  case others
  /// A preface or header section that does not come to its end.
  case slowSections

  /// As logs and labels say it.
  public var name: StaticString {
    switch self {
    case .resets: "resets"
    case .settings: "settings"
    case .pings: "pings"
    case .priorities: "priorities"
    case .continuations: "continuations"
    case .windowUpdates: "window_updates"
    case .emptyData: "empty_data"
    case .headerSections: "header_sections"
    case .others: "others"
    case .slowSections: "slow_sections"
    }
  }
}
