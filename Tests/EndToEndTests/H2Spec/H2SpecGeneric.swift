import TestPeers

/// The section "generic" of h2spec: what a server must accept.
enum H2SpecGeneric {
  static let all = streams + frames + messages + hpack

  static let streams: [H2SpecCase] = [
    H2SpecCase("generic/1/1 Sends a client connection preface", .settings(isAck: false), handshakes: false) {
      $0.send(RawHTTP2.preface)
      $0.send(.settings((0x4, 65_535)))
    },
    H2SpecCase("generic/2/1 Sends a PRIORITY frame on idle stream", .ping()) { $0.send(.priority(1), .ping()) },
    H2SpecCase("generic/2/2 Sends a WINDOW_UPDATE frame on half-closed (remote) stream", .data()) {
      $0.send(.settings((0x4, 0)), $0.headers(1), .windowUpdate(1, 1))
    },
    H2SpecCase("generic/2/3 Sends a PRIORITY frame on half-closed (remote) stream", .data()) {
      $0.send(.settings((0x4, 0)), $0.headers(1), .priority(1), .windowUpdate(1, 1))
    },
    H2SpecCase("generic/2/4 Sends a RST_STREAM frame on half-closed (remote) stream", .ping()) {
      $0.send($0.headers(1), .rstStream(1), .ping())
    },
    H2SpecCase("generic/2/5 Sends a PRIORITY frame on closed stream", .ping()) {
      try $0.exchange()
      $0.send(.priority(1), .ping())
    },
  ]

  static let frames: [H2SpecCase] = [
    H2SpecCase("generic/3.1/1 Sends a DATA frame", .answer) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "test"))
    },
    H2SpecCase("generic/3.1/2 Sends multiple DATA frames", .answer) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "test", []), .data(1, "test"))
    },
    H2SpecCase("generic/3.1/3 Sends a DATA frame with padding", .answer) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "\u{6}testpadded", [.endStream, .padded]))
    },
    H2SpecCase("generic/3.2/1 Sends a HEADERS frame", .answer) { $0.send($0.headers(1)) },
    H2SpecCase("generic/3.2/2 Sends a HEADERS frame with padding", .answer) {
      $0.send($0.headers(1, block: [8] + $0.block() + [UInt8](repeating: 0, count: 8), [.endStream, .endHeaders, .padded]))
    },
    H2SpecCase("generic/3.2/3 Sends a HEADERS frame with priority", .answer) {
      $0.send($0.headers(1, block: [0, 0, 0, 0, 255] + $0.block(), [.endStream, .endHeaders, .priority]))
    },
    H2SpecCase("generic/3.3/1 Sends a PRIORITY frame with priority 1", .answer) {
      $0.send(.priority(1, weight: 0), $0.headers(1))
    },
    H2SpecCase("generic/3.3/2 Sends a PRIORITY frame with priority 256", .answer) { $0.send(.priority(1), $0.headers(1)) },
    H2SpecCase("generic/3.3/3 Sends a PRIORITY frame with stream dependency", .answer) {
      $0.send(.priority(3, on: 1, weight: 0), $0.headers(1))
    },
    H2SpecCase("generic/3.3/4 Sends a PRIORITY frame with exclusive", .answer) {
      $0.send(.priority(1, weight: 0, exclusive: true), $0.headers(1))
    },
    H2SpecCase(
      "generic/3.3/5 Sends a PRIORITY frame for an idle stream, then send a HEADER frame for a lower stream ID", .answer
    ) { $0.send(.priority(3), $0.headers(1)) },
    H2SpecCase("generic/3.4/1 Sends a RST_STREAM frame", .ping()) {
      $0.send($0.headers(1, "GET", [], .endHeaders), .rstStream(1), .ping())
    },
    H2SpecCase("generic/3.5/1 Sends a SETTINGS frame", .settings(isAck: true)) {
      $0.send(.settings((0x1, 4096), (0x2, 1), (0x3, 100), (0x4, 65_535), (0x5, 16_384), (0x6, 100)))
    },
    H2SpecCase("generic/3.7/1 Sends a PING frame", .ping("h2spec\0\0")) { $0.send(.ping([], "h2spec\0\0")) },
    H2SpecCase("generic/3.8/1 Sends a GOAWAY frame", .closed) { $0.send(.goAway(0)) },
    H2SpecCase("generic/3.9/1 Sends a WINDOW_UPDATE frame with stream ID 0", .ping()) { $0.send(.windowUpdate(0, 1), .ping()) },
    H2SpecCase("generic/3.9/2 Sends a WINDOW_UPDATE frame with stream ID 1", .answer) {
      $0.send($0.headers(1), .windowUpdate(1, 1))
    },
    H2SpecCase("generic/3.10/1 Sends a CONTINUATION frame", .answer) {
      let block = $0.block()
      $0.send($0.headers(1, block: Array(block[..<5]), .endStream), .continuation(1, Array(block[5...])))
    },
    H2SpecCase("generic/3.10/2 Sends multiple CONTINUATION frames", .answer) {
      let block = $0.block()
      $0.send(
        $0.headers(1, block: Array(block[..<5]), .endStream), .continuation(1, Array(block[5..<10]), []),
        .continuation(1, Array(block[10...])))
    },
  ]

  static let messages: [H2SpecCase] = [
    H2SpecCase("generic/4/1 Sends a GET request", .answer) { $0.send($0.headers(1)) },
    H2SpecCase("generic/4/2 Sends a HEAD request", .answer) { $0.send($0.headers(1, "HEAD")) },
    H2SpecCase("generic/4/3 Sends a POST request", .answer) {
      $0.send($0.headers(1, "POST", [], .endHeaders), .data(1, "test"))
    },
    H2SpecCase("generic/4/4 Sends a POST request with trailers", .answer) {
      let trailers = RawHPACK.block([("x-test", "ok")])
      $0.send(
        $0.headers(1, "POST", [("trailer", "x-test")], .endHeaders), .data(1, "test", []), $0.headers(1, block: trailers))
    },
  ]

  /// A request with one more field in that representation.
  private static func representation(_ name: String, _ bytes: [UInt8]) -> H2SpecCase {
    H2SpecCase("generic/5/\(name)", .answer) { $0.send($0.headers(1, block: $0.block() + bytes)) }
  }

  static let hpack: [H2SpecCase] = [
    representation("1 Sends a indexed header field representation", [0xBA]),
    representation(
      "2 Sends a literal header field with incremental indexing - indexed name", [0x40] + H2SpecCase.userAgentHuffman),
    representation(
      "3 Sends a literal header field with incremental indexing - indexed name (with Huffman coding)",
      [0x40] + H2SpecCase.userAgent),
    representation("4 Sends a literal header field with incremental indexing - new name", [0x40] + H2SpecCase.test),
    representation(
      "5 Sends a literal header field with incremental indexing - new name (with Huffman coding)",
      [0x40] + H2SpecCase.testHuffman),
    representation("6 Sends a literal header field without indexing - indexed name", [0x00] + H2SpecCase.userAgent),
    representation(
      "7 Sends a literal header field without indexing - indexed name (with Huffman coding)",
      [0x00] + H2SpecCase.userAgentHuffman),
    representation("8 Sends a literal header field without indexing - new name", [0x00] + H2SpecCase.test),
    representation(
      "9 Sends a literal header field without indexing - new name (huffman encoded)", [0x00] + H2SpecCase.testHuffman),
    representation("10 Sends a literal header field never indexed - indexed name", [0x10] + H2SpecCase.userAgent),
    representation(
      "11 Sends a literal header field never indexed - indexed name (huffman encoded)", [0x10] + H2SpecCase.userAgentHuffman),
    representation("12 Sends a literal header field never indexed - new name", [0x10] + H2SpecCase.test),
    representation(
      "13 Sends a literal header field never indexed - new name (huffman encoded)", [0x10] + H2SpecCase.testHuffman),
    H2SpecCase("generic/5/14 Sends a dynamic table size update", .answer) {
      $0.send($0.headers(1, block: [0x20] + $0.block()))
    },
    H2SpecCase("generic/5/15 Sends multiple dynamic table size update", .answer) {
      $0.send($0.headers(1, block: [0x20, 0x3F, 0xE1, 0x1F] + $0.block()))
    },
  ]
}

