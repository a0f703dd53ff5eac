/// A span that has ended, as OpenTelemetry has it. Made for sampled requests only.
public struct SpanRecord: Sendable {
  public enum Kind: Int64, Sendable {
    // The numbers of OTLP.
    case `internal` = 1
    case server = 2
    case client = 3
  }

  public enum Value: Sendable {
    case text(String)
    case integer(Int64)
  }

  public var traceHigh: UInt64
  public var traceLow: UInt64
  public var span: UInt64
  /// 0: none.
  public var parent: UInt64
  public var kind: Kind
  public var name: String
  public var startNanoseconds: Int64
  public var endNanoseconds: Int64
  public var attributes: [(name: String, value: Value)] = []
  public var isError = false

  public init(
    of trace: TraceContext, span: UInt64, parent: UInt64, kind: Kind, name: String, from start: Int64, to end: Int64
  ) {
    (traceHigh, traceLow) = (trace.traceHigh, trace.traceLow)
    (self.span, self.parent, self.kind, self.name) = (span, parent, kind, name)
    (startNanoseconds, endNanoseconds) = (start, max(start, end))
  }
}

/// What a flow that works on a sampled request must know to add spans of its own.
public struct TraceParent: Sendable {
  public var trace: TraceContext
  /// The span that theirs are children of.
  public var span: UInt64

  public init(trace: TraceContext, span: UInt64) { (self.trace, self.span) = (trace, span) }

  /// Of the request that the current task works for; nil: it is not sampled.
  @TaskLocal public static var current: TraceParent?
}

/// Which traces are exported.
public struct TraceSampling: Sendable, Equatable {
  /// Of 2^64; 0: none, whoever asks.
  private let threshold: UInt64

  public static let off = TraceSampling(share: 0)

  /// - Parameter share: 0 to 1, of the traces that begin here. One that a client began is exported if it was sampled there.
  public init(share: Double) {
    threshold = share <= 0 ? 0 : share >= 1 ? .max : UInt64(share * 18_446_744_073_709_549_568)
  }

  public var isOn: Bool { threshold > 0 }

  func takes(_ random: UInt64) -> Bool { random <= threshold && isOn }
}

extension TraceContext {
  /// The sampled flag (§3.2.2.5.1).
  public var isSampled: Bool {
    get { flags & 1 == 1 }
    set { flags = newValue ? flags | 1 : flags & ~1 }
  }

  /// A new trace, sampled or not.
  public init(startedWith generator: inout TraceIDGenerator, _ sampling: TraceSampling) {
    self.init(startedWith: &generator)
    if sampling.isOn, sampling.takes(generator.next()) { isSampled = true }
  }

  /// The same trace with another parent: what is passed on when we are a part of it.
  public func continued(by span: UInt64) -> TraceContext {
    TraceContext(traceHigh: traceHigh, traceLow: traceLow, parent: span, flags: flags)
  }
}

extension TraceIDGenerator {
  /// Not zero.
  public mutating func nextSpan() -> UInt64 { next() | 1 }
}
