import TestPeers

/// Sections 3 to 5 of h2spec's "http2": starting, framing, streams. What no server may put up with.
enum H2SpecConnection {
  static let all = starting + framing + streams

  static let unknownFrame = RawFrame(0x16, [UInt8](repeating: 0, count: 8))

  static let starting: [H2SpecCase] = [
    H2SpecCase("http2/3.5/1 Sends client connection preface", .settings(isAck: false), handshakes: false) {
      $0.send(RawHTTP2.preface)
      $0.send(.settings((0x4, 65_535)))
    },
    H2SpecCase("http2/3.5/2 Sends invalid connection preface", .closed, handshakes: false) {
      try $0.connection.send("INVALID CONNECTION PREFACE\r\n\r\n")
      // Without HTTP/2 the answer is one of HTTP/1.1, and then the end.
      _ = $0.connection.readToEnd()
    },
  ]

  static let framing: [H2SpecCase] = [
    H2SpecCase("http2/4.1/1 Sends a frame with unknown type", .ping()) { $0.send(unknownFrame, .ping()) },
    H2SpecCase("http2/4.1/2 Sends a frame with undefined flag", .ping()) {
      $0.send(.ping(RawFrame.Flags(rawValue: 0x16)))
    },
    H2SpecCase("http2/4.1/3 Sends a frame with reserved field bit", .ping()) {
      $0.send(RawFrame(RawFrame.Kind.ping, RawFrame.Flags(rawValue: 0x16), stream: 1 << 31, Array("12345678".utf8)))
    },
    H2SpecCase("http2/4.2/1 Sends a DATA frame with 2^14 octets in length", .answer) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, String(repeating: "x", count: 16_384)))
    },
    H2SpecCase("http2/4.2/2 Sends a large size DATA frame that exceeds the SETTINGS_MAX_FRAME_SIZE", .streamError(.frameSizeError)) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, String(repeating: "x", count: 16_385)))
    },
    H2SpecCase(
      "http2/4.2/3 Sends a large size HEADERS frame that exceeds the SETTINGS_MAX_FRAME_SIZE", .connectionError(.frameSizeError)
    ) {
      let fields = (0..<5).map { ("x-dummy\($0)", H2SpecCase.dummy[0].1) }
      $0.send($0.headers(1, "GET", fields))
    },
    H2SpecCase("http2/4.3/1 Sends invalid header block fragment", .connectionError(.compressionError)) {
      $0.send($0.headers(1, block: [0x40]))
    },
    H2SpecCase("http2/4.3/2 Sends a PRIORITY frame while sending the header blocks", .connectionError(.protocolError)) {
      $0.send($0.headers(1, "GET", [], []), .priority(1), .continuation(1, H2SpecCase.dummyBlock))
    },
    H2SpecCase(
      "http2/4.3/3 Sends a HEADERS frame to another stream while sending the header blocks", .connectionError(.protocolError)
    ) { $0.send($0.headers(1, "GET", [], []), $0.headers(3), .continuation(1, H2SpecCase.dummyBlock)) },
    H2SpecCase("http2/5.5/1 Sends an unknown extension frame", .ping()) { $0.send(unknownFrame, .ping()) },
    H2SpecCase(
      "http2/5.5/2 Sends an unknown extension frame in the middle of a header block", .connectionError(.protocolError)
    ) { $0.send($0.headers(1, "GET", [], .endStream), unknownFrame) },
  ]

  static let streams: [H2SpecCase] = [
    H2SpecCase("http2/5.1/1 idle: Sends a DATA frame", .connectionError(.protocolError)) { $0.send(.data(1, "test")) },
    H2SpecCase("http2/5.1/2 idle: Sends a RST_STREAM frame", .connectionError(.protocolError)) { $0.send(.rstStream(1)) },
    H2SpecCase("http2/5.1/3 idle: Sends a WINDOW_UPDATE frame", .connectionError(.protocolError)) {
      $0.send(.windowUpdate(1, 100))
    },
    H2SpecCase("http2/5.1/4 idle: Sends a CONTINUATION frame", .connectionError(.protocolError)) {
      $0.send(.continuation(1, $0.block()))
    },
    H2SpecCase("http2/5.1/5 half closed (remote): Sends a DATA frame", .streamError(.streamClosed)) {
      $0.send($0.headers(1), .data(1, "test"))
    },
    H2SpecCase("http2/5.1/6 half closed (remote): Sends a HEADERS frame", .streamError(.streamClosed)) {
      $0.send($0.headers(1), $0.headers(1))
    },
    H2SpecCase(
      "http2/5.1/7 half closed (remote): Sends a CONTINUATION frame", .streamError([.streamClosed, .protocolError])
    ) { $0.send($0.headers(1), .continuation(1, $0.block())) },
    H2SpecCase("http2/5.1/8 closed: Sends a DATA frame after sending RST_STREAM frame", .ignored) {
      $0.send($0.headers(1, "GET", [], .endHeaders), .rstStream(1), .data(1, "test"))
    },
    H2SpecCase("http2/5.1/9 closed: Sends a HEADERS frame after sending RST_STREAM frame", .streamError(.streamClosed)) {
      $0.send($0.headers(1, "GET", [], .endHeaders), .rstStream(1), $0.headers(1))
    },
    H2SpecCase(
      "http2/5.1/10 closed: Sends a CONTINUATION frame after sending RST_STREAM frame",
      .streamError([.streamClosed, .protocolError])
    ) { $0.send($0.headers(1, "GET", [], .endHeaders), .rstStream(1), .continuation(1, H2SpecCase.dummyBlock)) },
    H2SpecCase("http2/5.1/11 closed: Sends a DATA frame", .ignored) {
      try $0.exchange()
      $0.send(.data(1, "test"))
    },
    H2SpecCase("http2/5.1/12 closed: Sends a HEADERS frame", .connectionError(.streamClosed)) {
      try $0.exchange()
      $0.send($0.headers(1))
    },
    H2SpecCase("http2/5.1/13 closed: Sends a CONTINUATION frame", .connectionError([.streamClosed, .protocolError])) {
      try $0.exchange()
      $0.send(.continuation(1, H2SpecCase.dummyBlock))
    },
    H2SpecCase("http2/5.1.1/1 Sends even-numbered stream identifier", .connectionError(.protocolError)) {
      $0.send($0.headers(2))
    },
    H2SpecCase(
      "http2/5.1.1/2 Sends stream identifier that is numerically smaller than previous", .connectionError(.protocolError)
    ) { $0.send($0.headers(5), $0.headers(3)) },
    H2SpecCase(
      "http2/5.1.1/3 Sends HEADERS frame with the stream which is in half-closed (remote) state", .streamError(.streamClosed)
    ) { $0.send($0.headers(5), $0.headers(5)) },
    H2SpecCase(
      "http2/5.1.2/1 Sends HEADERS frames that causes their advertised concurrent stream limit to be exceeded",
      .streamError([.protocolError, .refusedStream])
    ) { client in
      guard let limit = client.settings[0x3] else { throw RawConnection.Failure.noHTTP }
      client.send(.settings((0x4, 0)))
      client.send((0...limit).map { client.headers(1 + 2 * $0) })
    },
    H2SpecCase("http2/5.3.1/1 Sends HEADERS frame that depends on itself", .streamError(.protocolError)) {
      $0.send($0.headers(1, block: [0, 0, 0, 1, 255] + $0.block(), [.endStream, .endHeaders, .priority]))
    },
    H2SpecCase("http2/5.3.1/2 Sends PRIORITY frame that depend on itself", .ignored) {
      $0.send(.priority(1, on: 1))
    },
    H2SpecCase("http2/5.4.1/1 Sends an invalid PING frame for connection close", .closed) {
      $0.send(RawFrame(RawFrame.Kind.ping, stream: 3, [UInt8](repeating: 0, count: 8)))
    },
    H2SpecCase("http2/5.4.1/2 Sends an invalid PING frame to receive GOAWAY frame", .goAway(.protocolError)) {
      $0.send(RawFrame(RawFrame.Kind.ping, stream: 3, [UInt8](repeating: 0, count: 8)))
    },
  ]
}
