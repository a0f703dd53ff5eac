/// The field names that this gateway treats specially; everything else is `other`. Recognised once, when a line is decoded.
public enum KnownField: UInt8, Sendable {
  case other
  // routing and framing
  case host, contentLength, transferEncoding, connection, keepAlive, proxyConnection, te, trailer, upgrade, expect
  case http2Settings
  // credentials
  case authorization, cookie, proxyAuthorization, secWebSocketProtocol
  // the WebSocket handshake of HTTP/1.1
  case secWebSocketKey, secWebSocketVersion
  // what the Gate and our endpoints read
  case contentType, origin, secFetchSite, secFetchMode, accept, accessControlRequestMethod, accessControlRequestHeaders
  // gateway
  case via, forwarded, xForwardedFor, xForwardedProto, xForwardedHost, traceparent, tracestate
  // responses
  case setCookie, date, server, retryAfter, grpcStatus

  /// The name must be in lower case.
  public init(_ name: Span<UInt8>) {
    switch name.count {
    case 2: self = name.matches("te") ? .te : .other
    case 3: self = name.matches("via") ? .via : .other
    case 4: self = name.matches("host") ? .host : name.matches("date") ? .date : .other
    case 6:
      self =
        name.matches("cookie") ? .cookie : name.matches("expect") ? .expect : name.matches("origin") ? .origin
        : name.matches("accept") ? .accept : name.matches("server") ? .server : .other
    case 7: self = name.matches("upgrade") ? .upgrade : name.matches("trailer") ? .trailer : .other
    case 9: self = name.matches("forwarded") ? .forwarded : .other
    case 10:
      self =
        name.matches("connection") ? .connection : name.matches("keep-alive") ? .keepAlive
        : name.matches("set-cookie") ? .setCookie : name.matches("tracestate") ? .tracestate : .other
    case 11:
      self =
        name.matches("traceparent") ? .traceparent : name.matches("retry-after") ? .retryAfter
        : name.matches("grpc-status") ? .grpcStatus : .other
    case 12: self = name.matches("content-type") ? .contentType : .other
    case 13: self = name.matches("authorization") ? .authorization : .other
    case 14:
      self =
        name.matches("content-length") ? .contentLength : name.matches("http2-settings") ? .http2Settings
        : name.matches("sec-fetch-site") ? .secFetchSite : name.matches("sec-fetch-mode") ? .secFetchMode : .other
    case 15: self = name.matches("x-forwarded-for") ? .xForwardedFor : .other
    case 16:
      self =
        name.matches("proxy-connection") ? .proxyConnection : name.matches("x-forwarded-host") ? .xForwardedHost : .other
    case 17:
      self =
        name.matches("transfer-encoding") ? .transferEncoding
        : name.matches("sec-websocket-key") ? .secWebSocketKey
        : name.matches("x-forwarded-proto") ? .xForwardedProto : .other
    case 19: self = name.matches("proxy-authorization") ? .proxyAuthorization : .other
    case 21: self = name.matches("sec-websocket-version") ? .secWebSocketVersion : .other
    case 22: self = name.matches("sec-websocket-protocol") ? .secWebSocketProtocol : .other
    case 29: self = name.matches("access-control-request-method") ? .accessControlRequestMethod : .other
    case 30: self = name.matches("access-control-request-headers") ? .accessControlRequestHeaders : .other
    default: self = .other
    }
  }
}

extension Span where Element == UInt8 {
  /// Equality with a literal, byte for byte.
  @inlinable public func matches(_ literal: StaticString) -> Bool {
    guard count == literal.utf8CodeUnitCount else { return false }
    let expected = unsafe UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
    for index in 0..<count where unsafe self[unchecked: index] != expected[index] { return false }
    return true
  }
}
