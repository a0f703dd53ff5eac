/// What we announce to the peer and hold it to (RFC 9113 §6.5).
public struct H2Settings: Sendable {
  /// SETTINGS_MAX_CONCURRENT_STREAMS: streams of the peer at once. Beyond it the peer's stream is refused.
  public var concurrentStreamCount: UInt32
  /// SETTINGS_INITIAL_WINDOW_SIZE: bytes that a stream may have under way to us.
  public var streamWindowBytes: UInt32
  /// The connection's flow-control window in bytes.
  public var connectionWindowBytes: Int32
  /// A section beyond them is read to its end, kept nowhere and answered with 431; a longer `:path` with 414.
  public var limits: MessageLimits
  /// Offers extended CONNECT (RFC 8441).
  public var offersConnectProtocol: Bool

  public init(
    concurrentStreamCount: UInt32 = 128, streamWindowBytes: UInt32 = 256 * 1024, connectionWindowBytes: Int32 = 1024 * 1024,
    limits: MessageLimits = MessageLimits(), offersConnectProtocol: Bool = false
  ) {
    self.concurrentStreamCount = concurrentStreamCount
    self.streamWindowBytes = streamWindowBytes
    self.connectionWindowBytes = connectionWindowBytes
    self.limits = limits
    self.offersConnectProtocol = offersConnectProtocol
  }
}

/// Error codes of RFC 9113 §7 that this code names; the peer's arrive as numbers.
public enum H2ErrorCode {
  public static let noError: UInt32 = 0x0
  public static let protocolError: UInt32 = 0x1
  public static let internalError: UInt32 = 0x2
  public static let streamClosed: UInt32 = 0x5
  public static let refusedStream: UInt32 = 0x7
  public static let cancel: UInt32 = 0x8
  public static let enhanceYourCalm: UInt32 = 0xB
  public static let http11Required: UInt32 = 0xD
}

/// The connection cannot go on: flush what is pending (a GOAWAY, where the library could still make one) and close.
public enum H2ConnectionError: Error, Equatable, Sendable {
  case badPreface
  case flooded(H2Flood)
  /// The library's own text for it.
  case failed(String)
}
