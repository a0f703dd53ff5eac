import HTTP
public import Transport

/// Finds out whether a cleartext origin speaks HTTP/2 by prior knowledge (RFC 9113 §3.3), with a connection that
/// carries nothing but the preface. Servers that meet it unasked answer all kinds of things: only a valid SETTINGS frame
/// counts.
public enum ProtocolProbe {
  public enum Outcome: Equatable, Sendable {
    case http2
    case http1
    /// No address took the connection; the text is for the log.
    case unreachable(String)
  }

  /// Blocks; for a thread of its own.
  ///
  /// - Parameters:
  ///   - connect: for each address in turn.
  ///   - answer: silence beyond it means HTTP/1.1.
  public static func run(
    _ addresses: [SocketAddress], connect: Duration = .seconds(2), answer: Duration = .seconds(1)
  ) -> Outcome {
    var detail = "no address"
    for address in addresses {
      do throws(Errno) {
        return try ask(address, connect, answer)
      } catch {
        detail = "\(error)"
      }
    }
    return .unreachable(detail)
  }

  /// Whether one of the addresses takes a connection; nothing is sent on it. Blocks.
  public static func takesConnections(_ addresses: [SocketAddress], within bound: Duration = .seconds(2)) -> Bool {
    addresses.contains { address in
      do throws(Errno) {
        var loop = try EventLoop(inputBytes: 1)
        _ = try connected(to: address, bound, &loop)
        return true
      } catch {
        return false
      }
    }
  }

  private static func connected(
    to address: SocketAddress, _ bound: Duration, _ loop: inout EventLoop
  ) throws(Errno) -> ByteStream {
    let stream = ByteStream(try Connected(connectingTo: address).takeSocket())
    try loop.watch(stream.socket, as: .none)
    let deadline = loop.now + bound
    while !hasWritable(&loop, until: deadline) {
      if loop.now >= deadline { throw .timedOut }
    }
    if let failure = stream.socket.pendingError() { throw failure }
    return stream
  }

  /// - Throws: when there is no connection.
  private static func ask(_ address: SocketAddress, _ connect: Duration, _ answer: Duration) throws(Errno) -> Outcome {
    var loop = try EventLoop(inputBytes: 4096)
    var stream = try connected(to: address, connect, &loop)
    var session = H2Session(.client, H2Settings())
    var batch = H2Batch()
    var output: [UInt8] = []
    var queue = ByteQueue()
    let deadline = loop.now + answer
    do {
      _ = try session.produce(into: &output, limitBytes: 64 * 1024, batch: &batch)
      queue.append(output.span)
      _ = try stream.write(&queue)
      while loop.now < deadline {
        switch try stream.read(into: &loop.input) {
        case .bytes(let count):
          try session.receive(loop.input.span.extracting(0..<count), into: &batch)
          for case .settings in batch.events {
            sayGoodbye(&session, &stream)
            return .http2
          }
        case .wouldBlock: _ = loop.wait(atMost: Duration.nanoseconds(deadline.nanoseconds - loop.now.nanoseconds))
        case .endOfStream: return .http1
        }
      }
    } catch {
      // Reset, or something that is no HTTP/2.
    }
    return .http1
  }

  private static func hasWritable(_ loop: inout EventLoop, until deadline: MonotonicTime) -> Bool {
    let count = loop.wait(atMost: Duration.nanoseconds(max(0, deadline.nanoseconds - loop.now.nanoseconds)))
    for index in 0..<count where loop.readiness(index).isWritable { return true }
    return false
  }

  /// GOAWAY, so that the app's log shows no broken connection. Best effort.
  private static func sayGoodbye(_ session: inout H2Session, _ stream: inout ByteStream) {
    session.terminate(code: H2ErrorCode.noError)
    var batch = H2Batch()
    var output: [UInt8] = []
    var queue = ByteQueue()
    _ = try? session.produce(into: &output, limitBytes: 64 * 1024, batch: &batch)
    queue.append(output.span)
    _ = try? stream.write(&queue)
  }
}
