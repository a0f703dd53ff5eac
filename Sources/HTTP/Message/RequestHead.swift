public enum ProtocolVersion: UInt8, Sendable {
  case http10, http11, http2
}

/// Request methods (RFC 9110 §9); `other` is any further token, its bytes are in ``RequestHead/methodName``.
public enum Method: UInt8, Sendable {
  case get, head, post, put, delete, connect, options, trace, patch, other

  /// RFC 9110 §9.2.1.
  @inlinable public var isSafe: Bool { self == .get || self == .head || self == .options || self == .trace }

  /// RFC 9110 §9.2.2.
  @inlinable public var isIdempotent: Bool { isSafe || self == .put || self == .delete }

  /// Methods are case-sensitive (RFC 9110 §9.1).
  public init(_ name: Span<UInt8>) {
    switch name.count {
    case 3: self = name.matches("GET") ? .get : name.matches("PUT") ? .put : .other
    case 4: self = name.matches("POST") ? .post : name.matches("HEAD") ? .head : .other
    case 5: self = name.matches("PATCH") ? .patch : name.matches("TRACE") ? .trace : .other
    case 6: self = name.matches("DELETE") ? .delete : .other
    case 7: self = name.matches("OPTIONS") ? .options : name.matches("CONNECT") ? .connect : .other
    default: self = .other
    }
  }
}

/// The request head of either codec, made by nobody else. All slices point into `fields.bytes`.
///
/// What the codecs guarantee: field names are lower-case tokens, values hold neither CR, LF nor NUL, the framing fields
/// agree with the body that follows, `authority` is a syntactically valid authority or empty (HTTP/1.0 without `Host`).
/// `path` begins with `/`, or is `*` for `OPTIONS *`, or is empty for CONNECT without a protocol; it is the client's
/// bytes and **not** judged further: canonical form is the Gate's first question.
public struct RequestHead: Sendable {
  /// Field lines without pseudo-fields. `host` lines stay in (HTTP/1.1); routing reads `authority`.
  public var fields = FieldSection()
  public var version = ProtocolVersion.http11
  public var method = Method.get
  public var methodName = Slice.empty
  /// `:scheme`, or that of an absolute-form target; empty when the client gave none. Never trusted for `X-Forwarded-Proto`.
  public var scheme = Slice.empty
  public var authority = Slice.empty
  /// Without the query.
  public var path = Slice.empty
  /// What follows the first `?`, without it; meaningful only if `hasQuery`.
  public var query = Slice.empty
  public var hasQuery = false
  /// `:protocol` of an extended CONNECT (RFC 8441), or the `Upgrade` token of an HTTP/1.1 upgrade; else empty.
  public var upgradeProtocol = Slice.empty
  /// From `Content-Length`; nil when absent.
  public var contentLength: UInt64?
  /// False when the head ends the message (no body, no trailer section).
  public var hasBody = false
  /// The client waits for a 100 (RFC 9110 §10.1.1).
  public var expectsContinue = false

  public init() {}

  /// Forgets the content and keeps the memory.
  @inlinable public mutating func removeAll() {
    fields.removeAll()
    version = .http11
    method = .get
    methodName = .empty
    scheme = .empty
    authority = .empty
    path = .empty
    query = .empty
    hasQuery = false
    upgradeProtocol = .empty
    contentLength = nil
    hasBody = false
    expectsContinue = false
  }

  /// Path and query as the client sent them: the request target in origin-form.
  @inlinable public var target: Slice {
    hasQuery ? Slice(start: Int(path.start), count: Int(path.count) + 1 + Int(query.count)) : path
  }
}

/// The response head of either codec; names in lower case, no pseudo-fields.
public struct ResponseHead: Sendable {
  public var fields = FieldSection()
  public var version = ProtocolVersion.http2
  /// 100-599 (RFC 9110 §15).
  public var status: UInt16 = 0
  /// From `Content-Length`; nil when absent.
  public var contentLength: UInt64?

  public init() {}

  @inlinable public mutating func removeAll() {
    fields.removeAll()
    version = .http2
    status = 0
    contentLength = nil
  }

  /// RFC 9110 §15.2: a final response follows.
  @inlinable public var isInterim: Bool { status < 200 }
}