/// The section "hpack" of h2spec: what no decoder may take.
enum H2SpecHPACK {
  private static func decodingError(_ name: String, before: [UInt8] = [], after: [UInt8] = []) -> H2SpecCase {
    H2SpecCase("hpack/\(name)", .connectionError(.compressionError)) {
      $0.send($0.headers(1, block: before + $0.block() + after))
    }
  }

  private static let test: [UInt8] = [0x00, 0x85, 0xF2, 0xB2, 0x4A, 0x84, 0xFF]

  static let all: [H2SpecCase] = [
    decodingError("2.3.3/1 Sends a indexed header field representation with invalid index", after: [0xFE]),
    decodingError(
      "2.3.3/2 Sends a literal header field representation with invalid index", after: [0x7E, 0x05] + Array("empty".utf8)),
    decodingError("4.2/1 Sends a dynamic table size update at the end of header block", after: [0x21]),
    decodingError(
      "5.2/1 Sends a Huffman-encoded string literal representation with padding longer than 7 bits",
      after: test + [0x84, 0x49, 0x50, 0x9F, 0xFF]),
    decodingError(
      "5.2/2 Sends a Huffman-encoded string literal representation padded by zero", after: test + [0x83, 0x49, 0x50, 0x90]),
    decodingError(
      "5.2/3 Sends a Huffman-encoded string literal representation containing the EOS symbol",
      after: test + [0x87, 0xFF, 0xFF, 0xFF, 0xFD, 0x25, 0x42, 0x7F]),
    decodingError("6.1/1 Sends a indexed header field representation with index 0", after: [0x80]),
    decodingError(
      "6.3/1 Sends a dynamic table size update larger than the value of SETTINGS_HEADER_TABLE_SIZE",
      before: RawHPACK.integer(4097, prefix: 5, first: 0x20)),
  ]
}
