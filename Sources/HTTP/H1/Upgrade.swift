/// `Upgrade` (RFC 9110 §7.8): WebSocket handshakes are checked, everything else is ignored. The field goes to no app, so
/// that none can hand a client of `h2c` (some send it with every first request) a connection that nobody judges.
enum Upgrade {
  static func apply(to head: inout RequestHead, listed: Bool) throws(Violation) {
    let (webSocket, tokenCount) = tokens(of: head.fields)
    guard let webSocket else { return }
    guard tokenCount == 1, listed, head.method == .get, !head.hasBody, isHandshake(head.fields) else {
      throw .webSocketHandshake
    }
    for index in webSocket.range { head.fields.bytes[index] = FieldSyntax.lowerCased(head.fields.bytes[index]) }
    head.upgradeProtocol = webSocket
  }

  private static func tokens(of fields: borrowing FieldSection) -> (webSocket: Slice?, count: Int) {
    var webSocket: Slice?
    var count = 0
    let arena = fields.bytes.span
    for line in fields.lines where line.known == .upgrade {
      var elements = ListElements(line.value)
      while let element = elements.next(in: arena) {
        let token = arena.extracting(element.range)
        if token.matchesIgnoringCase("websocket") { webSocket = element }
        count += 1
      }
    }
    return (webSocket, count)
  }

  /// An extended CONNECT to a WebSocket (RFC 8441 §5): version 13, and none of the fields that belong to content.
  static func isExtendedConnect(_ head: borrowing RequestHead) -> Bool {
    let arena = head.fields.bytes.span
    guard arena.extracting(head.upgradeProtocol.range).matchesIgnoringCase("websocket"), head.contentLength == nil,
      head.fields.count(of: .expect) == 0, let version = head.fields.only(.secWebSocketVersion)
    else { return false }
    return arena.extracting(version.range).matches("13")
  }

  /// A 101 that switches to WebSocket and nothing else (RFC 6455 §4.2.2). The accept value is the client's to check.
  static func isWebSocketAnswer(_ head: borrowing ResponseHead) -> Bool {
    guard head.version == .http11, let token = head.fields.only(.upgrade) else { return false }
    return head.fields.bytes.span.extracting(token.range).matchesIgnoringCase("websocket")
      && ConnectionOptions(head.fields).upgrades
  }

  /// RFC 6455 §4.2.1: version 13 and a nonce of 16 bytes, each once.
  private static func isHandshake(_ fields: borrowing FieldSection) -> Bool {
    guard let version = fields.only(.secWebSocketVersion), let key = fields.only(.secWebSocketKey) else { return false }
    let arena = fields.bytes.span
    return arena.extracting(version.range).matches("13") && isNonce(arena.extracting(key.range))
  }

  /// Base64 of 16 bytes: 22 digits, of which the last carries two bits, and two pads.
  private static func isNonce(_ key: Span<UInt8>) -> Bool {
    guard key.count == 24, key[22] == UInt8(ascii: "="), key[23] == UInt8(ascii: "=") else { return false }
    for index in 0..<22 where !isBase64Digit(key[index]) { return false }
    switch key[21] {
    case UInt8(ascii: "A"), UInt8(ascii: "Q"), UInt8(ascii: "g"), UInt8(ascii: "w"): return true
    default: return false
    }
  }

  private static func isBase64Digit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
