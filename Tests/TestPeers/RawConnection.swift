import Glibc

/// A TCP connection of a test: bytes as they are, every wait bounded. One thread uses it at a time.
public final class RawConnection {
  public enum Failure: Error, Equatable { case cannotConnect, closed, reset, timedOut, noHTTP }

  /// How long any one call may wait before the test fails: generous, for machines that are busy.
  public static let patience: Int32 = 30_000

  let descriptor: Int32
  private var buffer: [UInt8] = []

  init(descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: Int(Self.patience / 1000), tv_usec: 0)
    unsafe setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var on: Int32 = 1
    unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  /// A connection to a port of this machine.
  public convenience init(port: UInt16) throws(Failure) {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = LoopbackServer.address(port)
    let connected = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(descriptor)
      throw .cannotConnect
    }
    self.init(descriptor: descriptor)
  }

  deinit { close(descriptor) }

  public func send(_ text: String) throws(Failure) { try send(Array(text.utf8)) }

  public func send(_ bytes: [UInt8]) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw errno == EAGAIN ? .timedOut : .reset }
      rest = rest.dropFirst(count)
    }
  }

  /// Half-close: nothing more will be sent.
  public func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Closes with RST.
  public func abort() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    unsafe setsockopt(
      descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
    // The descriptor stays ours until deinit, and gives up the connection.
    let other = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    dup2(other, descriptor)
    close(other)
  }

  /// Waits for more bytes; false at the orderly end.
  private func receive() throws(Failure) -> Bool {
    var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var ready: Int32
    repeat { ready = unsafe poll(&waiting, 1, Self.patience) } while ready < 0 && errno == EINTR
    guard ready > 0 else { throw .timedOut }
    var bytes = [UInt8](repeating: 0, count: 65_536)
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
    guard count >= 0 else { throw .reset }
    buffer += bytes[..<count]
    return count > 0
  }

  /// How the other side ended.
  public enum End: Equatable, Sendable { case closed, reset, timedOut }

  /// Everything until the other side ends, and how it did.
  public func readToEnd() -> (bytes: [UInt8], end: End) {
    var end = End.closed
    do throws(Failure) {
      while try receive() {}
    } catch { end = error == .timedOut ? .timedOut : .reset }
    defer { buffer = [] }
    return (buffer, end)
  }

  public func read(_ count: Int) throws(Failure) -> [UInt8] {
    while buffer.count < count { guard try receive() else { throw .closed } }
    defer { buffer.removeFirst(count) }
    return Array(buffer[..<count])
  }

  /// The bytes up to a delimiter and with it.
  public func read(through delimiter: String) throws(Failure) -> [UInt8] {
    let delimiter = Array(delimiter.utf8)
    var start = 0
    while true {
      var index = start
      while index + delimiter.count <= buffer.count {
        if buffer[index..<(index + delimiter.count)].elementsEqual(delimiter) {
          return try read(index + delimiter.count)
        }
        index += 1
      }
      start = index
      guard try receive() else { throw .closed }
    }
  }

  // MARK: HTTP/1.1, as simple as RFC 9112 allows

  public func readHead() throws(Failure) -> H1Message {
    guard let message = H1Message(head: try read(through: "\r\n\r\n")) else { throw .noHTTP }
    return message
  }

  /// The final response; interim ones are passed over.
  public func readResponse(toHead: Bool = false) throws(Failure) -> H1Message {
    var message: H1Message
    repeat { message = try readHead() } while message.status / 100 == 1 && message.status != 101
    if toHead || message.status == 204 || message.status == 304 { return message }
    try readBody(of: &message)
    return message
  }

  /// Throws what a recipient must notice: a body that ended before its end.
  public func readBody(of message: inout H1Message) throws(Failure) {
    if message.values("transfer-encoding") == ["chunked"] {
      while true {
        let line = String(decoding: try read(through: "\r\n").dropLast(2), as: UTF8.self)
        guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw .noHTTP }
        if size == 0 { break }
        message.body += try read(size)
        guard try read(2) == [13, 10] else { throw .noHTTP }
      }
      while true {
        let line = String(decoding: try read(through: "\r\n").dropLast(2), as: UTF8.self)
        if line.isEmpty { return }
        message.trailers.append(line)
      }
    } else if let length = message.values("content-length").first {
      guard let length = Int(length) else { throw .noHTTP }
      message.body = try read(length)
    }
  }
}

/// A message as it came over the wire.
public struct H1Message: Sendable {
  public let head: [UInt8]
  public let startLine: String
  public let fields: [(name: String, value: String)]
  public var body: [UInt8] = []
  public var trailers: [String] = []

  init?(head: [UInt8]) {
    self.head = head
    var lines = String(decoding: head.dropLast(4), as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
    startLine = String(lines.removeFirst())
    var fields: [(name: String, value: String)] = []
    for line in lines {
      guard let colon = line.firstIndex(of: ":") else { return nil }
      fields.append((line[..<colon].lowercased(), String(line[line.index(after: colon)...].drop { $0 == " " })))
    }
    self.fields = fields
  }

  public func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

  public var status: Int { Int(startLine.split(separator: " ").dropFirst().first ?? "") ?? 0 }
  public var method: String { String(startLine.prefix { $0 != " " }) }
  public var target: String { String(startLine.split(separator: " ").dropFirst().first ?? "") }
  public var path: String { String(target.prefix { $0 != "?" }) }
  public var text: String { String(decoding: body, as: UTF8.self) }
}
