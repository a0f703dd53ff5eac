import Gate
import HTTP
import HTTPServer
import Telemetry
import Transport

extension Proxy {
  /// One line of the access log, and the counters.
  mutating func log(_ exchange: Handle, _ passage: Handle, _ loop: borrowing EventLoop) {
    counters.finished(status: passages[passage].status)
    let duration = loop.now.microseconds(since: server.exchanges[exchange].receivedAt)
    counters.took(
      microseconds: duration, gate: passages[passage].gateMicroseconds, upstream: passages[passage].upstreamMicroseconds)
    counters.count(.contentBytesReceived, Int64(server.exchanges[exchange].receivedByteCount))
    counters.count(.contentBytesSent, Int64(server.exchanges[exchange].sentByteCount))
    if passages[passage].span != 0 { recordSpans(exchange, passage, loop) }
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
    line.totalMicroseconds = duration
    line.gateMicroseconds = passages[passage].gateMicroseconds
    line.upstreamMicroseconds = passages[passage].upstreamMicroseconds
    line.trace = passages[passage].trace
    let method = server.exchanges[exchange].head.methodName
    let path = server.exchanges[exchange].head.path
    let context = passages[passage].downstream
    let isKnown = downstreams.contains(context)
    let client = isKnown && configuration.logsClient ? downstreams[context].value.client : []
    var rule: [UInt8] = []
    var subject: [UInt8] = []
    var issuer = ""
    if let number = passages[passage].rule {
      rule = label(ofRule: number)
      line.route = (passages[passage].admission?.policy ?? snapshot.policy).path(ofRule: number)
    }
    if let token = passages[passage].admission?.token ?? passages[passage].endpointToken {
      issuer = token.issuer
      if isKnown, downstreams[context].value.loggedToken === token {
        subject = downstreams[context].value.loggedSubject
      } else {
        subject = configuration.renderSubject(token.subject)
        if isKnown, !subject.isEmpty {
          downstreams[context].value.loggedToken = token
          downstreams[context].value.loggedSubject = subject
        }
      }
    }
    let arena = server.exchanges[exchange].head.fields.bytes
    accessLog.append(
      line, client: client.span, method: arena.span.extracting(method.range), path: arena.span.extracting(path.range),
      rule: rule.span, subject: subject.span, issuer: issuer.utf8.span)
  }

  private mutating func label(ofRule number: Int) -> [UInt8] {
    while ruleLabels.count <= number { ruleLabels.append(Array(String(ruleLabels.count).utf8)) }
    return ruleLabels[number]
  }
}
