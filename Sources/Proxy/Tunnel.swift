import HTTP
import HTTPClient
import HTTPServer
import OpenSSL
import Transport

/// WebSockets: the handshake of one side made that of the other. Nothing else passes before the app has agreed.
extension Proxy {
  /// Takes out what belongs to the client's connection or to content.
  mutating func prepareHandshake(_ passage: Handle, _ lines: inout [FieldLine]) {
    passages[passage].webSocket = WebSocket()
    lines.removeAll { $0.known == .secWebSocketKey || $0.known == .te || $0.known == .expect }
  }

  /// Puts in what belongs to the connection that the app is asked over.
  mutating func completeHandshake(_ passage: Handle, _ call: Handle) {
    let exchange = passages[passage].exchange
    passages[passage].stage = .upgrading
    passages[passage].lines.removeAll { $0.known == .secWebSocketKey }
    passages[passage].webSocket?.key = []
    guard !client.speaksHTTP2(call), let key = try? WebSocketHandshake.makeKey() else { return }
    let name = server.exchanges[exchange].head.fields.store("sec-websocket-key")
    let value = server.exchanges[exchange].head.fields.store(key.span)
    passages[passage].lines.append(FieldLine(name: name, value: value, known: .secWebSocketKey))
    passages[passage].webSocket?.key = key
  }

  /// The app's final response head has come.
  /// - Returns: false for an ordinary response, which then goes the ordinary way.
  mutating func handshakeAnswered(_ passage: Handle, _ call: Handle) -> Bool {
    let exchange = passages[passage].exchange
    let status = client.calls[call].response.status
    let key = passages[passage].webSocket?.key ?? []
    let isHTTP2 = client.speaksHTTP2(call)
    guard isHTTP2 ? 200...299 ~= status : status == 101 else {
      passages[passage].stage = .relaying
      passages[passage].isRequestFinished = true
      client.finish(call, trailers: FieldSection())
      return false
    }
    guard isHTTP2 || WebSocketHandshake.isAnswer(client.calls[call].response, to: key) else {
      refuseHandshake(passage, "Sec-WebSocket-Accept does not answer the key")
      return true
    }
    let offer = passages[passage].lines
    guard WebSocketHandshake.keepsToOffer(client.calls[call].response, offer, of: server.exchanges[exchange].head.fields) else {
      refuseHandshake(passage, "a subprotocol or extension that was not offered")
      return true
    }
    client.calls[call].response.copyForwarded(to: &responseScratch)
    let fields = responseScratch.fields
    responseScratch.fields.lines.removeAll { $0.known == .contentLength || WebSocketHandshake.isAccept($0, of: fields) }
    responseScratch.contentLength = nil
    clearCookie(passage)
    if server.exchanges[exchange].head.version == .http2 {
      passages[passage].status = 200
    } else {
      passages[passage].status = 101
      if let key = server.exchanges[exchange].head.fields.only(.secWebSocketKey) {
        let accept = WebSocketHandshake.accept(for: server.exchanges[exchange].head.fields.bytes.span.extracting(key.range))
        responseScratch.fields.append(name: "sec-websocket-accept".utf8.span, value: accept.span)
      }
    }
    if passages[passage].admission?.endsAt != nil { passages[passage].webSocket?.boundary = FrameBoundary() }
    passages[passage].webSocket?.isOpen = true
    webSocketCount += 1
    server.beginTunnel(exchange, responseScratch)
    passages[passage].stage = .relaying
    relayRequest(passage)
    return true
  }

  private mutating func refuseHandshake(_ passage: Handle, _ detail: String) {
    eventLog.warn("upstream_failed", ["reason": "upstream_protocol_error", "detail": .text(detail)])
    refuse(passage, Refusal(.upstreamProtocolError))
  }

  /// Where the app may be asked by either version, HTTP/1.1 has what its HTTP/2 lacks.
  func mayUseHTTP1(_ passage: Handle, _ failure: CallFailure) -> Bool {
    guard failure.kind == .tunnelUnsupported, http1Origin != nil, let webSocket = passages[passage].webSocket else { return false }
    return !webSocket.usesHTTP1
  }
}
