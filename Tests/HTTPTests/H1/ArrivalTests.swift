import HTTP
import Testing

/// How bytes arrive must not matter, and no bytes may end or hang the process.
@Suite struct ArrivalTests {
  static let heads = [
    RequestParserTests.example, "\r\n" + RequestParserTests.example, "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n",
    request("Content-Length: 7", "Expect: 100-continue") + "content",
    request("Transfer-Encoding: chunked") + "0\r\n\r\n",
    request("Connection: close, x-a", "X-A: \t b"),
    "GET /chat HTTP/1.1\r\nHost: a\r\n" + UpgradeTests.handshake.map { $0 + "\r\n" }.joined() + "\r\n",
  ]

  static let refused = [
    request("X : y"), request("X: y\r\n z"), request("Content-Length: 5", "Content-Length: 5"),
    "GET / HTTP/1.1\nHost: a\r\n\r\n",
    "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
  ]

  static func positions(_ count: Int, using generator: inout SeededGenerator) -> [Int] {
    (0..<Int.random(in: 0...6, using: &generator)).map { _ in Int.random(in: 0...count, using: &generator) }.sorted()
  }

  @Test(arguments: heads)
  func `a head is the same in whatever pieces it arrives`(text: String) throws {
    let bytes = Array(text.utf8)
    let whole = try ParsedRequest(bytes: bytes).description
    #expect(try ParsedRequest(bytes, splitAt: Array(0...bytes.count)).description == whole)
    for position in 0...bytes.count { #expect(try ParsedRequest(bytes, splitAt: [position]).description == whole) }
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<200 {
      let positions = Self.positions(bytes.count, using: &generator)
      #expect(try ParsedRequest(bytes, splitAt: positions).description == whole, "\(positions)")
    }
  }

  @Test(arguments: refused)
  func `a refused head is refused in whatever pieces it arrives`(text: String) {
    let bytes = Array(text.utf8)
    #expect(throws: MessageError.self) { try ParsedRequest(bytes, splitAt: Array(0...bytes.count)) }
    for position in 0...bytes.count {
      #expect(throws: MessageError.self) { try ParsedRequest(bytes, splitAt: [position]) }
    }
  }

  @Test(arguments: [
    ("hello world, GET /", BodyFraming.length(11)), ("x", .none),
    ("5\r\nhello\r\n1;a=\"b\"\r\n \r\n000006 ; c\r\nworld!\r\n0\r\nA: b\r\nC: \td\r\n\r\nGET /", .chunked),
    ("0\r\n\r\n", .chunked),
  ])
  func `a body is the same in whatever pieces it arrives`(text: String, framing: BodyFraming) throws {
    let bytes = Array(text.utf8)
    let whole = try DecodedBody(bytes, framing)
    #expect(whole.isComplete)
    #expect(try DecodedBody(bytes, framing, splitAt: Array(0...bytes.count)) == whole)
    for position in 0...bytes.count { #expect(try DecodedBody(bytes, framing, splitAt: [position]) == whole) }
  }

  /// Inputs near to valid ones: bytes replaced, removed, repeated, and pieces of other inputs put in.
  static func mutation(of bytes: [UInt8], using generator: inout SeededGenerator) -> [UInt8] {
    var bytes = bytes
    let special = Array("\r\n\0\t :;,=\"0159afAFx/?*%[]@#\u{7F}".utf8) + [0x80, 0xFF]
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: bytes[index] = special.randomElement(using: &generator) ?? 0
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(special.randomElement(using: &generator) ?? 0, at: index)
      default:
        let end = min(bytes.count, index + Int.random(in: 0...20, using: &generator))
        bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &generator))
      }
    }
    return bytes
  }

  @Test func `damaged heads are judged alike in any pieces, and what is accepted keeps the codec's promises`() {
    var generator = SeededGenerator(seed: 2)
    let limits = MessageLimits(headerSectionBytes: 500, fieldCount: 8, requestLineBytes: 60)
    var accepted = 0
    for _ in 0..<20_000 {
      let bytes = Self.mutation(of: Array((Self.heads.randomElement(using: &generator) ?? "").utf8), using: &generator)
      let whole = Result { () throws(MessageError) in try ParsedRequest(bytes: bytes, limits: limits) }
      let positions = Self.positions(bytes.count, using: &generator)
      let split = Result { () throws(MessageError) in try ParsedRequest(bytes, splitAt: positions, limits: limits) }
      switch (whole, split) {
      case (.success(let whole), .success(let split)):
        // A fault behind the point where the pieces ended early is seen only by whoever has it all.
        #expect(whole.description == split.description || whole.progress == .incomplete)
        if whole.progress != .incomplete {
          accepted += 1
          checkPromises(whole, bytes)
        }
      case (.failure, .failure): break
      default:
        Issue.record("judged differently: \(String(decoding: bytes, as: UTF8.self).debugDescription) at \(positions)")
      }
    }
    #expect(accepted > 1000)
  }

  func checkPromises(_ parsed: ParsedRequest, _ bytes: [UInt8]) {
    let arena = parsed.head.fields.bytes
    #expect((parsed.consumed ?? .max) <= bytes.count)
    for line in parsed.head.fields.lines {
      #expect(judge(arena[line.name.range], FieldSyntax.isLowerCaseToken))
      #expect(judge(arena[line.value.range], FieldSyntax.isValue))
      #expect(line.known == judge(arena[line.name.range]) { KnownField($0) })
    }
    let target = arena[parsed.head.target.range]
    #expect(target.allSatisfy { $0 > 0x20 && $0 != 0x7F })
    #expect(target.first == UInt8(ascii: "/") || (target == [UInt8(ascii: "*")] && parsed.head.method == .options))
    #expect(judge(arena[parsed.head.authority.range], Authority.isValid) || parsed.head.version == .http10)
    #expect(parsed.head.hasBody == (parsed.body != BodyFraming.none))
  }

  @Test func `random bytes never end the process and never take more than there is`() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...80, using: &generator)
      let narrow = Bool.random(using: &generator)
      let alphabet = Array("\r\n\r\n\r\n GET/:;\"=0Aa\t".utf8)
      let bytes = (0..<count).map { _ in
        narrow ? alphabet.randomElement(using: &generator) ?? 0 : UInt8.random(in: .min ... .max, using: &generator)
      }
      _ = refusal(bytes: bytes)
      _ = try? ParsedResponse(String(decoding: bytes, as: UTF8.self))
      for framing in [BodyFraming.chunked, .length(UInt64(count / 2)), .untilClose] {
        if let body = try? DecodedBody(bytes, framing, splitAt: [count / 3]) { #expect(body.consumed <= count) }
      }
    }
  }

  @Test func `a head that comes byte by byte costs what it is long`() throws {
    // 60 KB in single bytes: were each look to start over, this would read 1.8 billion bytes.
    let bytes = Array(("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "v", count: 60_000) + "\r\n\r\n").utf8)
    #expect(try ParsedRequest(bytes, splitAt: Array(0...bytes.count)).consumed == bytes.count)
  }
}
