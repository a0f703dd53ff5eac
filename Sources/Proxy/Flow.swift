import Gate
import HTTP
import HTTPClient
import HTTPServer
import JOSE
import Telemetry
import Transport

/// decide → connect → relay → finish, as it reads from the first event of an exchange to the last.
extension Proxy {
  // MARK: Decide

  mutating func requestArrived(_ exchange: Handle, _ loop: inout EventLoop) {
    guard let passage = begin(exchange) else { return }
    // Gone in the same breath: only the log hears of it.
    if server.exchanges[exchange].isClosed { return }
    // Refusals too are looked for by their trace.
    beginTrace(passage, exchange)
    // Before anything is done for it: what is under way already is to end well. WebSockets that are open have had their
    // answer; connections and streams bound them.
    if passages.count - webSocketCount > configuration.inFlightCount {
      counters.count(.inFlightLimitHits)
      return refuse(passage, Refusal(.overloaded))
    }
    // As it is now: this worker may have rested since the others gave theirs back.
    if memory.pressure == .full { weighMemory() }
    if memory.pressure == .full {
      counters.count(.bufferedBytesLimitHits)
      return refuse(passage, Refusal(.overloaded))
    }
    if server.isPastLastRequest { return refuse(passage, Refusal(.draining)) }
    decide(passage, keysWereJustFetched: false, &loop)
  }

  mutating func begin(_ exchange: Handle) -> Handle? {
    guard server.exchanges.contains(exchange) else { return nil }
    let connection = server.exchanges[exchange].connection
    let context = server.connections.contains(connection) ? Handle(raw: server.connections[connection].context) : .none
    var passage = Passage(exchange: exchange, downstream: context)
    if let lines = spareLines.popLast() { passage.lines = lines }
    guard let handle = passages.insert(passage) else {
      server.reset(exchange, code: H2ErrorCode.refusedStream)
      return nil
    }
    server.exchanges[exchange].owner = handle.raw
    counters.count(server.exchanges[exchange].head.version == .http2 ? .requestsHTTP2 : .requestsHTTP1)
    return handle
  }

  private mutating func decide(_ passage: Handle, keysWereJustFetched: Bool, _ loop: inout EventLoop) {
    let exchange = passages[passage].exchange
    let context = passages[passage].downstream
    guard downstreams.contains(context), !server.exchanges[exchange].isClosed else { return }
    let decision = gate.decide(
      server.exchanges[exchange].head, facts: downstreams[context].value.facts,
      lastToken: &downstreams[context].value.lastToken, policy: snapshot.policy, keys: snapshot.keys,
      revocations: snapshot.revocations, now: UnixTime(microseconds: loop.unixNanoseconds / 1000),
      keysWereJustFetched: keysWereJustFetched)
    if case .needsKeys = decision {} else {
      passages[passage].gateMicroseconds = loop.now.microseconds(since: server.exchanges[exchange].receivedAt)
    }
    switch decision {
    case .forward(let admission): forward(passage, admission, context, &loop)
    case .serve(let call): collect(passage, call, &loop)
    case .answerPreflight(let preflight): answerPreflight(passage, preflight)
    case .refuse(let denied):
      passages[passage].rule = denied.rule
      refuse(passage, Refusal(denied))
    case .needsKeys(let request):
      passages[passage].stage = .waitingForKeys
      loop.timers.schedule(passage, at: loop.now + Self.keyPatience)
      // By name: another policy, whose positions are others, may be in force before the answer comes.
      passages[passage].waitsUnder = snapshot.policy
      slowPath.requestKeys(snapshot.policy.issuerName(request.issuer), request.keyID, passage)
    }
  }

  /// The keys were fetched, or nothing came of it in time: the Gate is asked once more.
  public mutating func keysSettled(_ passage: Handle, _ loop: inout EventLoop) {
    guard passages.contains(passage), case .waitingForKeys = passages[passage].stage else { return }
    passages[passage].stage = .deciding
    let isSamePolicy = passages[passage].waitsUnder === snapshot.policy
    passages[passage].waitsUnder = nil
    decide(passage, keysWereJustFetched: isSamePolicy, &loop)
  }

  // MARK: Connect

