import HTTP
import Transport

/// What waits here, counted, and what is done about it when memory is short.
extension HTTPClient {
  /// Of every stream over HTTP/2, until content has come: thousands of calls may be under way at once, and what each is
  /// allowed to bring cannot be taken back.
  static var smallWindowBytes: Int { 32 * 1024 }

  /// Response content of one call that may wait here now, in bytes.
  func windowBytes(_ origin: Int) -> Int {
    let most = origins[origin].settings.streamWindowBytes
    return pressure == .none ? most : min(most, Self.smallWindowBytes)
  }

  /// Frames of one connection that are made ahead of the socket, in bytes.
  var outputBytes: Int { pressure == .none ? 256 * 1024 : Self.smallWindowBytes }

  /// Counts what the connection holds besides the content of its calls. Called wherever that may have changed: a change
  /// that was missed is made good by the next one, and by the connection's end.
  mutating func weigh(_ handle: Handle) {
    guard connections.contains(handle) else { return }
    var count = connections[handle].output.count + connections[handle].pending.count
    let session = connections[handle].session
    if !session.isNone { count += sessions[session].queuedByteCount }
    bufferedByteCount += count - connections[handle].weighedByteCount
    connections[handle].weighedByteCount = count
  }

  /// A response of some size has begun, or memory has become short or plenty again.
  mutating func resizeWindow(_ call: Handle, _ session: Handle) {
    let most = origins[calls[call].origin].settings.streamWindowBytes
    let added = calls[call].addedWindowBytes
    var wanted = max(0, windowBytes(calls[call].origin) - Self.smallWindowBytes)
    if added == 0 {
      // Small answers cost no frame.
      guard wanted > 0, calls[call].ungrantedByteCount >= Self.smallWindowBytes / 2 else { return }
      if addedWindowBytes > limits.addedWindowBytes - wanted { return }
    } else if wanted > 0 {
      wanted = added
    }
    guard wanted != added else { return }
    addedWindowBytes += wanted - added
    calls[call].addedWindowBytes = wanted
    sessions[session].resizeWindow(calls[call].slot, min(most, Self.smallWindowBytes) + wanted)
  }
}
