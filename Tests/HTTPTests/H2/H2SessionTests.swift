import HTTP
import Testing

/// A client and a server session, joined without a socket.
private struct Pair: ~Copyable {
  var client = H2Session(.client, H2Settings())
  var server: H2Session
  var batch = H2Batch()

  init(_ settings: H2Settings = H2Settings()) {
    server = H2Session(.server, settings)
    pump { _, _, _ in }
  }

  enum Side { case client, server }

  /// Moves bytes until both are silent; `see` gets each event with the bytes that it came from.
  mutating func pump(_ see: (Side, H2Event, [UInt8]) -> Void) {
    var isMoving = true
    while isMoving {
      isMoving = false
      for side in [Side.client, .server] {
        var output: [UInt8] = []
        if side == .client {
          _ = try? client.produce(into: &output, limitBytes: 1 << 20, batch: &batch)
        } else {
          _ = try? server.produce(into: &output, limitBytes: 1 << 20, batch: &batch)
        }
        for event in batch.events { see(side, event, []) }
        if output.isEmpty { continue }
        isMoving = true
        if side == .client {
          try? server.receive(output.span, into: &batch)
          for event in batch.events { see(.server, event, output) }
        } else {
          try? client.receive(output.span, into: &batch)
          for event in batch.events { see(.client, event, output) }
        }
      }
    }
  }

  mutating func request(_ fields: [(StaticString, String)] = [], path: String = "/a?b", endsStream: Bool = true) -> Int? {
    var head = RequestHead()
    head.methodName = head.fields.store("GET")
    let target = head.fields.store(path)
    head.path = target
    for (name, value) in fields { head.fields.append(name, value) }
    return client.submitRequest(
      head, lines: head.fields.lines, scheme: "http", authority: "example.com".utf8.span, endsStream: endsStream, owner: 7)
  }
}

@Suite struct H2SessionTests {
  @Test func `a request arrives with its pseudo-fields and fields`() {
    var pair = Pair()
    _ = pair.request([("accept", "*/*")])
    var requests: [RequestHead] = []
    var heads: [Int] = []
    pair.pump { side, event, _ in
      if case .request(_, let head, let endsStream) = event {
        #expect(side == .server && endsStream)
        heads.append(head)
      }
    }
    requests = heads.map { pair.batch.requests[$0] }
    #expect(heads.count == 1)
    if let head = requests.first {
      #expect(head.fields.string(head.path) == "/a")
      #expect(head.fields.string(head.query) == "b")
      #expect(head.fields.string(head.authority) == "example.com")
      #expect(head.fields.values("accept") == ["*/*"])
    }
  }

  @Test func `a Host that differs from the authority is refused`() {
    var pair = Pair()
    _ = pair.request([("host", "other.example.com")])
    var errors: [MessageError] = []
    pair.pump { _, event, _ in if case .refused(_, _, let error) = event { errors.append(error) } }
    #expect(errors == [.authorityInvalid(.hostDiffers)])
  }

  @Test func `a section beyond the limit is refused and the connection lives`() {
    var pair = Pair()
    _ = pair.request([("x-large", String(repeating: "x", count: 60_000)), ("y-large", String(repeating: "y", count: 20_000))])
    var errors: [MessageError] = []
    pair.pump { _, event, _ in if case .refused(_, _, let error) = event { errors.append(error) } }
    #expect(errors == [.headerSectionTooLarge])
    _ = pair.request()
    var count = 0
    pair.pump { _, event, _ in if case .request = event { count += 1 } }
    #expect(count == 1)
  }

  @Test func `content stops at the window until it is consumed`() throws {
    var settings = H2Settings()
    settings.streamWindowBytes = 65_535
    var pair = Pair(settings)
    let opened = pair.request(endsStream: false)
    let slot = try #require(opened)
    pair.client.write(slot, Array(repeating: 1, count: 200_000).span)
    var received = 0
    var serverSlot = 0
    pair.pump { _, event, _ in
      if case .content(let slot, _, let count) = event {
        received += count
        serverSlot = slot
      }
    }
    #expect(received == 65_535)
    pair.server.consume(serverSlot, 65_535)
    pair.pump { _, event, _ in if case .content(_, _, let count) = event { received += count } }
    #expect(received == 131_070)
  }

  @Test func `a reset reaches the other side as a reset`() throws {
    var pair = Pair()
    let opened = pair.request(endsStream: false)
    let slot = try #require(opened)
    pair.pump { _, _, _ in }
    pair.client.reset(slot, code: H2ErrorCode.cancel)
    var codes: [UInt32] = []
    pair.pump { side, event, _ in if side == .server, case .closed(_, let code) = event { codes.append(code) } }
    #expect(codes == [H2ErrorCode.cancel])
  }

  @Test func `a stream that is forgotten before its reset has left gives its place to no other`() throws {
    var pair = Pair()
    _ = pair.request()
    var slots: [Int] = []
    pair.pump { side, event, _ in if side == .server, case .request(let slot, _, _) = event { slots.append(slot) } }
    let first = try #require(slots.first)
    pair.server.reset(first, code: H2ErrorCode.cancel)
    var queue: [UInt8] = []
    pair.server.release(first, leaving: &queue)
    _ = pair.request()
    var closed: [Int] = []
    pair.pump { side, event, _ in
      guard side == .server else { return }
      if case .request(let slot, _, _) = event { slots.append(slot) }
      if case .closed(let slot, _) = event { closed.append(slot) }
    }
    #expect(closed == [first])
    #expect(slots.count == 2 && slots[1] != first)
    let isSubmitted = pair.server.submitResponse(slots[1], status: 200, fields: FieldSection(), endsStream: true)
    #expect(isSubmitted)
    // What is told of it in the end frees the place.
    pair.server.release(first, leaving: &queue)
    #expect(pair.server.streamCount == 1)
  }

  @Test func `bytes that are no preface end the connection`() {
    var session = H2Session(.server, H2Settings())
    var batch = H2Batch()
    var failure: H2ConnectionError?
    do throws(H2ConnectionError) {
      try session.receive("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8.span, into: &batch)
    } catch { failure = error }
    #expect(failure == .badPreface)
  }
}
