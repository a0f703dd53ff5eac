import TestPeers

/// Section 6 of h2spec's "http2": each kind of frame, wrongly made.
enum H2SpecFrames {
  static let all = content + control + windows + continuation

  static let content: [H2SpecCase] = [
    H2SpecCase("http2/6.1/1 Sends a DATA frame with 0x0 stream identifier", .connectionError(.protocolError)) {
      $0.send(.data(0, "test"))
    },
    H2SpecCase(
      "http2/6.1/2 Sends a DATA frame on the stream that is not in \"open\" or \"half-closed (local)\" state",
      .streamError(.streamClosed)
    ) { $0.send($0.headers(1, "POST"), .data(1, "test")) },
    H2SpecCase("http2/6.1/3 Sends a DATA frame with invalid pad length", .connectionError(.protocolError)) {
      $0.send($0.headers(1, "POST", [("content-length", "4")], .endHeaders), .data(1, "\u{6}Test", [.endStream, .padded]))
    },
    H2SpecCase(
      "http2/6.2/1 Sends a HEADERS frame without the END_HEADERS flag, and a PRIORITY frame", .connectionError(.protocolError)
    ) { $0.send($0.headers(1, "GET", [], []), .priority(1), .continuation(1, H2SpecCase.dummyBlock)) },
    H2SpecCase(
      "http2/6.2/2 Sends a HEADERS frame to another stream while sending a HEADERS frame", .connectionError(.protocolError)
    ) { $0.send($0.headers(1, "GET", [], []), $0.headers(3), .continuation(1, H2SpecCase.dummyBlock)) },
    H2SpecCase("http2/6.2/3 Sends a HEADERS frame with 0x0 stream identifier", .connectionError(.protocolError)) {
      $0.send($0.headers(0))
    },
    H2SpecCase("http2/6.2/4 Sends a HEADERS frame with invalid pad length", .streamError(.protocolError)) {
      let block = $0.block()
      $0.send($0.headers(1, block: [UInt8(block.count + 2)] + block, [.endStream, .endHeaders, .padded]))
    },
  ]

