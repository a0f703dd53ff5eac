import HTTP
import Testing

/// RFC 8441, between a client and a server session.
@Suite struct ExtendedConnectTests {
  struct Seen {
    var heads: [RequestHead] = []
    var refusals: [MessageError] = []
    var clientOfferSeen = false
  }

  private static func exchange(
    upgrade: String = "websocket", _ fields: [(StaticString, String)] = [("sec-websocket-version", "13")], endsStream: Bool = false
  ) -> Seen {
    var client = H2Session(.client, H2Settings())
    var server = H2Session(.server, H2Settings(offersConnectProtocol: true))
    var batch = H2Batch()
    var head = RequestHead()
    head.methodName = head.fields.store("GET")
    head.path = head.fields.store("/chat")
    head.upgradeProtocol = head.fields.store(upgrade)
    for (name, value) in fields { head.fields.append(name, value) }
    var seen = Seen()
    var bytes: [UInt8] = []
    _ = try? server.produce(into: &bytes, limitBytes: 1 << 20, batch: &batch)
    try? client.receive(bytes.span, into: &batch)
    seen.clientOfferSeen = client.remoteOffersConnectProtocol
    _ = client.submitRequest(
      head, lines: head.fields.lines, scheme: "http", authority: "a".utf8.span, endsStream: endsStream, owner: 1)
    bytes = []
    _ = try? client.produce(into: &bytes, limitBytes: 1 << 20, batch: &batch)
    try? server.receive(bytes.span, into: &batch)
    for event in batch.events {
      switch event {
      case .request(_, let index, _): seen.heads.append(batch.requests[index])
      case .refused(_, _, let error): seen.refusals.append(error)
      default: break
      }
    }
    return seen
  }

  @Test func `a handshake of either version becomes an extended CONNECT`() throws {
    let seen = Self.exchange()
    #expect(seen.clientOfferSeen)
    let head = try #require(seen.heads.first)
    #expect(head.method == .connect)
    #expect(head.fields.string(head.upgradeProtocol) == "websocket")
    #expect(head.fields.string(head.target) == "/chat")
    #expect(head.hasBody)
  }

  @Test(arguments: [
    [], [("sec-websocket-version", "8")], [("sec-websocket-version", "13"), ("sec-websocket-version", "13")],
    [("sec-websocket-version", "13"), ("content-length", "5")],
    [("sec-websocket-version", "13"), ("expect", "100-continue")],
  ] as [[(StaticString, String)]])
  func `one that is no WebSocket handshake is refused`(fields: [(StaticString, String)]) {
    let seen = Self.exchange(fields)
    #expect(seen.heads.isEmpty)
    #expect(seen.refusals == [.upgradeMalformed(.webSocketHandshake)])
  }

  @Test func `one that ends with its head is refused`() {
    #expect(Self.exchange(endsStream: true).refusals == [.upgradeMalformed(.webSocketHandshake)])
  }

  @Test func `what was not offered is not seen as offered`() {
    var client = H2Session(.client, H2Settings())
    var server = H2Session(.server, H2Settings())
    var batch = H2Batch()
    var bytes: [UInt8] = []
    _ = try? server.produce(into: &bytes, limitBytes: 1 << 20, batch: &batch)
    try? client.receive(bytes.span, into: &batch)
    let isOffered = client.remoteOffersConnectProtocol
    #expect(!isOffered)
  }
}
