/// A client of HTTP/2 that sends what it is told, frame by frame, and may break every rule. Cleartext with prior knowledge.
public final class RawHTTP2 {
  public static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  public let connection: RawConnection
  /// Of requests, unless they say otherwise.
  public let path: String
  /// What the server announced.
  public private(set) var settings: [UInt16: UInt32] = [:]
  /// Writing failed: the server has ended the connection. What it sent before can still be read.
  public private(set) var isBroken = false

  /// - Parameter handshakes: both prefaces are exchanged and acknowledged before this returns.
  public init(port: UInt16, path: String = "/", handshakes: Bool = true) throws {
    connection = try RawConnection(port: port)
    self.path = path
    guard handshakes else { return }
    send(Self.preface)
    send(.settings())
    let announced = try read()
    guard announced.kind == RawFrame.Kind.settings, announced.flags.isEmpty else { throw RawConnection.Failure.noHTTP }
    for start in stride(from: 0, to: announced.payload.count, by: 6) {
      let id = UInt16(announced.payload[start]) << 8 | UInt16(announced.payload[start + 1])
      settings[id] = RawFrame.number(announced.payload[(start + 2)...])
    }
    send(.settingsAck)
    while true {
      let frame = try read()
      if frame.kind == RawFrame.Kind.settings, frame.flags.contains(.ack) { return }
    }
  }

  /// The other end: a server on an accepted connection, once the client's preface has come. It says SETTINGS first.
  public init(serving connection: RawConnection) throws(RawConnection.Failure) {
    self.connection = connection
    path = ""
    guard try connection.read(Self.preface.count) == Self.preface else { throw .noHTTP }
    send(.settings())
  }

  public func send(_ frames: RawFrame...) { send(frames.flatMap(\.bytes)) }

  public func send(_ frames: [RawFrame]) { send(frames.flatMap(\.bytes)) }

  /// Whoever is being refused cannot always finish its sentence.
  public func send(_ bytes: [UInt8]) {
    do { try connection.send(bytes) } catch { isBroken = true }
  }

  public func read() throws(RawConnection.Failure) -> RawFrame {
    let head = try connection.read(9)
    let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
    let stream = RawFrame.number(head[5...]) ?? 0
    return RawFrame(head[3], RawFrame.Flags(rawValue: head[4]), stream: stream, try connection.read(length))
  }

  /// The next frame of that kind; others are passed over.
  public func read(_ kind: UInt8) throws(RawConnection.Failure) -> RawFrame {
    while true {
      let frame = try read()
      if frame.kind == kind { return frame }
    }
  }

  /// All frames until the server ends the connection, and how it did.
  public func readToEnd() -> (frames: [RawFrame], end: RawConnection.End) {
    var frames: [RawFrame] = []
    do throws(RawConnection.Failure) {
      while true { frames.append(try read()) }
    } catch {
      let end: RawConnection.End = error == .timedOut ? .timedOut : error == .reset ? .reset : .closed
      return (frames, end)
    }
  }

  /// The content of a stream up to its end, or why there is none.
  public func content(_ stream: UInt32) throws -> String {
    var content: [UInt8] = []
    while true {
      let frame = try read()
      guard frame.stream == stream else { continue }
      switch frame.kind {
      case RawFrame.Kind.data:
        content += frame.payload
        if frame.flags.contains(.endStream) { return String(decoding: content, as: UTF8.self) }
      case RawFrame.Kind.headers:
        if frame.flags.contains(.endStream) { return String(decoding: content, as: UTF8.self) }
      case RawFrame.Kind.rstStream: throw RawConnection.Failure.reset
      default: break
      }
    }
  }

  // MARK: Requests

  public func fields(_ method: String = "GET", path: String? = nil) -> [(String, String)] {
    [(":method", method), (":scheme", "http"), (":path", path ?? self.path), (":authority", "app.test")]
  }

  public func block(_ method: String = "GET", _ more: [(String, String)] = []) -> [UInt8] {
    RawHPACK.block(fields(method) + more)
  }

  public func headers(
    _ stream: UInt32, _ method: String = "GET", _ more: [(String, String)] = [],
    _ flags: RawFrame.Flags = [.endStream, .endHeaders]
  ) -> RawFrame { RawFrame(RawFrame.Kind.headers, flags, stream: stream, block(method, more)) }

  public func headers(_ stream: UInt32, fields: [(String, String)]) -> RawFrame {
    headers(stream, block: RawHPACK.block(fields))
  }

  public func headers(
    _ stream: UInt32, block: [UInt8], _ flags: RawFrame.Flags = [.endStream, .endHeaders]
  ) -> RawFrame { RawFrame(RawFrame.Kind.headers, flags, stream: stream, block) }
}