  static let control: [H2SpecCase] = [
    H2SpecCase("http2/6.3/1 Sends a PRIORITY frame with 0x0 stream identifier", .connectionError(.protocolError)) {
      $0.send(.priority(0))
    },
    H2SpecCase("http2/6.3/2 Sends a PRIORITY frame with a length other than 5 octets", .streamError(.frameSizeError)) {
      $0.send($0.headers(1), RawFrame(RawFrame.Kind.priority, stream: 1, [0x80, 0, 0, 1]))
    },
    H2SpecCase(
      "http2/6.3/3 Sends a PRIORITY frame for an idle stream, then send a HEADER frame for a lower stream ID", .answer
    ) { $0.send(.priority(3), $0.headers(1)) },
    H2SpecCase("http2/6.4/1 Sends a RST_STREAM frame with 0x0 stream identifier", .connectionError(.protocolError)) {
      $0.send(.rstStream(0))
    },
    H2SpecCase("http2/6.4/2 Sends a RST_STREAM frame on a idle stream", .connectionError(.protocolError)) {
      $0.send(.rstStream(1))
    },
    H2SpecCase("http2/6.4/3 Sends a RST_STREAM frame with a length other than 4 octets", .streamError(.frameSizeError)) {
      $0.send($0.headers(1), RawFrame(RawFrame.Kind.rstStream, stream: 1, [0, 0, 0]))
    },
    H2SpecCase("http2/6.5/1 Sends a SETTINGS frame with ACK flag and payload", .connectionError(.frameSizeError)) {
      $0.send(RawFrame(RawFrame.Kind.settings, .ack, [0]))
    },
    H2SpecCase("http2/6.5/2 Sends a SETTINGS frame with 0x1 stream identifier", .connectionError(.protocolError)) {
      $0.send(RawFrame(RawFrame.Kind.settings, stream: 1, [0, 3, 0, 0, 0, 0x64]))
    },
    H2SpecCase(
      "http2/6.5/3 Sends a SETTINGS frame with a length other than a multiple of 6 octets",
      .connectionError([.protocolError, .frameSizeError])
    ) { $0.send(RawFrame(RawFrame.Kind.settings, [0, 3, 0, 0, 0, 0x64, 0, 2])) },
    H2SpecCase("http2/6.5.2/1 SETTINGS_ENABLE_PUSH (0x2): Sends the value other than 0 or 1", .connectionError(.protocolError)) {
      $0.send(.settings((0x2, 2)))
    },
    H2SpecCase(
      "http2/6.5.2/2 SETTINGS_INITIAL_WINDOW_SIZE (0x4): Sends the value above the maximum flow control window size",
      .connectionError(.flowControlError)
    ) { $0.send(.settings((0x4, 1 << 31))) },
    H2SpecCase(
      "http2/6.5.2/3 SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value below the initial value", .connectionError(.protocolError)
    ) { $0.send(.settings((0x5, 16_383))) },
    H2SpecCase(
      "http2/6.5.2/4 SETTINGS_MAX_FRAME_SIZE (0x5): Sends the value above the maximum allowed frame size",
      .connectionError(.protocolError)
    ) { $0.send(.settings((0x5, 16_777_216))) },
    H2SpecCase("http2/6.5.2/5 Sends a SETTINGS frame with unknown identifier", .ping()) {
      $0.send(.settings((0xFF, 1)), .ping())
    },
    H2SpecCase("http2/6.5.3/1 Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE", .data(length: 1)) {
      try $0.apply((0x4, 100), (0x4, 1))
      $0.send($0.headers(1))
    },
    H2SpecCase("http2/6.5.3/2 Sends a SETTINGS frame without ACK flag", .settings(isAck: true)) {
      $0.send(.settings((0x2, 0)))
    },
    H2SpecCase("http2/6.7/1 Sends a PING frame", .ping("h2spec\0\0")) { $0.send(.ping([], "h2spec\0\0")) },
    H2SpecCase("http2/6.7/2 Sends a PING frame with ACK", .ping("h2spec\0\0")) {
      $0.send(.ping(.ack, "invalid\0"), .ping([], "h2spec\0\0"))
    },
    H2SpecCase(
      "http2/6.7/3 Sends a PING frame with a stream identifier field value other than 0x0", .connectionError(.protocolError)
    ) { $0.send(RawFrame(RawFrame.Kind.ping, stream: 1, [UInt8](repeating: 0, count: 8))) },
    H2SpecCase("http2/6.7/4 Sends a PING frame with a length field value other than 8", .connectionError(.frameSizeError)) {
      $0.send(RawFrame(RawFrame.Kind.ping, [UInt8](repeating: 0, count: 6)))
    },
    H2SpecCase("http2/6.8/1 Sends a GOAWAY frame with a stream identifier other than 0x0", .connectionError(.protocolError)) {
      $0.send(.goAway(0, stream: 1))
    },
  ]

