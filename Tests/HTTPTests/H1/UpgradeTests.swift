import HTTP
import Testing

@Suite struct UpgradeTests {
  // RFC 6455 §1.2.
  static let handshake = [
    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
  ]

  func get(_ lines: [String], method: String = "GET", version: String = "1.1") -> String {
    "\(method) /chat HTTP/\(version)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
  }

  @Test func `the handshake of RFC 6455 is an upgrade`() throws {
    let parsed = try ParsedRequest(get(Self.handshake))
    #expect(parsed.text(parsed.head.upgradeProtocol) == "websocket")
    #expect(!parsed.head.hasBody)
  }

  @Test func `the protocol's name is lowered`() throws {
    var lines = Self.handshake
    lines[0] = "Upgrade: WebSocket"
    let parsed = try ParsedRequest(get(lines))
    #expect(parsed.text(parsed.head.upgradeProtocol) == "websocket")
  }

  @Test(arguments: [
    (0, "Upgrade: websocket, irc"), (0, "Upgrade: irc, websocket"), (0, "Upgrade: websocket\r\nUpgrade: websocket"),
    (1, "Connection: keep-alive"), (1, "X: y"), (2, "X: y"), (2, "Sec-WebSocket-Key: "),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==" + "\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ"), (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQ="), (2, "Sec-WebSocket-Key: dGhlIHNhbXBs-SBub25jZQ=="),
    (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZSBhYQ=="), (3, "X: y"), (3, "Sec-WebSocket-Version: 8"),
    (3, "Sec-WebSocket-Version: 13, 8"), (3, "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 13"),
    (3, "Sec-WebSocket-Version: 013"),
  ])
  func `a handshake that is not whole is refused`(index: Int, line: String) {
    var lines = Self.handshake
    lines[index] = line
    #expect(refusal(get(lines)) == .upgradeMalformed(.webSocketHandshake))
  }

  @Test func `a handshake is a GET without content`() {
    #expect(refusal(get(Self.handshake, method: "POST")) == .upgradeMalformed(.webSocketHandshake))
    #expect(refusal(get(Self.handshake + ["Content-Length: 1"])) == .upgradeMalformed(.webSocketHandshake))
    #expect(refusal(get(Self.handshake + ["Transfer-Encoding: chunked"])) == .upgradeMalformed(.webSocketHandshake))
    #expect(refusal(get(Self.handshake + ["Content-Length: 0"])) == nil)
  }

  @Test(arguments: ["h2c", "H2C", "h2", "irc, h2c"])
  func `an upgrade to HTTP2 is ignored, listed as a connection option or not`(value: String) throws {
    let settings = ["Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    #expect(try ParsedRequest(get(["Upgrade: \(value)"])).head.upgradeProtocol.isEmpty)
    #expect(try ParsedRequest(get(["Upgrade: \(value)"] + settings)).head.upgradeProtocol.isEmpty)
    #expect(refusal(get(Self.handshake + ["Upgrade: \(value)"])) == .upgradeMalformed(.webSocketHandshake))
  }

  @Test func `other protocols are ignored, and all of them in HTTP 1_0`() throws {
    #expect(try ParsedRequest(get(["Upgrade: TLS/1.0, IRC/6.9", "Connection: upgrade"])).head.upgradeProtocol.isEmpty)
    #expect(try ParsedRequest(get(Self.handshake, version: "1.0")).head.upgradeProtocol.isEmpty)
    #expect(try ParsedRequest(get(["Connection: upgrade"])).head.upgradeProtocol.isEmpty)
  }
}