  private mutating func forward(_ passage: Handle, _ admission: Admission, _ context: Handle, _ loop: inout EventLoop) {
    let exchange = passages[passage].exchange
    passages[passage].admission = admission
    passages[passage].rule = admission.rule
    var lines: [FieldLine] = []
    swap(&lines, &passages[passage].lines)
    lines.removeAll(keepingCapacity: true)
    admission.forwardLines(of: &server.exchanges[exchange].head, facts: downstreams[context].value.facts, into: &lines)
    if !server.exchanges[exchange].head.upgradeProtocol.isEmpty {
      prepareHandshake(passage, &lines)
    } else if let length = server.exchanges[exchange].head.contentLength {
      let name = server.exchanges[exchange].head.fields.store("content-length")
      let value = server.exchanges[exchange].head.fields.store(String(length))
      lines.append(FieldLine(name: name, value: value, known: .contentLength))
    }
    passTraceOn(passage, exchange, &lines)
    let goesOn = countForward(exchange, &lines)
    swap(&lines, &passages[passage].lines)
    if goesOn { connect(passage, &loop) } else { answerOptions(passage) }
  }

  private mutating func connect(_ passage: Handle, _ loop: inout EventLoop) {
    passages[passage].calledAt = loop.now
    openCall(passage, &loop)
    if let endsAt = passages[passage].admission?.endsAt { watchToken(of: passage, until: endsAt, &loop) }
  }

  mutating func openCall(_ passage: Handle, _ loop: inout EventLoop) {
    passages[passage].stage = .connecting
    var target = origin
    var isTunnel = false
    if let webSocket = passages[passage].webSocket {
      isTunnel = true
      if webSocket.usesHTTP1 { target = http1Origin ?? origin }
    }
    guard let call = client.open(origin: target, owner: passage.raw, isTunnel: isTunnel, loop: &loop) else {
      counters.count(.upstreamQueueLimitHits)
      return refuse(passage, Refusal(.overloaded))
    }
    passages[passage].call = call
    if let admission = passages[passage].admission, let rule = admission.rule,
      let limit = admission.policy.responseHead(ofRule: rule)
    {
      client.calls[call].responseHeadTimeout = limit
    }
  }

  mutating func connectedUpstream(_ call: Handle, _ loop: inout EventLoop) {
    guard client.calls.contains(call) else { return }
    let passage = Handle(raw: client.calls[call].owner)
    guard passages.contains(passage) else { return client.cancel(call) }
    let exchange = passages[passage].exchange
    passages[passage].stage = .relaying
    let isWebSocket = passages[passage].webSocket != nil
    if isWebSocket { completeHandshake(passage, call) }
    let endsStream = !isWebSocket && server.exchanges[exchange].isRequestEnded && server.exchanges[exchange].waitingByteCount == 0
      && server.exchanges[exchange].trailers.lines.isEmpty
    let isSubmitted: Bool
    let authority = server.exchanges[exchange].head.authority
    if upstreamAuthority.isEmpty, !authority.isEmpty {
      let arena = server.exchanges[exchange].head.fields.bytes
      isSubmitted = client.submit(
        call, head: server.exchanges[exchange].head, lines: passages[passage].lines,
        authority: arena.span.extracting(authority.range), endsStream: endsStream, loop: &loop)
    } else {
      let authority = upstreamAuthority.isEmpty ? Array(configuration.fallbackAuthority.utf8) : upstreamAuthority
      isSubmitted = client.submit(
        call, head: server.exchanges[exchange].head, lines: passages[passage].lines, authority: authority.span,
        endsStream: endsStream, loop: &loop)
    }
    guard isSubmitted, !isWebSocket else { return }
    if endsStream {
      passages[passage].isRequestFinished = true
    } else {
      relayRequest(passage)
    }
  }

  // MARK: Finish

  /// The one exit: every exchange comes here once, whatever became of it.
  mutating func finish(_ exchange: Handle, _ closure: ServerEvent.Closure, _ loop: inout EventLoop) {
    guard server.exchanges.contains(exchange) else { return }
    let passage = Handle(raw: server.exchanges[exchange].owner)
    if passages.contains(passage) {
      let call = passages[passage].call
      if client.calls.contains(call) {
        if passages[passage].isResponseComplete { client.release(call) } else { client.cancel(call) }
      }
      switch closure {
      case .complete: break
      case .byClient: counters.count(.clientResets)
      case .byUs: counters.count(.serverResets)
      }
      if case .byUs = closure, server.isDraining, passages[passage].reason == nil { passages[passage].reason = .draining }
      if case .byClient = closure, passages[passage].reason == nil { passages[passage].reason = .clientGone }
      if passages[passage].webSocket?.isOpen == true { webSocketCount -= 1 }
      log(exchange, passage, loop)
      if spareLines.count < 256 {
        var lines: [FieldLine] = []
        swap(&lines, &passages[passage].lines)
        spareLines.append(consume lines)
      }
      weighCollected(passage, 0)
      passages.discard(passage)
    }
    server.release(exchange)
  }
}
