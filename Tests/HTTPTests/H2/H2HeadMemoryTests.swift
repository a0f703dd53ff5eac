import HTTP
import Testing

/// The memory of heads on their way into and out of a session: it is used again, and it outlives what it was copied from.
@Suite struct H2HeadMemoryTests {
  /// A client and a server session, joined without a socket.
  struct Pair: ~Copyable {
    var client = H2Session(.client, H2Settings())
    var server: H2Session
    var batch = H2Batch()
    /// Of the output that is taken at once.
    var limitBytes = 1 << 20
    /// Of the requests that came: all that the memory of each head held.
    var requests: [String] = []
    var responses: [String] = []

    init(_ settings: H2Settings = H2Settings()) { server = H2Session(.server, settings) }

    mutating func submit(_ path: String, _ fields: [(StaticString, String)] = []) -> Int? {
      var head = RequestHead()
      head.methodName = head.fields.store("GET")
      head.path = head.fields.store(path)
      for (name, value) in fields { head.fields.append(name, value) }
      let slot = client.submitRequest(
        head, lines: head.fields.lines, scheme: "http", authority: "example.com".utf8.span, endsStream: true, owner: 1)
      // Whoever has the head goes on with it.
      for index in head.fields.bytes.indices { head.fields.bytes[index] = UInt8(ascii: "!") }
      return slot
    }

    /// Moves bytes until both are silent; the server answers each request with its path in a field.
    mutating func pump() {
      var isMoving = true
      while isMoving {
        isMoving = false
        var output: [UInt8] = []
        _ = try? client.produce(into: &output, limitBytes: limitBytes, batch: &batch)
        if !output.isEmpty {
          isMoving = true
          try? server.receive(output.span, into: &batch)
          answerAll()
        }
        output = []
        _ = try? server.produce(into: &output, limitBytes: limitBytes, batch: &batch)
        for event in batch.events { if case .closed(let slot, _) = event { forget(slot) } }
        guard !output.isEmpty else { continue }
        isMoving = true
        try? client.receive(output.span, into: &batch)
        for event in batch.events {
          if case .response(_, let head, _) = event {
            responses.append(String(decoding: batch.responses[head].fields.bytes, as: UTF8.self))
          }
        }
      }
    }

    private mutating func forget(_ slot: Int) {
      var queue: [UInt8] = []
      server.release(slot, leaving: &queue)
    }

    private mutating func answerAll() {
      for event in batch.events {
        guard case .request(let slot, let head, _) = event else { continue }
        requests.append(String(decoding: batch.requests[head].fields.bytes, as: UTF8.self))
        var answer = FieldSection()
        let path = batch.requests[head].path
        answer.append("x-path", batch.requests[head].fields.string(path))
        let isTaken = server.submitResponse(slot, status: 200, fields: answer, endsStream: true)
        #expect(isTaken)
      }
    }
  }

  @Test func `a head holds nothing of the message whose memory it has taken over`() {
    var pair = Pair()
    for number in 0..<4 {
      _ = pair.submit("/path-\(number)", [("x-secret", "secret-\(number)")])
      pair.pump()
    }
    #expect(pair.requests.count == 4)
    #expect(pair.responses.count == 4)
    for number in 0..<4 {
      for other in 0..<4 {
        #expect(pair.requests[number].contains("secret-\(other)") == (number == other))
        #expect(pair.responses[number].contains("path-\(other)") == (number == other))
      }
    }
  }

  @Test func `a head is sent as it was submitted, whatever becomes of its memory before it is sent`() {
    var pair = Pair()
    let long = String(repeating: "v", count: 5_000)
    for number in 0..<12 { _ = pair.submit("/\(number)", [("x-long", "\(number)-\(long)"), ("x-end", "end-\(number)")]) }
    pair.pump()
    #expect(pair.requests.count == 12)
    for (number, request) in pair.requests.enumerated() {
      #expect(request.contains("/\(number)") && request.contains("\(number)-\(long)") && request.contains("end-\(number)"))
      #expect(!request.contains("!"))
    }
    #expect(pair.responses.enumerated().allSatisfy { $1.contains("/\($0)") })
  }

  @Test func `heads that are sent in many small pieces are sent as they were submitted`() {
    var pair = Pair()
    pair.limitBytes = 16
    for number in 0..<20 {
      for part in 0..<3 { _ = pair.submit("/\(number)-\(part)", [("x-end", String(repeating: "\(number)", count: 400))]) }
      pair.pump()
    }
    #expect(pair.requests.count == 60)
    for (index, request) in pair.requests.enumerated() {
      let number = index / 3
      #expect(request.contains("/\(number)-\(index % 3)") && request.contains(String(repeating: "\(number)", count: 400)))
    }
    #expect(pair.responses.enumerated().allSatisfy { $1.contains("/\($0 / 3)-") })
  }

  /// The peer allows two streams at once: the other requests wait in the library, over many turns.
  @Test func `a head that waits for a stream is sent as it was submitted`() {
    var settings = H2Settings()
    settings.concurrentStreamCount = 2
    var pair = Pair(settings)
    pair.pump()
    for number in 0..<9 { _ = pair.submit("/\(number)", [("x-end", "end-\(number)")]) }
    pair.pump()
    #expect(pair.requests.count == 9)
    for (number, request) in pair.requests.enumerated() { #expect(request.contains("end-\(number)")) }
  }

  @Test func `a request that is given up before it is sent takes nothing of the others along`() {
    var pair = Pair()
    pair.pump()
    var slots: [Int] = []
    for number in 0..<3 { if let slot = pair.submit("/\(number)", [("x-end", "end-\(number)")]) { slots.append(slot) } }
    pair.client.reset(slots[1], code: H2ErrorCode.cancel)
    pair.pump()
    _ = pair.submit("/last", [("x-end", "end-last")])
    pair.pump()
    #expect(pair.requests.count == 3)
    #expect(pair.requests.first?.contains("end-0") == true)
    #expect(pair.requests.last?.contains("end-last") == true)
    #expect(!pair.requests.joined().contains("end-1"))
  }
}
