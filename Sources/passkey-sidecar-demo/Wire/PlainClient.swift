import Transport

/// The check's HTTP/1.1 client: one request a connection, answered within the limit.
struct PlainClient {
  enum Failure: Error, CustomStringConvertible {
    case url(String)
    case unreachable(String)
    case stream(WaitingStream.Failure)
    case malformed

    var description: String {
      switch self {
      case .url(let url): "\(url) is no http URL"
      case .unreachable(let host): "\(host) has no address"
      case .stream(.tooSlow): "no answer in time"
      case .stream(.connection(let error)): "\(error)"
      case .malformed: "the answer is no HTTP"
      }
    }
  }

  var limit = Duration.seconds(15)

  /// `url`: `http://host[:port]/target`.
  func send(
    _ method: String, _ url: String, fields: [DemoRequest.Field] = [], json: JSON? = nil
  ) throws(Failure) -> DemoResponse {
    let (host, port, target) = try Self.parts(of: url)
    guard case .success(let addresses) = NameResolver.resolve(host, port) else { throw .unreachable(host) }
    // `localhost` may have an IPv6 address on which nobody listens.
    guard let address = addresses.first(where: { $0.family == .ipv4 }) ?? addresses.first else {
      throw .unreachable(host)
    }
    var head = "\(method) \(target) HTTP/1.1\r\nhost: \(host):\(port)\r\nconnection: close\r\n"
    for field in fields { head += "\(field.name): \(field.value)\r\n" }
    let body = json?.bytes ?? []
    if json != nil { head += "content-type: application/json\r\ncontent-length: \(body.count)\r\n" }
    let deadline = Clock.monotonic() + limit
    var received: [UInt8] = []
    do throws(WaitingStream.Failure) {
      var stream = try WaitingStream.connect(to: address, until: deadline)
      try stream.send(Array((head + "\r\n").utf8) + body, until: deadline)
      while true {
        let bytes = try stream.receive(until: deadline)
        if bytes.isEmpty { break }
        received += bytes
      }
    } catch {
      throw .stream(error)
    }
    guard let answer = Self.answer(received) else { throw .malformed }
    return answer
  }

  private static func parts(of url: String) throws(Failure) -> (host: String, port: UInt16, target: String) {
    guard url.hasPrefix("http://") else { throw .url(url) }
    let rest = url.dropFirst(7)
    let authority = rest.prefix { $0 != "/" }
    let target = rest.dropFirst(authority.count)
    let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), !parts[0].isEmpty, let port = parts.count == 2 ? UInt16(parts[1]) : 80 else {
      throw .url(url)
    }
    return (String(parts[0]), port, target.isEmpty ? "/" : String(target))
  }

  /// A whole answer, up to the end of the connection; nil if that came too early.
  static func answer(_ bytes: [UInt8]) -> DemoResponse? {
    let separator: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A]
    guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: separator) }) else { return nil }
    let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
    let words = lines.first?.split(separator: " ") ?? []
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
    var answer = DemoResponse(status: status)
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      answer.fields.append(.init(name: String(parts[0]), value: String(parts[1].drop { $0 == " " })))
    }
    let content = bytes[(end + 4)...]
    if (100..<200).contains(status) { return self.answer(Array(content)) }
    if answer.field("transfer-encoding")?.lowercased() == "chunked" {
      guard let body = dechunked(content) else { return nil }
      answer.body = body
    } else if let length = answer.field("content-length") {
      guard Int(length) == content.count else { return nil }
      answer.body = Array(content)
    } else {
      answer.body = Array(content)
    }
    return answer
  }

  private static func dechunked(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
    var rest = bytes
    var body: [UInt8] = []
    while let end = rest.firstIndex(of: 0x0A) {
      let size = String(decoding: rest[..<end], as: UTF8.self).prefix { $0.isHexDigit }
      guard let count = Int(size, radix: 16) else { return nil }
      rest = rest[(end + 1)...]
      if count == 0 { return body }
      guard rest.count >= count + 2 else { return nil }
      body += rest.prefix(count)
      rest = rest.dropFirst(count + 2)
    }
    return nil
  }
}
