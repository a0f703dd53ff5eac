import TestPeers

/// Sections 7 and 8 of h2spec's "http2": error codes and messages.
enum H2SpecMessages {
  static let all = codes + fields + lengths

  static let codes: [H2SpecCase] = [
    H2SpecCase("http2/7/1 Sends a GOAWAY frame with unknown error code", .closed) { $0.send(.goAway(0xFF)) },
    H2SpecCase("http2/7/2 Sends a RST_STREAM frame with unknown error code", .ping()) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .rstStream(1, 0xFF), .ping())
    },
    H2SpecCase("http2/8.1/1 Sends a second HEADERS frame without the END_STREAM flag", .streamError(.protocolError)) {
      let trailers = RawHPACK.block([("x-test", "ok")])
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "test", []), $0.headers(1, block: trailers, .endHeaders))
    },
    H2SpecCase("http2/8.2/1 Sends a PUSH_PROMISE frame", .connectionError(.protocolError)) {
      $0.send(RawFrame(RawFrame.Kind.pushPromise, .endHeaders, stream: 1, [0, 0, 0, 3] + $0.block()))
    },
  ]

  /// A request whose fields are changed by `change`.
  private static func malformed(
    _ name: String, _ change: @escaping @Sendable ([(String, String)]) -> [(String, String)]
  ) -> H2SpecCase {
    H2SpecCase("http2/\(name)", .streamError(.protocolError)) { $0.send($0.headers(1, fields: change($0.fields()))) }
  }

  static let fields: [H2SpecCase] = [
    malformed("8.1.2/1 Sends a HEADERS frame that contains the header field name in uppercase letters") {
      $0 + [("X-TEST", "ok")]
    },
    malformed("8.1.2.1/1 Sends a HEADERS frame that contains a unknown pseudo-header field") { $0 + [(":test", "ok")] },
    malformed("8.1.2.1/2 Sends a HEADERS frame that contains the pseudo-header field defined for response") {
      $0 + [(":status", "200")]
    },
    H2SpecCase(
      "http2/8.1.2.1/3 Sends a HEADERS frame that contains a pseudo-header field as trailers", .streamError(.protocolError)
    ) {
      let trailers = RawHPACK.block([(":method", "POST")])
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "test", []), $0.headers(1, block: trailers))
    },
    malformed(
      "8.1.2.1/4 Sends a HEADERS frame that contains a pseudo-header field that appears in a header block after a regular header field"
    ) { [("x-test", "ok")] + $0 },
    malformed("8.1.2.2/1 Sends a HEADERS frame that contains the connection-specific header field") {
      $0 + [("connection", "keep-alive")]
    },
    malformed("8.1.2.2/2 Sends a HEADERS frame that contains the TE header field with any value other than \"trailers\"") {
      $0 + [("trailers", "test"), ("te", "trailers, deflate")]
    },
    malformed("8.1.2.3/1 Sends a HEADERS frame with empty \":path\" pseudo-header field") {
      $0.map { $0.0 == ":path" ? (":path", "") : $0 }
    },
    malformed("8.1.2.3/2 Sends a HEADERS frame that omits \":method\" pseudo-header field") {
      $0.filter { $0.0 != ":method" }
    },
    malformed("8.1.2.3/3 Sends a HEADERS frame that omits \":scheme\" pseudo-header field") {
      $0.filter { $0.0 != ":scheme" }
    },
    malformed("8.1.2.3/4 Sends a HEADERS frame that omits \":path\" pseudo-header field") { $0.filter { $0.0 != ":path" } },
    malformed("8.1.2.3/5 Sends a HEADERS frame with duplicated \":method\" pseudo-header field") {
      $0 + [(":method", "GET")]
    },
    malformed("8.1.2.3/6 Sends a HEADERS frame with duplicated \":scheme\" pseudo-header field") {
      $0 + [(":scheme", "http")]
    },
    malformed("8.1.2.3/7 Sends a HEADERS frame with duplicated \":path\" pseudo-header field") { $0 + [(":path", "/")] },
  ]

  static let lengths: [H2SpecCase] = [
    H2SpecCase(
      "http2/8.1.2.6/1 Sends a HEADERS frame with the \"content-length\" header field which does not equal the DATA frame payload length",
      .streamError(.protocolError)
    ) { $0.send($0.headers(1, "POST", [("content-length", "1")], .endHeaders), .data(1, "test")) },
    H2SpecCase(
      "http2/8.1.2.6/2 Sends a HEADERS frame with the \"content-length\" header field which does not equal the sum of the multiple DATA frames payload length",
      .streamError(.protocolError)
    ) { $0.send($0.headers(1, "POST", [("content-length", "1")], .endHeaders), .data(1, "test", []), .data(1, "test")) },
  ]
}
