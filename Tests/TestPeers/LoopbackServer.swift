import Foundation
import Glibc
import Synchronization

/// Accepts connections on a port of this machine, each served on a thread of its own.
public final class LoopbackServer: Sendable {
  public let port: UInt16
  private let listener: Int32

  public struct CannotListen: Error {}

  /// - Parameter port: 0 takes a free one.
  public init(port: UInt16 = 0, _ serve: @escaping @Sendable (RawConnection) -> Void) throws {
    let listener = try Self.listening(port)
    self.listener = listener
    self.port = try Self.port(of: listener)
    Thread.detachNewThread {
      while true {
        let accepted = Self.accept(from: listener)
        if accepted < 0 {
          if [EINTR, EAGAIN, ECONNABORTED].contains(errno) { continue }
          break
        }
        Thread.detachNewThread { serve(RawConnection(descriptor: accepted)) }
      }
      close(listener)
    }
  }

  deinit { stop() }

  /// Refuses connections from now on.
  public func stop() { shutdown(listener, Int32(SHUT_RDWR)) }

  /// A child that is started before the descriptor is marked would hold the connection open.
  private static func accept(from listener: Int32) -> Int32 {
    var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
    unsafe poll(&waiting, 1, -1)
    return Process.spawning.withLock { _ in
      let accepted = Glibc.accept(listener, nil, nil)
      if accepted >= 0 { _ = fcntl(accepted, F_SETFD, FD_CLOEXEC) }
      return accepted
    }
  }

  /// Below those that the system chooses for itself, so that no connection takes one before its server does.
  private static let ports: Range<UInt16> = 10_240..<32_768
  private static let portsGiven = Mutex(UInt16(truncatingIfNeeded: getpid() &* 61) % UInt16(ports.count))

  /// A port that is free, and that nobody else in this process is given.
  public static func freePort() throws -> UInt16 {
    for _ in ports {
      let port = portsGiven.withLock { given in
        given = (given + 1) % UInt16(ports.count)
        return ports.lowerBound + given
      }
      guard let listener = try? listening(port) else { continue }
      close(listener)
      return port
    }
    throw CannotListen()
  }

  static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func listening(_ port: UInt16) throws -> Int32 {
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var on: Int32 = 1
    unsafe setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = address(port)
    let bound = unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard bound == 0, listen(listener, 512) == 0 else {
      close(listener)
      throw CannotListen()
    }
    return listener
  }

  private static func port(of listener: Int32) throws -> UInt16 {
    var address = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let named = unsafe withUnsafeMutablePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe getsockname(listener, $0, &length) }
    }
    guard named == 0 else { throw CannotListen() }
    return UInt16(bigEndian: address.sin_port)
  }
}

/// An HTTP/1.1 app that keeps what it got. Unless told otherwise for a path, it answers with the very bytes of the head
/// it received, followed by the content.
public final class RecordingApp: Sendable {
  /// Gets the head; reads the content, if any, and answers. False ends the connection.
  public typealias Handler = @Sendable (H1Message, RawConnection) throws -> Bool

  private final class State: Sendable {
    let handlers = Mutex<[String: Handler]>([:])
    let received = Mutex<[H1Message]>([])
  }

  private let state = State()
  private let server: LoopbackServer
  public var port: UInt16 { server.port }

  public init(port: UInt16 = 0) throws {
    let state = state
    server = try LoopbackServer(port: port) { connection in
      while true {
        do {
          let head = try connection.readHead()
          let handler = state.handlers.withLock { $0[head.path] }
          if let handler {
            state.received.withLock { $0.append(head) }
            guard try handler(head, connection) else { return }
          } else {
            var message = head
            try connection.readBody(of: &message)
            state.received.withLock { [message] in $0.append(message) }
            let body = message.head + message.body
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
            if message.method != "HEAD" { try connection.send(body) }
          }
        } catch { return }
      }
    }
  }

  /// Answers requests for this path otherwise.
  public func on(_ path: String, _ handler: @escaping Handler) { state.handlers.withLock { $0[path] = handler } }

  /// What came for this path, oldest first.
  public func received(_ path: String) -> [H1Message] { state.received.withLock { $0.filter { $0.path == path } } }

  /// How many came, whatever their path.
  public var receivedCount: Int { state.received.withLock { $0.count } }

  public func stop() { server.stop() }
}