  static let windows: [H2SpecCase] = [
    H2SpecCase("http2/6.9/1 Sends a WINDOW_UPDATE frame with a flow control window increment of 0", .connectionError(.protocolError)) {
      $0.send(.windowUpdate(0, 0))
    },
    H2SpecCase(
      "http2/6.9/2 Sends a WINDOW_UPDATE frame with a flow control window increment of 0 on a stream", .streamError(.protocolError)
    ) { $0.send($0.headers(1, "GET", [], .endHeaders), .windowUpdate(1, 0)) },
    H2SpecCase("http2/6.9/3 Sends a WINDOW_UPDATE frame with a length other than 4 octets", .connectionError(.frameSizeError)) {
      $0.send(RawFrame(RawFrame.Kind.windowUpdate, [0, 0, 1]))
    },
    H2SpecCase(
      "http2/6.9.1/1 Sends SETTINGS frame to set the initial window size to 1 and sends HEADERS frame", .data(length: 1)
    ) {
      try $0.apply((0x4, 1))
      $0.send($0.headers(1))
    },
    H2SpecCase(
      "http2/6.9.1/2 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1",
      .goAway(.flowControlError)
    ) { $0.send(.windowUpdate(0, .max >> 1), .windowUpdate(0, .max >> 1)) },
    H2SpecCase(
      "http2/6.9.1/3 Sends multiple WINDOW_UPDATE frames increasing the flow control window to above 2^31-1 on a stream",
      .rstStream(.flowControlError)
    ) { $0.send($0.headers(1, "GET", [], .endHeaders), .windowUpdate(1, .max >> 1), .windowUpdate(1, .max >> 1)) },
    H2SpecCase("http2/6.9.2/1 Changes SETTINGS_INITIAL_WINDOW_SIZE after sending HEADERS frame", .data(length: 1)) {
      try $0.apply((0x4, 0))
      $0.send($0.headers(1))
      try $0.apply((0x4, 1))
    },
    H2SpecCase("http2/6.9.2/2 Sends a SETTINGS frame for window size to be negative", .data(length: 1)) {
      try $0.apply((0x4, 3))
      $0.send($0.headers(1))
      guard try $0.read(RawFrame.Kind.data).payload.count == 3 else { throw RawConnection.Failure.noHTTP }
      try $0.apply((0x4, 2))
      $0.send(.windowUpdate(1, 2))
    },
    H2SpecCase(
      "http2/6.9.2/3 Sends a SETTINGS_INITIAL_WINDOW_SIZE settings with an exceeded maximum window size value",
      .connectionError(.flowControlError)
    ) { $0.send(.settings((0x4, 1 << 31))) },
  ]

  static let continuation: [H2SpecCase] = [
    H2SpecCase("http2/6.10/1 Sends multiple CONTINUATION frames preceded by a HEADERS frame", .answer) {
      $0.send(
        $0.headers(1, "GET", [], .endStream), .continuation(1, H2SpecCase.dummyBlock, []),
        .continuation(1, H2SpecCase.dummyBlock))
    },
    H2SpecCase(
      "http2/6.10/2 Sends a CONTINUATION frame followed by any frame other than CONTINUATION", .connectionError(.protocolError)
    ) { $0.send($0.headers(1, "POST", [], []), .continuation(1, H2SpecCase.dummyBlock, []), .data(1, "test")) },
    H2SpecCase("http2/6.10/3 Sends a CONTINUATION frame with 0x0 stream identifier", .connectionError(.protocolError)) {
      $0.send($0.headers(1, "GET", [], .endStream), .continuation(0, H2SpecCase.dummyBlock))
    },
    H2SpecCase(
      "http2/6.10/4 Sends a CONTINUATION frame preceded by a HEADERS frame with END_HEADERS flag",
      .connectionError(.protocolError)
    ) { $0.send($0.headers(1), .continuation(1, H2SpecCase.dummyBlock)) },
    H2SpecCase(
      "http2/6.10/5 Sends a CONTINUATION frame preceded by a CONTINUATION frame with END_HEADERS flag",
      .connectionError(.protocolError)
    ) {
      $0.send(
        $0.headers(1, "GET", [], .endStream), .continuation(1, H2SpecCase.dummyBlock), .continuation(1, H2SpecCase.dummyBlock))
    },
    H2SpecCase("http2/6.10/6 Sends a CONTINUATION frame preceded by a DATA frame", .connectionError(.protocolError)) {
      $0.send(
        $0.headers(1, "POST", [], []), .data(1, "test"), .continuation(1, H2SpecCase.dummyBlock, []),
        .continuation(0, H2SpecCase.dummyBlock))
    },
  ]
}
