import HTTPClient
import Synchronization
import Telemetry
import Transport

/// Hands finished spans to a collector by OTLP over HTTP, on the control loop. Requests never wait for it: what the collector does
/// not take in time is dropped and counted.
final class SpanExporter: Sendable {
  /// Spans that may wait. Above: new ones are dropped.
  static let queueLimit = 4096
  /// Spans of one request to the collector.
  static let batchLimit = 512
  static let interval = Duration.seconds(1)
  static let timeout = Duration.seconds(5)

  struct Target: Sendable, Equatable {
    /// Its target ends in `/v1/traces`.
    var url: OutboundURL
    var authority: CertificateAuthority
  }

  private struct State {
    var target: Target?
    var queue: [SpanRecord] = []
    var exportedCount: Int64 = 0
    var droppedCount: Int64 = 0
    var isFailing = false
  }

  private let outbound: Outbound
  private let log: EventLog
  private let state: Mutex<State>

  init(_ target: Target?, outbound: Outbound, log: EventLog) {
    self.outbound = outbound
    self.log = log
    state = Mutex(State(target: target))
  }

  /// Another collector, or none.
  func set(_ target: Target?) {
    state.withLock { state in
      state.target = target
      if target == nil { state.queue = [] }
    }
  }

  var counts: (exported: Int64, dropped: Int64) { state.withLock { ($0.exportedCount, $0.droppedCount) } }

  /// From any thread; never waits.
  func add(_ spans: [SpanRecord]) {
    state.withLock { state in
      guard state.target != nil else { return }
      let room = max(0, Self.queueLimit - state.queue.count)
      state.queue += spans.prefix(room)
      state.droppedCount += Int64(max(0, spans.count - room))
    }
  }

  /// Ends with the process.
  func run(on executor: LoopExecutor) async {
    while true {
      await executor.sleep(for: Self.interval)
      while await exportBatch() {}
    }
  }

  /// What still waits, once more before the end.
  func flush() async { _ = await exportBatch() }

  /// False if nothing is left, or nobody takes it.
  private func exportBatch() async -> Bool {
    let (batch, target) = state.withLock { state in
      let batch = Array(state.queue.prefix(Self.batchLimit))
      state.queue.removeFirst(batch.count)
      return (batch, state.target)
    }
    guard let target, !batch.isEmpty else { return false }
    let request = OutboundRequest(
      .post, target.url, authority: target.authority, fields: [("content-type", "application/json")],
      content: TraceExport.content(batch, version: Product.version), timeout: Self.timeout, responseLimitBytes: 64 * 1024)
    var failure: String?
    do throws(OutboundFailure) {
      let response = try await outbound.send(request)
      if !(200...299).contains(response.status) { failure = "status \(response.status)" }
    } catch {
      failure = error.kind.rawValue
    }
    let wasFailing = state.withLock { state in
      defer { state.isFailing = failure != nil }
      if failure == nil { state.exportedCount += Int64(batch.count) } else { state.droppedCount += Int64(batch.count) }
      return state.isFailing
    }
    if let failure, !wasFailing { log.warn("traces_not_taken", ["detail": .text(failure)]) }
    if failure == nil, wasFailing { log.info("traces_taken_again") }
    return failure == nil
  }
}

extension Outbound {
  /// The same, with a span for each call that a sampled request makes.
  func traced(as name: String, _ exporter: SpanExporter) -> Outbound {
    Outbound { request async throws(OutboundFailure) in
      guard let parent = TraceParent.current else { return try await self.send(request) }
      let start = Clock.unixNanoseconds()
      var generator = TraceIDGenerator()
      var span = SpanRecord(
        of: parent.trace, span: generator.nextSpan(), parent: parent.span, kind: .client, name: name, from: start, to: start)
      span.attributes = [
        ("http.request.method", .text("POST")), ("server.address", .text(request.url.host)),
        ("server.port", .integer(Int64(request.url.port))), ("url.path", .text(request.url.path)),
      ]
      do throws(OutboundFailure) {
        let response = try await self.send(request)
        span.attributes.append(("http.response.status_code", .integer(Int64(response.status))))
        span.isError = response.status >= 500
        span.endNanoseconds = Clock.unixNanoseconds()
        exporter.add([span])
        return response
      } catch {
        span.attributes.append(("error.type", .text(error.kind.rawValue)))
        span.isError = true
        span.endNanoseconds = Clock.unixNanoseconds()
        exporter.add([span])
        throw error
      }
    }
  }
}

extension OutboundURL {
  /// The target without its query.
  fileprivate var path: String { String(target.prefix { $0 != "?" }) }
}
