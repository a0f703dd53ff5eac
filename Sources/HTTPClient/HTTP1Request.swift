import HTTP
import Transport

/// Requests over HTTP/1.1 (RFC 9112).
extension HTTPClient {
  mutating func submitHTTP1(
    _ call: Handle, _ handle: Handle, _ head: borrowing RequestHead, _ lines: [FieldLine], _ authority: Span<UInt8>,
    _ endsStream: Bool
  ) -> Bool {
    if calls[call].isTunnel { return submitHandshake(handle, head, lines, authority) }
    var length: UInt64?
    var lengthCount = 0
    for line in lines where line.known == .contentLength {
      length = FieldSyntax.contentLength(head.fields.bytes.span.extracting(line.value.range))
      lengthCount += 1
    }
    // Framing that disagrees with what will be sent would let content pass for the next request.
    let isFramed = lengthCount == (length == nil ? 0 : 1) && (!endsStream || (length ?? 0) == 0)
    guard head.method != .connect, isFramed else {
      let detail = "request not expressible in HTTP/1.1"
      fail(call, CallFailure(.protocolError, retryable: false, mayHaveLeft: false, detail: detail))
      return false
    }
    connections[handle].method = head.method
    connections[handle].phase = .head
    connections[handle].parser = ResponseParser()
    connections[handle].persists = true
    connections[handle].isRequestChunked = !endsStream && length == nil
    connections[handle].awaitsContinue = !endsStream && lines.contains { $0.known == .expect }
    connections[handle].owedByteCount = length ?? 0
    connections[handle].unsentByteCount = 0
    let isChunked = connections[handle].isRequestChunked
    // RFC 9110 §8.6: such methods are expected to have content.
    let mayHaveContent = head.method == .post || head.method == .put || head.method == .patch
    let needsLength = endsStream && length == nil && mayHaveContent
    connections[handle].output.borrow(from: &buffers)
    connections[handle].output.withArray { output in
      let arena = head.fields.bytes.span
      Serializer.appendRequestLine(
        method: arena.extracting(head.methodName.range), target: arena.extracting(head.target.range),
        authority: authority, to: &output)
      Self.appendLines(lines, of: arena, to: &output)
      if isChunked { Serializer.appendField("transfer-encoding", "chunked", to: &output) }
      if needsLength { Serializer.appendField("content-length", "0", to: &output) }
      Serializer.endSection(&output)
    }
    return true
  }

  /// All lines that end at no hop; the crumbs of `cookie`, which HTTP/2 clients may send apart, in one line
  /// (RFC 9113 §8.2.3).
  static func appendLines(_ lines: [FieldLine], of arena: Span<UInt8>, to output: inout [UInt8]) {
    var crumbCount = 0
    for line in lines {
      switch line.known {
      case .cookie: crumbCount += 1
      case .te:
        Serializer.append(line, of: arena, to: &output)
        // RFC 9110 §10.1.4.
        Serializer.appendField("connection", "te", to: &output)
      case _ where line.known == .host || line.known.isConnectionSpecific: break
      default: Serializer.append(line, of: arena, to: &output)
      }
    }
    guard crumbCount > 0 else { return }
    let separator: [UInt8] = [UInt8(ascii: ";"), 0x20]
    var isFirst = true
    for line in lines where line.known == .cookie {
      if isFirst {
        output.append(copying: arena.extracting(line.name.range))
        output.append(UInt8(ascii: ":"))
        output.append(0x20)
      } else {
        output.append(copying: separator.span)
      }
      output.append(copying: arena.extracting(line.value.range))
      isFirst = false
    }
    output.append(0x0D)
    output.append(0x0A)
  }

  mutating func writeHTTP1(_ call: Handle, _ handle: Handle, _ queue: inout ByteQueue) {
    // What the app no longer reads, because it answered already, goes nowhere.
    if connections[handle].isBroken { return queue.drop(queue.count) }
    let count = queue.count
    connections[handle].output.borrow(from: &buffers)
    if connections[handle].phase == .tunnel {
      queue.move(to: &connections[handle].output)
    } else if connections[handle].isRequestChunked {
      connections[handle].output.withArray { output in
        queue.withContent { Serializer.appendChunk($0, to: &output) }
      }
      queue.drop(count)
    } else {
      guard UInt64(count) <= connections[handle].owedByteCount else {
        queue.drop(count)
        return failCurrent(handle, .protocolError, detail: "request content exceeds its length")
      }
      connections[handle].owedByteCount -= UInt64(count)
      queue.move(to: &connections[handle].output)
    }
    connections[handle].unsentByteCount += count
  }

  mutating func finishHTTP1(_ call: Handle, _ handle: Handle, _ trailers: borrowing FieldSection) {
    if connections[handle].isBroken { return }
    if connections[handle].isRequestChunked {
      connections[handle].output.borrow(from: &buffers)
      connections[handle].output.withArray { Serializer.appendLastChunk(trailers: trailers, to: &$0) }
    } else if connections[handle].owedByteCount > 0 {
      calls[call].isRequestEnded = false
      failCurrent(handle, .protocolError, detail: "request content falls short of its length")
    }
  }
}
