/// What one worker counts: plain integers that only its own loop touches. On demand the loop copies the value and hands
/// the copy to the control loop, which adds the workers up.
public struct WorkerCounters: Sendable {
  /// Room for the table of refusals: its reasons are numbered densely from 0, and a test holds their count below this.
  public static let reasonCapacity = 96

  public enum Counter: UInt8, Sendable, CaseIterable {
    case connectionsAccepted
    /// Under TLS: handshakes that came to nothing.
    case tlsHandshakesFailed
    case requestsHTTP1, requestsHTTP2
    case contentBytesReceived, contentBytesSent
    case clientResets, serverResets, protocolViolations
    case connectionLimitHits, descriptorLimitHits, inFlightLimitHits, bufferedBytesLimitHits, upstreamQueueLimitHits
    case tokenCacheHits, tokenCacheMisses, tokenCacheEvictions
    case upstreamRetries
  }

  private var counters = InlineArray<24, Int64>(repeating: 0)
  /// By the first digit of the status; 0: no response.
  private var statusClasses = InlineArray<6, Int64>(repeating: 0)
  private var reasons = InlineArray<96, Int64>(repeating: 0)

  /// From the first byte of a request to the last of its response, to the decision; from asking the app to its head.
  public private(set) var requestDuration = DurationHistogram()
  public private(set) var gateDuration = DurationHistogram()
  public private(set) var upstreamDuration = DurationHistogram()
  /// By what a client's connection was ended for.
  private var floods = InlineArray<16, Int64>(repeating: 0)

  public init() {}

  /// One exchange has ended; negative: there was no decision, or the app was not asked.
  public mutating func took(microseconds: Int64, gate: Int64, upstream: Int64) {
    requestDuration.observe(microseconds: microseconds)
    if gate >= 0 { gateDuration.observe(microseconds: gate) }
    if upstream >= 0 { upstreamDuration.observe(microseconds: upstream) }
  }

  public mutating func count(_ counter: Counter, _ amount: Int64 = 1) {
    counters[Int(counter.rawValue)] &+= amount
  }

  /// One exchange has ended with this status (0: none).
  public mutating func finished(status: UInt16) {
    statusClasses[Int(min(status / 100, 5))] &+= 1
  }

  /// One exchange was refused for the reason of this number; a number beyond the table counts as the last.
  public mutating func refused(reason: Int) {
    reasons[min(max(reason, 0), Self.reasonCapacity - 1)] &+= 1
  }

  /// A client's connection was ended for the flood of this number; a number beyond the table counts as the last.
  public mutating func flooded(_ kind: Int) { floods[min(max(kind, 0), floods.count - 1)] &+= 1 }

  public mutating func add(_ other: WorkerCounters) {
    for index in counters.indices { counters[index] &+= other.counters[index] }
    for index in statusClasses.indices { statusClasses[index] &+= other.statusClasses[index] }
    for index in reasons.indices { reasons[index] &+= other.reasons[index] }
    requestDuration.add(other.requestDuration)
    gateDuration.add(other.gateDuration)
    upstreamDuration.add(other.upstreamDuration)
    for index in floods.indices { floods[index] &+= other.floods[index] }
  }

  public subscript(counter: Counter) -> Int64 { counters[Int(counter.rawValue)] }

  /// - Parameter first: the first digit of the status, 1 to 5; 0: exchanges without a response.
  public func responses(statusClass first: Int) -> Int64 {
    statusClasses.indices.contains(first) ? statusClasses[first] : 0
  }

  public func floods(_ kind: Int) -> Int64 { floods.indices.contains(kind) ? floods[kind] : 0 }

  public func refusals(reason: Int) -> Int64 {
    reasons.indices.contains(reason) ? reasons[reason] : 0
  }
}
