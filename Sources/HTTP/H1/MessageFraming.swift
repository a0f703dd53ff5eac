/// How the body after a head is delimited (RFC 9112 §6.3).
public enum BodyFraming: Equatable, Sendable {
  case none
  /// That many bytes, at least one.
  case length(UInt64)
  case chunked
  /// Responses only: everything until the connection ends.
  case untilClose
}

/// What a look at the unread bytes of a connection gave.
public enum HeadProgress: Equatable, Sendable {
  /// Nothing is consumed. Call again with the same bytes and more behind them.
  case incomplete
  /// The head took that many bytes. `persists` is false if the connection ends after this message (RFC 9112 §9.3).
  case complete(consumed: Int, body: BodyFraming, persists: Bool)
}
