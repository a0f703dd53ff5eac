import HTTP
import Transport

/// From a connection to an egress proxy to one to the origin: the proxy is asked for a tunnel, and what it says before that
/// is read strictly, since everything after it is the origin's.
extension HTTPClient {
  /// Bytes of the proxy's answer. Above: the connect fails.
  static var tunnelAnswerLimitBytes: Int { 16 * 1024 }

  mutating func askForTunnel(_ handle: Handle, _ request: [UInt8]) {
    connections[handle].phase = .tunnelling
    connections[handle].output.append(request.span)
    markDirty(handle)
  }

  mutating func tunnelAnswered(_ handle: Handle, _ input: Span<UInt8>, _ loop: inout EventLoop) {
    connections[handle].pending.append(copying: input)
    let answer = connections[handle].pending
    guard answer.count >= 4, answer.suffix(4) == [0x0D, 0x0A, 0x0D, 0x0A] else {
      // Bytes behind the head would be the origin's, which has not been spoken to yet.
      if answer.count > Self.tunnelAnswerLimitBytes || answer.contains([0x0D, 0x0A, 0x0D, 0x0A]) {
        failTunnel(handle, detail: "the proxy's answer is none")
      }
      return
    }
    let status = Array(answer.prefix(12))
    guard status.count == 12, status.starts(with: Array("HTTP/1.".utf8)), status[8] == 0x20,
      status[9...].allSatisfy({ (0x30...0x39).contains($0) })
    else { return failTunnel(handle, detail: "the proxy's answer is none") }
    guard status[9] == 0x32 else {
      return failTunnel(handle, detail: "the proxy answered \(String(decoding: status[9...], as: UTF8.self))")
    }
    connections[handle].pending.removeAll()
    // Nothing of it was for the origin.
    connections[handle].writtenByteCount = 0
    originReached(handle, loop: &loop)
  }

  private mutating func failTunnel(_ handle: Handle, detail: String) {
    let origin = connections[handle].origin
    remove(handle)
    connectFailed(origin, .unreachable, detail: detail)
  }
}
