public import HTTPServer

extension LimitSettings {
  /// Of downstream connections.
  public var server: ServerLimits {
    var limits = ServerLimits()
    limits.message = message
    limits.streamCount = streamCount
    limits.streamWindowBytes = streamWindowBytes
    limits.connectionWindowBytes = connectionWindowBytes
    limits.requestHead = requestHead
    limits.idle = idle
    limits.bodyIdle = bodyIdle
    limits.connectionCount = connectionCount
    return limits
  }
}
