import HTTP
import Transport

/// What waits here, counted, and what is done about it when memory is short.
extension HTTPServer {
  /// Content of one stream that may wait here now, in bytes.
  var windowBytes: Int { pressure == .none ? limits.streamWindowBytes : min(limits.streamWindowBytes, Self.smallWindowBytes) }
  /// The same under pressure. Small enough for thousands of streams, large enough that none comes to a stop.
  static var smallWindowBytes: Int { 32 * 1024 }

  /// Frames of one connection that are made ahead of the socket, in bytes.
  var outputBytes: Int { pressure == .none ? 256 * 1024 : Self.smallWindowBytes }

  /// Counts what the connection holds besides the content of its exchanges. Called wherever that may have changed: a change
  /// that was missed is made good by the next one, and by the connection's end.
  mutating func weigh(_ handle: Handle) {
    guard connections.contains(handle) else { return }
    var count = connections[handle].output.count + connections[handle].pending.count
    let session = connections[handle].session
    if !session.isNone { count += sessions[session].queuedByteCount }
    bufferedByteCount += count - connections[handle].weighedByteCount
    connections[handle].weighedByteCount = count
  }

  /// Under pressure what a stream has brought is not all given back; without, its window becomes what it was.
  mutating func resizeWindow(_ exchange: Handle, _ session: Handle) {
    let isSmall = pressure != .none
    guard exchanges[exchange].hasSmallWindow != isSmall else { return }
    exchanges[exchange].hasSmallWindow = isSmall
    sessions[session].resizeWindow(exchanges[exchange].slot, windowBytes)
  }
}
