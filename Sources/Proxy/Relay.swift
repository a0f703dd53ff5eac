import Gate
import HTTP
import HTTPClient
import HTTPServer
import Telemetry
import Transport

/// Content both ways. Each side is read only while the other takes it, so the slower one sets the pace.
extension Proxy {
  // MARK: Request

  mutating func requestContentArrived(_ passage: Handle, _ loop: inout EventLoop) {
    guard passages.contains(passage) else { return }
    switch passages[passage].stage {
    case .relaying: relayRequest(passage)
    case .collecting(let call): collectMore(passage, call, &loop)
    case .answered:
      // Nobody wants it: it is taken so that the client can finish and read the answer.
      server.takeContent(passages[passage].exchange, into: &passages[passage].content)
      passages[passage].content.drop(passages[passage].content.count)
    case .deciding, .waitingForKeys, .connecting: shedIfStuck(passage)
    case .serving, .upgrading: break
    }
  }

  mutating func relayRequest(_ passage: Handle) {
    let exchange = passages[passage].exchange
    let call = passages[passage].call
    guard !passages[passage].isRequestFinished, client.calls.contains(call) else { return }
    if passages[passage].webSocket?.isEnding == true { return }
    while server.exchanges[exchange].waitingByteCount > 0 {
      guard client.queuedByteCount(call) < queueLimitBytes else { return shedIfStuck(passage) }
      server.takeContent(exchange, atMost: pieceBytes, into: &passages[passage].content)
      passages[passage].hasSentContent = true
      client.write(call, &passages[passage].content)
    }
    if server.exchanges[exchange].isRequestEnded {
      passages[passage].isRequestFinished = true
      trailerScratch.removeAll()
      if passages[passage].webSocket == nil, !server.exchanges[exchange].trailers.lines.isEmpty,
        let admission = passages[passage].admission
      {
        trailerScratch.bytes = server.exchanges[exchange].trailers.bytes
        admission.forwardTrailerLines(of: server.exchanges[exchange].trailers, into: &trailerScratch.lines)
      }
      client.finish(call, trailers: trailerScratch)
    }
  }

  // MARK: Response

  mutating func interimArrived(_ call: Handle) {
    guard client.calls.contains(call) else { return }
    let passage = Handle(raw: client.calls[call].owner)
    guard passages.contains(passage) else { return }
    guard let interim = client.takeInterim(call) else { return }
    interim.copyForwarded(to: &responseScratch)
    server.interim(passages[passage].exchange, responseScratch)
  }

  mutating func responseArrived(_ call: Handle, _ loop: inout EventLoop) {
    guard client.calls.contains(call) else { return }
    let passage = Handle(raw: client.calls[call].owner)
    guard passages.contains(passage) else { return client.cancel(call) }
    passages[passage].upstreamMicroseconds = loop.now.microseconds(since: passages[passage].calledAt)
    if passages[passage].webSocket != nil, handshakeAnswered(passage, call) { return }
    passages[passage].status = client.calls[call].response.status
    let hasNoContent = client.calls[call].isResponseEnded && client.calls[call].content.isEmpty && client.calls[call].trailers.lines.isEmpty
    let clearsCookie = passages[passage].admission?.clearsCredentialCookie ?? false
    // A 204 may have brought a length, which it must not have.
    if !clearsCookie, client.calls[call].response.status != 204, client.calls[call].response.fields.goesOnAsItCame {
      // The usual answer goes on as it came.
      return server.respond(passages[passage].exchange, client.calls[call].response, endsStream: hasNoContent)
    }
    client.calls[call].response.copyForwarded(to: &responseScratch)
    if clearsCookie { clearCookie(passage) }
    if responseScratch.fields.count(of: .date) == 0 { responseScratch.fields.append(name: "date".utf8.span, value: dateText().span) }
    server.respond(passages[passage].exchange, responseScratch, endsStream: hasNoContent)
  }

  /// The cookie's token has expired: the browser need not send it again.
  mutating func clearCookie(_ passage: Handle) {
    guard let admission = passages[passage].admission, admission.clearsCredentialCookie,
      let name = admission.policy.credentialCookie
    else { return }
    responseScratch.fields.append("set-cookie", "\(name)=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax")
  }

  mutating func relayResponse(_ passage: Handle, _ loop: inout EventLoop) {
    guard passages.contains(passage) else { return }
    let exchange = passages[passage].exchange
    let call = passages[passage].call
    guard client.calls.contains(call) else { return }
    while client.calls[call].content.count > 0 {
      guard server.queuedByteCount(exchange) < queueLimitBytes else { return server.awaitSpace(exchange) }
      if passages[passage].webSocket?.boundary != nil, !followFrames(passage, call) { return }
      let waiting = client.calls[call].content.count
      if waiting > pieceBytes, passages[passage].webSocket == nil {
        var piece = ByteQueue()
        client.calls[call].content.move(atMost: pieceBytes, to: &piece)
        server.write(exchange, taking: &piece)
        client.grant(call, pieceBytes)
      } else {
        server.write(exchange, taking: &client.calls[call].content)
        client.grant(call, waiting)
      }
    }
    if passages[passage].isResponseComplete { endResponse(passage, call) }
  }

