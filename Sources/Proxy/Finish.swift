import Gate
import HTTP
import HTTPServer
import Telemetry
import Transport

extension Proxy {
  /// One line of the access log, and the counters.
  mutating func log(_ exchange: Handle, _ passage: Handle, _ loop: borrowing EventLoop) {
    counters.finished(status: passages[passage].status)
    counters.count(.contentBytesReceived, Int64(server.exchanges[exchange].receivedByteCount))
    counters.count(.contentBytesSent, Int64(server.exchanges[exchange].sentByteCount))
    guard accessLog.isOn else { return }
    var line = AccessLine()
    line.time = Timestamp(unixMilliseconds: loop.unixNanoseconds / 1_000_000)
    line.version =
      switch server.exchanges[exchange].head.version {
      case .http10: .http10
      case .http11: .http11
      case .http2: .http2
      }
    line.status = passages[passage].status
    line.reason = passages[passage].reason?.rawValue
    line.receivedBytes = Int64(server.exchanges[exchange].receivedByteCount)
    line.sentBytes = Int64(server.exchanges[exchange].sentByteCount)
    line.totalMicroseconds = loop.now.microseconds(since: server.exchanges[exchange].receivedAt)
    line.gateMicroseconds = passages[passage].gateMicroseconds
    line.upstreamMicroseconds = passages[passage].upstreamMicroseconds
    if let trace = server.exchanges[exchange].head.fields.only(.traceparent) {
      line.trace = TraceContext(fieldValue: server.exchanges[exchange].head.fields.bytes.span.extracting(trace.range))
    }
    let connection = server.exchanges[exchange].connection
    let method = server.exchanges[exchange].head.methodName
    let path = server.exchanges[exchange].head.path
    let admission = passages[passage].admission
    let rule = admission?.rule.map { Array(String($0).utf8) } ?? []
    let subject = admission?.token.map { hashSubject($0.subject) } ?? []
    let issuer = admission?.token?.issuer ?? ""
    let context = server.connections.contains(connection) ? Handle(raw: server.connections[connection].context) : .none
    let client = downstreams.contains(context) ? downstreams[context].value.client : []
    let arena = server.exchanges[exchange].head.fields.bytes
    accessLog.append(
      line, client: client.span, method: arena.span.extracting(method.range), path: arena.span.extracting(path.range), rule: rule.span, subject: subject.span,
      issuer: issuer.utf8.span)
  }
}
