import Gate
import HTTP
import HTTPServer
public import Login
public import Transport

/// Requests to our own endpoints: their content is collected, the control loop answers.
extension Proxy {
  mutating func collect(_ passage: Handle, _ call: EndpointCall, _ loop: inout EventLoop) {
    let exchange = passages[passage].exchange
    if let length = server.exchanges[exchange].head.contentLength, length > UInt64(Self.endpointContentBytes) {
      return refuse(passage, Refusal(.bodyTooLarge, endpoint: call.endpoint))
    }
    passages[passage].stage = .collecting(call)
    passages[passage].endpointToken = call.token
    if server.exchanges[exchange].head.expectsContinue {
      var head = ResponseHead()
      head.status = 100
      server.interim(exchange, head)
    }
    collectMore(passage, call, &loop)
  }

  mutating func collectMore(_ passage: Handle, _ call: EndpointCall, _ loop: inout EventLoop) {
    let exchange = passages[passage].exchange
    server.takeContent(exchange, into: &passages[passage].content)
    weighCollected(passage, passages[passage].content.count)
    if passages[passage].content.count > Self.endpointContentBytes {
      return refuse(passage, Refusal(.bodyTooLarge, endpoint: call.endpoint))
    }
    // A handshake has no content; here it is the request that it would be without `Upgrade`.
    guard server.exchanges[exchange].isRequestEnded || !server.exchanges[exchange].head.upgradeProtocol.isEmpty else { return }
    var content: [UInt8] = []
    passages[passage].content.withContent { content.append(copying: $0) }
    passages[passage].content.drop(content.count)
    weighCollected(passage, 0)
    passages[passage].stage = .serving
    let downstream = passages[passage].downstream
    let client =
      downstreams.contains(downstream)
      ? snapshot.policy.clientGroup(of: server.exchanges[exchange].head, facts: downstreams[downstream].value.facts) : ""
    slowPath.serve(EndpointRequest(call: call, content: content, client: client, trace: traceParent(passage)), passage)
  }

  /// The control loop has served the endpoint.
  public mutating func endpointAnswered(_ passage: Handle, _ answer: EndpointAnswer) {
    guard passages.contains(passage), case .serving = passages[passage].stage else { return }
    var head = ResponseHead()
    head.status = answer.status
    if let reason = answer.reason {
      let reason = Reason(reason)
      passages[passage].reason = reason
      counters.refused(reason: reason.number)
    }
    if let retryAfter = answer.retryAfter {
      head.fields.append("retry-after", String(max(1, retryAfter.components.seconds)))
    }
    if !answer.setCookie.isEmpty { head.fields.append(name: "set-cookie".utf8.span, value: answer.setCookie.span) }
    self.answer(
      passage, &head, answer.content, mediaType: answer.mediaType, cacheControl: answer.cacheControl)
  }

  mutating func answerPreflight(_ passage: Handle, _ preflight: EndpointPreflight) {
    var head = ResponseHead()
    head.status = 204
    head.fields.append("access-control-allow-methods", preflight.endpoint.allowedMethods.description)
    head.fields.append("access-control-allow-headers", "authorization, content-type")
    head.fields.append("access-control-max-age", "600")
    answer(passage, &head, [], mediaType: "")
  }
}
