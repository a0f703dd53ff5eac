import Synchronization

/// The event log: one JSON line an event. Shared by all threads; a write never blocks its caller.
///
/// A line: `{"time":"2026-01-02T03:04:05.678Z","level":"warn","event":"keys_refresh_failed","issuer":"https://…"}`.
/// No token, secret or query belongs into a value; that is the caller's duty.
public struct EventLog: Sendable {
  public enum Level: UInt8, Sendable, Comparable, CaseIterable {
    case error, warn, info, debug

    public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }

    public var name: StaticString {
      switch self {
      case .error: "error"
      case .warn: "warn"
      case .info: "info"
      case .debug: "debug"
      }
    }
  }

  /// The value of a member. Texts are cut after ``EventLog/textLimitBytes``.
  public enum Value: Sendable {
    case text(String)
    /// Bytes from outside; what is not UTF-8 becomes U+FFFD.
    case bytes([UInt8])
    case integer(Int64)
    /// In seconds, with a fraction.
    case seconds(Duration)
    case flag(Bool)
    case null
  }

  /// Bytes of one text value. Above: cut and marked by `…`.
  public static let textLimitBytes = 2048

  /// Shared by all copies: a reload changes it everywhere.
  private final class Threshold: Sendable {
    let level: Atomic<UInt8>
    init(_ level: Level) { self.level = Atomic(level.rawValue) }
  }

  private let threshold: Threshold
  private let writer: LineWriter?
  private let now: @Sendable () -> Timestamp

  /// - Parameter now: the clock, read once an event.
  public init(writer: LineWriter, level: Level = .info, now: @escaping @Sendable () -> Timestamp = Timestamp.now) {
    self.init(to: writer, level: level, now: now)
  }

  private init(to writer: LineWriter?, level: Level, now: @escaping @Sendable () -> Timestamp) {
    self.writer = writer
    threshold = Threshold(level)
    self.now = now
  }

  /// A log that keeps nothing.
  public static let discarding = EventLog(to: nil, level: .error, now: { Timestamp(unixMilliseconds: 0) })

  /// Above: not written.
  public var level: Level { Level(rawValue: threshold.level.load(ordering: .relaxed)) ?? .debug }

  /// For this log and all copies of it.
  public func set(level: Level) { threshold.level.store(level.rawValue, ordering: .relaxed) }

  public func error(_ event: StaticString, _ members: @autoclosure () -> KeyValuePairs<StaticString, Value> = [:]) {
    write(.error, event, members)
  }

  public func warn(_ event: StaticString, _ members: @autoclosure () -> KeyValuePairs<StaticString, Value> = [:]) {
    write(.warn, event, members)
  }

  public func info(_ event: StaticString, _ members: @autoclosure () -> KeyValuePairs<StaticString, Value> = [:]) {
    write(.info, event, members)
  }

  public func debug(_ event: StaticString, _ members: @autoclosure () -> KeyValuePairs<StaticString, Value> = [:]) {
    write(.debug, event, members)
  }

  private func write(_ level: Level, _ event: StaticString, _ members: () -> KeyValuePairs<StaticString, Value>) {
    guard level <= self.level, let writer else { return }
    let line = Self.line(now(), level, event, members())
    writer.append(line.span, lineCount: 1)
  }

  static func line(
    _ moment: Timestamp, _ level: Level, _ event: StaticString, _ members: KeyValuePairs<StaticString, Value>
  ) -> [UInt8] {
    var line: [UInt8] = []
    line.append(addingCapacity: 96 + event.utf8CodeUnitCount) { output in
      var formatter = TimestampFormatter()
      output.append("{\"time\":\"")
      formatter.append(moment, to: &output)
      output.append("\",\"level\":\"")
      output.append(level.name)
      output.append("\",\"event\":\"")
      output.append(event)
      output.append("\"")
    }
    for (key, value) in members {
      let room = value.worstCaseBytes + key.utf8CodeUnitCount + 8
      line.append(addingCapacity: room) { output in
        output.append(",\"")
        output.append(key)
        output.append("\":")
        value.append(to: &output)
      }
    }
    line.append(0x7D)
    line.append(0x0A)
    return line
  }
}

extension EventLog.Value {
  fileprivate var worstCaseBytes: Int {
    let perByte = OutputSpan<UInt8>.worstCaseBytesPerByte
    return switch self {
    case .text(let text): min(text.utf8.count, EventLog.textLimitBytes) * perByte + 5
    case .bytes(let bytes): min(bytes.count, EventLog.textLimitBytes) * perByte + 5
    case .integer, .seconds, .flag, .null: 32
    }
  }

  fileprivate func append(to output: inout OutputSpan<UInt8>) {
    switch self {
    case .text(let text): output.append(quoted: Array(text.utf8).span, limit: EventLog.textLimitBytes)
    case .bytes(let bytes): output.append(quoted: bytes.span, limit: EventLog.textLimitBytes)
    case .integer(let integer): output.append(integer: integer)
    case .seconds(let duration): output.append(seconds: duration)
    case .flag(let flag): output.append(flag ? "true" : "false")
    case .null: output.append("null")
    }
  }
}

extension OutputSpan where Element == UInt8 {
  /// Seconds with six digits of fraction, cut off below.
  fileprivate mutating func append(seconds duration: Duration) {
    let (seconds, attoseconds) = duration.components
    if seconds < 0 || attoseconds < 0 { append(0x2D) }
    append(integer: Int64(clamping: seconds.magnitude))
    append(0x2E)
    let microseconds = attoseconds.magnitude / 1_000_000_000_000
    var divisor: UInt64 = 100_000
    while divisor > 0 {
      append(0x30 &+ UInt8(truncatingIfNeeded: microseconds / divisor % 10))
      divisor /= 10
    }
  }
}

extension EventLog.Value: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
  public init(stringLiteral value: String) { self = .text(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .flag(value) }

  public init(_ text: String) { self = .text(text) }
  public init(_ integer: some BinaryInteger) { self = .integer(Int64(clamping: integer)) }
  public init(_ flag: Bool) { self = .flag(flag) }
}