  mutating func responseEnded(_ call: Handle, _ loop: inout EventLoop) {
    guard client.calls.contains(call) else { return }
    let passage = Handle(raw: client.calls[call].owner)
    guard passages.contains(passage) else { return client.release(call) }
    passages[passage].isResponseComplete = true
    relayResponse(passage, &loop)
  }

  private mutating func endResponse(_ passage: Handle, _ call: Handle) {
    trailerScratch.removeAll()
    if !client.calls[call].trailers.lines.isEmpty {
      client.calls[call].trailers.copyForwardedTrailers(to: &trailerScratch)
    }
    server.finish(passages[passage].exchange, trailers: trailerScratch)
  }

  // MARK: Failure

  mutating func callFailed(_ call: Handle, _ failure: CallFailure, _ loop: inout EventLoop) {
    guard client.calls.contains(call) else { return }
    let passage = Handle(raw: client.calls[call].owner)
    guard passages.contains(passage) else { return client.release(call) }
    let exchange = passages[passage].exchange
    client.release(call)
    passages[passage].call = .none
    if passages[passage].status != 0 {
      // The client has the head already: only a reset tells it the truth.
      passages[passage].reason = Reason(failure)
      return server.reset(exchange)
    }
    if mayUseHTTP1(passage, failure) {
      passages[passage].webSocket?.usesHTTP1 = true
      return openCall(passage, &loop)
    }
    if mayRetry(passage, failure) {
      passages[passage].isRetried = true
      counters.count(.upstreamRetries)
      passages[passage].isRequestFinished = false
      return openCall(passage, &loop)
    }
    eventLog.warn("upstream_failed", ["reason": .text(Reason(failure).rawValue), "detail": .text(failure.detail)])
    refuse(passage, Refusal(Reason(failure)))
  }

  /// Once, and only if it is certain that the app saw nothing.
  private func mayRetry(_ passage: Handle, _ failure: CallFailure) -> Bool {
    if passages[passage].isRetried || passages[passage].hasSentContent || failure.kind == .tunnelUnsupported { return false }
    if failure.retryable { return true }
    let exchange = passages[passage].exchange
    guard case .closedBeforeAnswer(reused: true) = failure.kind else { return false }
    // A handshake is a GET, whichever version it came by.
    return passages[passage].webSocket != nil
      || server.exchanges[exchange].head.method.isIdempotent && !server.exchanges[exchange].head.hasBody
  }
}

extension ResponseHead {
  /// All but what ends at this hop (RFC 9110 §7.6.1), into a head that is used again and again.
  func copyForwarded(to target: inout ResponseHead) {
    target.removeAll()
    target.status = status
    target.contentLength = contentLength
    let options = ConnectionOptions(fields)
    // RFC 9110 §8.6.
    let hasNoLength = status < 200 || status == 204
    for line in fields.lines where !line.known.isConnectionSpecific {
      let name = fields.bytes.span.extracting(line.name.range)
      if line.known == .contentLength {
        // It frames the content towards the client as well: nothing that `Connection` lists can take it away.
        if hasNoLength { continue }
      } else if !options.isEmpty, options.lists(name, in: fields) {
        continue
      }
      let storedName = target.fields.store(name)
      let storedValue = target.fields.store(fields.bytes.span.extracting(line.value.range))
      target.fields.lines.append(FieldLine(name: storedName, value: storedValue, known: line.known))
    }
  }
}

extension FieldSection {
  /// No line is connection-specific (without `Connection` none can be by being listed either), and none is missing.
  var goesOnAsItCame: Bool {
    var hasDate = false
    for line in lines {
      if line.known.isConnectionSpecific { return false }
      if line.known == .date { hasDate = true }
    }
    return hasDate
  }

  /// A trailer section without fields that frame, route or authenticate (RFC 9110 §6.5.1).
  func copyForwardedTrailers(to target: inout FieldSection) {
    for line in lines where !line.known.isConnectionSpecific {
      switch line.known {
      case .host, .contentLength, .trailer, .authorization, .cookie, .setCookie, .proxyAuthorization, .expect, .contentType: continue
      default: target.append(name: bytes.span.extracting(line.name.range), value: bytes.span.extracting(line.value.range))
      }
    }
  }
}

extension Reason {
  init(_ failure: CallFailure) {
    self =
      switch failure.kind {
      case .unreachable, .tlsFailed: .upstreamUnreachable
      case .timedOut: .upstreamTimeout
      case .saturated: .overloaded
      case .protocolError: .upstreamProtocolError
      case .tunnelUnsupported: .webSocketUnsupported
      case .reset, .refused, .closedBeforeAnswer: .upstreamReset
      }
  }
}
