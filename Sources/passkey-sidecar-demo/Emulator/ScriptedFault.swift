/// What a test wants to go wrong with the next calls whose path begins with `path`.
struct ScriptedFault: Sendable {
  enum Effect: Equatable, Sendable {
    /// Nothing for so long, then the answer.
    case delay(milliseconds: Int)
    /// The head and half of the body, nothing for so long, then the rest.
    case delayInBody(milliseconds: Int)
    /// A few bytes at a time with a pause after each piece.
    case drip(byteCount: Int, milliseconds: Int)
    /// No answer, the connection stays open.
    case hang
    /// A TCP reset in place of an answer.
    case reset
    /// A reset after the head and half of the body.
    case resetInBody
    /// The connection closed in place of an answer.
    case close
    /// Half of the body announced by Content-Length, then the connection closed.
    case closeInBody
    /// HTTP/1.0 without Content-Length: the body ends with the connection.
    case http10
    /// Chunks of these sizes, over and over.
    case chunked(sizes: [Int])
    /// What the API would have answered, with another body of the right form around it.
    case replace(Replacement)
  }

  /// An answer in place of the API's.
  struct Replacement: Equatable, Sendable {
    var status: Int
    var fields: [DemoRequest.Field]
    var body: [UInt8]
  }

  var path: String
  /// Calls that it still hits; nil: all.
  var remaining: Int?
  var effect: Effect
  /// Whether the call is carried out although its answer suffers: a verify whose answer is lost has used its token up.
  var carriesOut: Bool

  /// The answer as it goes out; `answer` is the API's.
  func apply(to answer: DemoResponse) -> DemoResponse {
    var answer = answer
    let wire = HTTP1Wire(answer)
    let half = answer.body.count / 2
    switch effect {
    case .replace(let replacement):
      answer.status = replacement.status
      answer.fields = replacement.fields
      answer.body = replacement.body
    case .delay(let milliseconds):
      answer.delivery = .script([.wait(milliseconds: milliseconds), .bytes(wire.head() + answer.body)])
    case .delayInBody(let milliseconds):
      answer.delivery = .script([
        .bytes(wire.head() + answer.body[..<half]), .wait(milliseconds: milliseconds),
        .bytes(Array(answer.body[half...])),
      ])
    case .drip(let byteCount, let milliseconds):
      answer.delivery = .script(
        HTTP1Wire.pieces(of: wire.head() + answer.body, byteCounts: [byteCount]).flatMap {
          [.bytes($0), .wait(milliseconds: milliseconds)]
        })
    case .hang: answer.delivery = .script([.hang])
    case .reset: answer.delivery = .script([.reset])
    case .resetInBody: answer.delivery = .script([.bytes(wire.head() + answer.body[..<half]), .reset])
    case .close: answer.delivery = .script([.close])
    case .closeInBody: answer.delivery = .script([.bytes(wire.head() + answer.body[..<half]), .close])
    case .http10: answer.delivery = .script([.bytes(wire.head(version: "1.0", framing: nil) + answer.body), .close])
    case .chunked(let sizes):
      answer.delivery = .script([
        .bytes(wire.head(framing: ("transfer-encoding", "chunked"))),
        .bytes(HTTP1Wire.pieces(of: answer.body, byteCounts: sizes).flatMap(HTTP1Wire.chunk) + Array("0\r\n\r\n".utf8)),
      ])
    }
    return answer
  }
}

/// How an answer leaves when a test scripted trouble: raw bytes of an HTTP/1.1 connection and what happens between
/// them.
enum Delivery: Equatable, Sendable {
  enum Step: Equatable, Sendable {
    case bytes([UInt8])
    case wait(milliseconds: Int)
    case hang
    case close
    case reset
  }

  case atOnce
  case script([Step])
}

/// An answer as bytes of HTTP/1.1 (RFC 9112).
struct HTTP1Wire {
  let answer: DemoResponse

  init(_ answer: DemoResponse) { self.answer = answer }

  /// The head with Content-Length, with other framing, or without any.
  func head(version: String = "1.1") -> [UInt8] {
    head(version: version, framing: ("content-length", String(answer.body.count)))
  }

  func head(version: String = "1.1", framing: (name: String, value: String)?) -> [UInt8] {
    var text = "HTTP/\(version) \(answer.status) \r\n"
    for field in answer.fields { text += "\(field.name): \(field.value)\r\n" }
    if let framing { text += "\(framing.name): \(framing.value)\r\n" }
    return Array((text + "\r\n").utf8)
  }

  static func chunk(_ piece: [UInt8]) -> [UInt8] {
    Array((String(piece.count, radix: 16) + "\r\n").utf8) + piece + Array("\r\n".utf8)
  }

  /// The bytes cut into pieces of these sizes, over and over.
  static func pieces(of bytes: [UInt8], byteCounts: [Int]) -> [[UInt8]] {
    let byteCounts = byteCounts.filter { $0 > 0 }
    guard !byteCounts.isEmpty else { return [bytes] }
    var pieces: [[UInt8]] = []
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = byteCounts[pieces.count % byteCounts.count]
      pieces.append(Array(rest.prefix(count)))
      rest = rest.dropFirst(count)
    }
    return pieces
  }
}
