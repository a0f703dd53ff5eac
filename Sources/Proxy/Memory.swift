import HTTP
import Transport

/// `limits.bufferedBytes`: first whoever has something waiting is held back sooner, then nothing new is begun.
///
/// Nothing that waits is ever kept from leaving: what is read less is what would come to wait. A client that does not read,
/// and an app that does not, have the memory of their streams' windows until `limits.bodyIdle` or their timeout ends them.
extension Proxy {
  /// Content that may be queued on one side before the other is held back, in bytes.
  var queueLimitBytes: Int { memory.pressure == .none ? 64 * 1024 : 16 * 1024 }
  /// Content that goes on in one piece. What stays behind is not given back to the window that it came through.
  var pieceBytes: Int { memory.pressure == .none ? .max : 16 * 1024 }

  /// Bytes of content that wait in this worker.
  public var bufferedByteCount: Int { server.bufferedByteCount + client.bufferedByteCount + collectedByteCount }

  /// Something was read. One turn may read from hundreds of connections: what they bring counts before it is handled.
  public mutating func contentMayHaveCome() {
    if memory.isOutdated(bufferedByteCount) { weighMemory() }
  }

  /// Tells both sides how short memory is, once a turn at least.
  mutating func weighMemory() {
    memory.settle(bufferedByteCount)
    server.pressure = memory.pressure
    client.pressure = memory.pressure
  }

  /// Content of a request to an endpoint of ours is kept until it is whole.
  mutating func weighCollected(_ passage: Handle, _ count: Int) {
    collectedByteCount += count - passages[passage].collectedByteCount
    passages[passage].collectedByteCount = count
  }

  /// Memory is full and the app takes less than what comes: a request whose content could still fill windows that were
  /// given before is refused like one that begins now. Over HTTP/1.1 its connection is simply not read.
  mutating func shedIfStuck(_ passage: Handle) {
    guard memory.pressure == .full else { return }
    let exchange = passages[passage].exchange
    guard server.exchanges[exchange].head.version == .http2, passages[passage].status == 0, passages[passage].webSocket == nil,
      server.exchanges[exchange].waitingByteCount > Self.sharedWindowBytes
    else { return }
    counters.count(.bufferedBytesLimitHits)
    refuse(passage, Refusal(.overloaded))
    weighMemory()
  }

  /// What a request may have waiting when memory is full.
  static let sharedWindowBytes = 64 * 1024
}
