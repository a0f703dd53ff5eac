import Transport

/// HTTP/1.1 (RFC 9112) with a codec of its own, one thread a connection: the emulator has to send what no decent server
/// would, and a fault of the product's codec would hide if both ends used it. Loopback only: it vouches for anyone.
struct WireServer {
  typealias Handler = @Sendable (DemoRequest) -> DemoResponse

  /// The port in use; the system's choice where 0 was asked for.
  let port: UInt16

  /// Serves from now on until the process ends.
  ///
  /// - Parameter tls: asked for each connection; nil: cleartext.
  init(port: UInt16, tls: @escaping @Sendable () -> ServerTLS? = { nil }, _ handler: @escaping Handler) throws(Errno) {
    let listener = try Listener(SocketAddress(ipv4: 0x7F00_0001, port: port), shared: false)
    self.port = listener.address.port
    let handover = Handover(listener)
    _ = try Thread(named: "demo-accept") {
      guard let listener = handover.take() else { return }
      Self.accept(listener, tls, handler)
    }
  }

  private static func accept(
    _ listener: consuming Listener, _ tls: @escaping @Sendable () -> ServerTLS?, _ handler: @escaping Handler
  ) {
    guard var loop = try? EventLoop(inputBytes: 1),
      (try? loop.watchForReading(listener.descriptor.number, as: Handle(raw: 1))) != nil
    else { return }
    while true {
      _ = loop.wait()
      // Out of descriptors: the connection waits in the queue for a better moment.
      while let connected = try? listener.accept() {
        let peer = connected.peer.host
        let handover = Handover(connected.takeSocket())
        _ = try? Thread(named: "demo-connection") {
          guard let socket = handover.take(), let stream = try? WaitingStream(socket, tls: tls()) else { return }
          WireConnection(stream, peer: peer).serve(handler)
        }
      }
    }
  }
}

private struct WireConnection: ~Copyable {
  private enum Ending: Error { case orderly, reset, malformed }

  /// Bytes of a header section, and of a body.
  private static let headLimit = 64 * 1024
  private static let bodyLimit = 4 * 1024 * 1024
  private static let patience = Duration.seconds(60)

  private var stream: WaitingStream
  private var received: [UInt8] = []
  private let peer: String

  init(_ stream: consuming WaitingStream, peer: String) {
    self.stream = stream
    self.peer = peer
  }

  consuming func serve(_ handler: WireServer.Handler) {
    do throws(Ending) {
      while true {
        let request = try nextRequest()
        try deliver(handler(request), withBody: request.method != "HEAD")
        if request.field("connection")?.lowercased() == "close" { break }
      }
    } catch {
      switch error {
      case .orderly: break
      case .reset: return stream.reset()
      case .malformed: try? send(Array("HTTP/1.1 400 \r\ncontent-length: 0\r\nconnection: close\r\n\r\n".utf8))
      }
    }
    stream.finish()
  }

  private mutating func deliver(_ answer: DemoResponse, withBody: Bool) throws(Ending) {
    guard case .script(let steps) = answer.delivery else {
      let wire = HTTP1Wire(answer)
      // No Content-Length in a 204 (RFC 9110 section 8.6).
      return try send((answer.status == 204 ? wire.head(framing: nil) : wire.head()) + (withBody ? answer.body : []))
    }
    for step in steps {
      switch step {
      case .bytes(let bytes): try send(bytes)
      case .wait(let milliseconds): stream.pause(for: .milliseconds(milliseconds))
      case .hang:
        stream.pause(for: .seconds(3600))
        throw .orderly
      case .close: throw .orderly
      case .reset: throw .reset
      }
    }
  }

  private mutating func nextRequest() throws(Ending) -> DemoRequest {
    var end = received.firstIndex(ofSectionEndFrom: 0)
    while end == nil {
      guard received.count <= Self.headLimit else { throw .malformed }
      let scanned = max(0, received.count - 3)
      try receive()
      end = received.firstIndex(ofSectionEndFrom: scanned)
    }
    guard let end else { throw .malformed }
    let head = String(decoding: received[..<end], as: UTF8.self)
    received.removeFirst(end + 4)
    let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 3, words[2] == "HTTP/1.1", words[1].hasPrefix("/") else { throw .malformed }
    var request = DemoRequest(words[0], words[1], peer: peer)
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { throw .malformed }
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      request.fields.append(.init(name: String(line[..<colon]), value: String(value)))
    }
    if request.field("expect")?.lowercased() == "100-continue" { try send(Array("HTTP/1.1 100 \r\n\r\n".utf8)) }
    request.body = try body(of: request)
    return request
  }

  private mutating func body(of request: DemoRequest) throws(Ending) -> [UInt8] {
    if request.field("transfer-encoding")?.lowercased() == "chunked" {
      var body: [UInt8] = []
      while true {
        let size = try line()
        guard let count = Int(size.prefix { $0 != ";" }, radix: 16), count >= 0, count <= Self.bodyLimit - body.count
        else { throw .malformed }
        if count == 0 { break }
        body += try take(count)
        guard try line().isEmpty else { throw .malformed }
      }
      while try !line().isEmpty {}
      return body
    }
    guard let length = request.field("content-length") else { return [] }
    guard let count = Int(length), (0...Self.bodyLimit).contains(count) else { throw .malformed }
    return try take(count)
  }

  private mutating func line() throws(Ending) -> String {
    while true {
      if let end = received.firstIndex(of: 0x0A) {
        let line = String(decoding: received[..<end], as: UTF8.self)
        received.removeFirst(end + 1)
        return line.hasSuffix("\r") ? String(line.dropLast()) : line
      }
      guard received.count <= Self.headLimit else { throw .malformed }
      try receive()
    }
  }

  private mutating func take(_ count: Int) throws(Ending) -> [UInt8] {
    while received.count < count { try receive() }
    defer { received.removeFirst(count) }
    return Array(received[..<count])
  }

  private mutating func receive() throws(Ending) {
    guard let bytes = try? stream.receive(until: Clock.monotonic() + Self.patience), !bytes.isEmpty else {
      throw .orderly
    }
    received += bytes
  }

  private mutating func send(_ bytes: [UInt8]) throws(Ending) {
    guard (try? stream.send(bytes, until: Clock.monotonic() + Self.patience)) != nil else { throw .orderly }
  }
}

extension [UInt8] {
  /// Where the empty line of a header section begins, at `start` or later.
  fileprivate func firstIndex(ofSectionEndFrom start: Int) -> Int? {
    guard count >= 4 else { return nil }
    return (start..<Swift.max(start, count - 3)).first { Array(self[$0..<($0 + 4)]) == [0x0D, 0x0A, 0x0D, 0x0A] }
  }
}
