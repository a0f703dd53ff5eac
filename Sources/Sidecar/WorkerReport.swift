import Proxy
import Telemetry

/// What one worker says of itself when it is asked.
struct WorkerReport: Sendable {
  var counters = WorkerCounters()
  /// Open connections of clients, streams of HTTP/2 among them, requests under way.
  var connectionCount = 0
  var streamCount = 0
  var requestCount = 0
  var bufferedByteCount = 0
  var upstreamConnectionCount = 0
  var cachedTokenCount = 0

  mutating func add(_ other: WorkerReport) {
    counters.add(other.counters)
    connectionCount += other.connectionCount
    streamCount += other.streamCount
    requestCount += other.requestCount
    bufferedByteCount += other.bufferedByteCount
    upstreamConnectionCount += other.upstreamConnectionCount
    cachedTokenCount += other.cachedTokenCount
  }
}

extension Proxy {
  /// Taken when somebody asks, by the worker itself.
  var report: WorkerReport {
    var report = WorkerReport()
    report.counters = counters
    report.counters.count(.protocolViolations, server.counts.protocolViolations)
    report.counters.count(.connectionLimitHits, server.counts.connectionLimitHits)
    report.counters.count(.descriptorLimitHits, server.counts.descriptorLimitHits)
    report.counters.count(.tokenCacheHits, tokenCache.hitCount)
    report.counters.count(.tokenCacheMisses, tokenCache.missCount)
    report.counters.count(.tokenCacheEvictions, tokenCache.evictionCount)
    report.connectionCount = server.connections.count
    report.streamCount = server.streamCount
    report.requestCount = server.exchanges.count
    report.bufferedByteCount = bufferedByteCount
    report.upstreamConnectionCount = client.connectionCount
    report.cachedTokenCount = tokenCache.tokenCount
    return report
  }
}
