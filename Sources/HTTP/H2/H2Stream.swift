/// What the session keeps of one stream: 96 bytes and its send queue.
struct H2Stream {
  var id: Int32 = 0
  var isUsed = false
  /// The stream is gone in the library; only the owner's events are still under way.
  var isClosed = false
  /// By us, for reasons of ours.
  var isReset = false
  /// Why the library resets it, where the request is malformed (RFC 9113 §8.1.1).
  var violation: Violation?
  /// Opaque to the session.
  var owner: UInt64 = 0

  /// Bytes to send begin at `queueStart`.
  var queue: [UInt8] = []
  var queueStart = 0
  /// No more content follows what is queued.
  var isSendingEnded = false
  var hasTrailers = false
  /// The library waits for `resume`.
  var isDeferred = false
  /// Bytes sent since the owner last asked.
  var sentByteCount = 0
  var isInProgressList = false

  /// Received and not yet given back to the flow-control windows.
  var unconsumedByteCount = 0
  /// A request or final response head has come: what follows is a trailer section.
  var hasFinalHead = false

  var queuedByteCount: Int { queue.count - queueStart }
}
