import Gate
import HTTP
import HTTPServer
import Telemetry
import Transport

/// W3C Trace Context: passed on or started, and for sampled requests the spans of what we did.
extension Proxy {
  /// Takes up the client's trace, or starts one (§3.2), and decides whether it is exported.
  mutating func beginTrace(_ passage: Handle, _ exchange: Handle) {
    if let value = server.exchanges[exchange].head.fields.only(.traceparent) {
      let arena = server.exchanges[exchange].head.fields.bytes
      passages[passage].trace = TraceContext(fieldValue: arena.span.extracting(value.range))
    }
    passages[passage].isTraceOfClient = passages[passage].trace.isPresent
    if !passages[passage].trace.isPresent {
      passages[passage].trace = TraceContext(startedWith: &traceIDs, configuration.sampling)
    }
    guard configuration.sampling.isOn, passages[passage].trace.isSampled else { return }
    passages[passage].span = traceIDs.nextSpan()
    passages[passage].upstreamSpan = traceIDs.nextSpan()
  }

  /// What the app gets: the client's own field, unless we are a part of the trace.
  mutating func passTraceOn(_ passage: Handle, _ exchange: Handle, _ lines: inout [FieldLine]) {
    let isExported = passages[passage].span != 0
    if passages[passage].isTraceOfClient, !isExported { return }
    // What is no trace is not passed on for one, nor the state that belongs to it.
    let isTraceOfClient = passages[passage].isTraceOfClient
    lines.removeAll { $0.known == .traceparent || !isTraceOfClient && $0.known == .tracestate }
    let trace = isExported ? passages[passage].trace.continued(by: passages[passage].upstreamSpan) : passages[passage].trace
    let name = server.exchanges[exchange].head.fields.store("traceparent")
    let start = server.exchanges[exchange].head.fields.bytes.count
    trace.append(to: &server.exchanges[exchange].head.fields.bytes)
    let value = Slice(start: start, count: TraceContext.fieldValueByteCount)
    lines.append(FieldLine(name: name, value: value, known: .traceparent))
  }

  func traceParent(_ passage: Handle) -> TraceParent? {
    passages[passage].span == 0 ? nil : TraceParent(trace: passages[passage].trace, span: passages[passage].span)
  }

  /// The request, the decision, and what the app took, as far as there was each. No query, no token, no user.
  mutating func recordSpans(_ exchange: Handle, _ passage: Handle, _ loop: borrowing EventLoop) {
    let trace = passages[passage].trace
    let end = loop.unixNanoseconds
    let start = end - (loop.now.nanoseconds - server.exchanges[exchange].receivedAt.nanoseconds)
    let head = server.exchanges[exchange].head.fields
    let method = head.string(server.exchanges[exchange].head.methodName)
    let route = passages[passage].rule.flatMap { (passages[passage].admission?.policy ?? snapshot.policy).path(ofRule: $0) }
    var request = SpanRecord(
      of: trace, span: passages[passage].span, parent: passages[passage].isTraceOfClient ? trace.parent : 0, kind: .server,
      name: route.map { "\(method) \($0)" } ?? method, from: start, to: end)
    let status = passages[passage].status
    request.attributes = [
      ("http.request.method", .text(method)), ("url.path", .text(head.string(server.exchanges[exchange].head.path))),
      ("network.protocol.version", .text(server.exchanges[exchange].head.version == .http2 ? "2" : "1.1")),
    ]
    if status != 0 { request.attributes.append(("http.response.status_code", .integer(Int64(status)))) }
    if let route { request.attributes.append(("http.route", .text(route))) }
    if let reason = passages[passage].reason { request.attributes.append(("error.type", .text(reason.rawValue))) }
    request.isError = status >= 500 || status == 0
    spans.append(request)
    if passages[passage].gateMicroseconds >= 0 {
      spans.append(
        SpanRecord(
          of: trace, span: traceIDs.nextSpan(), parent: request.span, kind: .internal, name: "gate", from: start,
          to: start + passages[passage].gateMicroseconds * 1000))
    }
    guard passages[passage].calledAt.nanoseconds != 0 else { return }
    let called = end - (loop.now.nanoseconds - passages[passage].calledAt.nanoseconds)
    var upstream = SpanRecord(
      of: trace, span: passages[passage].upstreamSpan, parent: request.span, kind: .client, name: method, from: called, to: end)
    upstream.attributes = [("http.request.method", .text(method))]
    if passages[passage].upstreamMicroseconds >= 0, status != 0 {
      upstream.attributes.append(("http.response.status_code", .integer(Int64(status))))
    }
    upstream.isError = status >= 500 || passages[passage].upstreamMicroseconds < 0
    spans.append(upstream)
  }
}
