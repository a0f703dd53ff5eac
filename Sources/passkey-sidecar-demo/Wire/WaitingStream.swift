import Synchronization
import Transport

/// A TCP connection, plain or with the server's side of TLS, for one thread that has nothing better to do than to wait for it.
struct WaitingStream: ~Copyable {
  enum Failure: Error, Equatable {
    case connection(Errno)
    case tooSlow
  }

  private var stream: ByteStream
  private var loop: EventLoop

  init(_ socket: consuming FileDescriptor, tls: ServerTLS? = nil) throws(Errno) {
    let loop = try EventLoop(inputBytes: 16 * 1024)
    let stream = try Self.stream(socket, tls)
    try loop.watch(stream.socket, as: Handle(raw: 1))
    self.loop = loop
    self.stream = stream
  }

  private static func stream(_ socket: consuming FileDescriptor, _ tls: ServerTLS?) throws(Errno) -> ByteStream {
    guard let tls else { return ByteStream(socket) }
    return try ByteStream(socket, tls: tls)
  }

  /// A connection to `address`, once it stands.
  static func connect(to address: SocketAddress, until deadline: MonotonicTime) throws(Failure) -> WaitingStream {
    func begin() throws(Errno) -> WaitingStream { try WaitingStream(Connected(connectingTo: address).takeSocket()) }
    var stream: WaitingStream
    do throws(Errno) { stream = try begin() } catch { throw .connection(error) }
    // Writable only once the connect is decided.
    while true {
      let count = try stream.wait(until: deadline)
      if let error = stream.stream.socket.pendingError() { throw .connection(error) }
      if stream.isWritable(amongFirst: count) { return stream }
    }
  }

  private func isWritable(amongFirst count: Int) -> Bool { (0..<count).contains { loop.readiness($0).isWritable } }

  /// The next bytes; empty at the end of the peer's stream.
  mutating func receive(until deadline: MonotonicTime) throws(Failure) -> [UInt8] {
    while true {
      var input: [UInt8] = []
      swap(&input, &loop.input)
      defer { swap(&input, &loop.input) }
      let outcome: IOOutcome
      do throws(Errno) { outcome = try stream.read(into: &input) } catch { throw .connection(error) }
      switch outcome {
      case .bytes(let count): return Array(input[..<count])
      case .endOfStream: return []
      case .wouldBlock: break
      }
      _ = try wait(until: deadline)
    }
  }

  mutating func send(_ bytes: [UInt8], until deadline: MonotonicTime) throws(Failure) {
    var queue = ByteQueue()
    queue.append(bytes.span)
    while true {
      let outcome: IOOutcome
      do throws(Errno) { outcome = try stream.write(&queue) } catch { throw .connection(error) }
      if case .bytes = outcome { return }
      _ = try wait(until: deadline)
    }
  }

  /// An orderly end, also for those who ask for one of TLS.
  consuming func finish() { if stream.isSecure { stream.shutdownWriting() } }

  /// Passes the time; ends early when the peer has gone.
  mutating func pause(for duration: Duration) {
    let deadline = Clock.monotonic() + duration
    while deadline > Clock.monotonic() {
      guard let count = try? wait(until: deadline) else { return }
      if (0..<count).contains(where: { loop.readiness($0).isEnding }) { return }
    }
  }

  /// A reset in place of an orderly end.
  consuming func reset() { stream.socket.resetOnClose() }

  private mutating func wait(until deadline: MonotonicTime) throws(Failure) -> Int {
    let left = deadline.nanoseconds - Clock.monotonic().nanoseconds
    guard left > 0 else { throw .tooSlow }
    return loop.wait(atMost: .nanoseconds(left))
  }
}

/// Something that a new thread takes over.
final class Handover<Value: ~Copyable>: Sendable {
  private let value: Mutex<Value?>

  init(_ value: consuming sending Value) { self.value = Mutex(value) }

  func take() -> sending Value? { value.withLock { $0.take() } }
}
