import HTTP
import OpenSSL

/// The two fields by which the ends of an HTTP/1.1 connection make sure that the other one means a WebSocket
/// (RFC 6455 §4.1, §4.2.2). Each of our connections has its own; over HTTP/2 there are none.
enum WebSocketHandshake {
  /// `Sec-WebSocket-Key`: 16 random bytes.
  static func makeKey() throws(KeyFailure) -> [UInt8] { base64(try randomBytes(16)) }

  /// `Sec-WebSocket-Accept` for a key.
  static func accept(for key: Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(copying: key)
    bytes.append(contentsOf: "258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    return base64(HandshakeDigest.sha1(of: bytes.span))
  }

  /// The app's `Sec-WebSocket-Accept` is there once and answers our key.
  static func isAnswer(_ head: borrowing ResponseHead, to key: [UInt8]) -> Bool {
    var value: Slice?
    for line in head.fields.lines where isAccept(line, of: head.fields) {
      if value != nil { return false }
      value = line.value
    }
    guard let value else { return false }
    let expected = accept(for: key.span)
    return expected.elementsEqual(head.fields.bytes[value.range])
  }

  static func isAccept(_ line: FieldLine, of fields: borrowing FieldSection) -> Bool {
    fields.bytes.span.extracting(line.name.range).matches("sec-websocket-accept")
  }

  /// The app chose its subprotocol and extensions, if any, among those that it was offered (RFC 6455 §4.1).
  static func keepsToOffer(_ answer: borrowing ResponseHead, _ lines: [FieldLine], of request: borrowing FieldSection) -> Bool {
    var subprotocols: [[UInt8]] = []
    var extensions: [[UInt8]] = []
    for line in lines {
      if line.known == .secWebSocketProtocol { subprotocols += names(request.bytes[line.value.range]) }
      if isExtensions(line, of: request) { extensions += names(request.bytes[line.value.range]) }
    }
    var chosenCount = 0
    for line in answer.fields.lines {
      if line.known == .secWebSocketProtocol {
        chosenCount += 1
        guard chosenCount == 1, subprotocols.contains(Array(answer.fields.bytes[line.value.range])) else { return false }
      } else if isExtensions(line, of: answer.fields) {
        for name in names(answer.fields.bytes[line.value.range]) where !extensions.contains(name) { return false }
      }
    }
    return true
  }

  private static func isExtensions(_ line: FieldLine, of fields: borrowing FieldSection) -> Bool {
    line.name.count == 24 && fields.bytes.span.extracting(line.name.range).matches("sec-websocket-extensions")
  }

  /// What a list names, without parameters; no quoted string of theirs holds a quote (RFC 6455 §9.1).
  private static func names(_ value: ArraySlice<UInt8>) -> [[UInt8]] {
    var names: [[UInt8]] = [[]]
    var isName = true
    var isQuoted = false
    for byte in value {
      switch byte {
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: ",") where !isQuoted:
        names.append([])
        isName = true
      case UInt8(ascii: ";") where !isQuoted: isName = false
      default: if isName, !FieldSyntax.isWhiteSpace(byte) { names[names.count - 1].append(byte) }
      }
    }
    return names.filter { !$0.isEmpty }
  }

  /// RFC 4648 §4, padded.
  static func base64(_ bytes: [UInt8]) -> [UInt8] {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let count = min(3, bytes.count - start)
      var group: UInt32 = 0
      for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[start + offset]) : 0) }
      for place in 0..<4 {
        text.append(place <= count ? digits[Int(group >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
      }
    }
    return text
  }
}
