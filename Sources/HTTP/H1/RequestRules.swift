/// What a request's fields say about authority, framing, persistence and upgrades, checked against each other.
enum RequestRules {
  static func apply(
    to head: inout RequestHead, target: RequestLine.Target
  ) throws(Violation) -> (body: BodyFraming, persists: Bool) {
    var host: Slice?
    var framing = FramingFields()
    var hasConnection = false
    var hasUpgrade = false
    var hasExpectation = false
    for line in head.fields.lines {
      switch line.known {
      case .host:
        if host != nil { throw .hostRepeated }
        host = line.value
      case .contentLength, .transferEncoding: try framing.add(line, in: head.fields.bytes.span)
      case .connection: hasConnection = true
      case .upgrade: hasUpgrade = true
      case .expect:
        hasExpectation = true
        guard head.fields.bytes.span.extracting(line.value.range).matchesIgnoringCase("100-continue") else {
          throw .expectation
        }
      default: break
      }
    }
    try setAuthority(of: &head, host: host, target: target)
    let body = try framing.requestBody(version: head.version)
    head.contentLength = framing.contentLength
    head.hasBody = body != .none
    head.expectsContinue = hasExpectation && head.hasBody && head.version == .http11

    var persists = head.version == .http11
    var upgradeListed = false
    if hasConnection {
      let options = ConnectionOptions(head.fields)
      if options.isTooLong { throw .connectionOptions }
      if options.closes { persists = false }
      upgradeListed = options.upgrades
    }
    // In HTTP/1.0 the field has no meaning (RFC 9110 §7.8).
    if hasUpgrade && head.version == .http11 { try Upgrade.apply(to: &head, listed: upgradeListed) }
    if head.method == .trace || head.method == .connect { throw .method }
    return (body, persists)
  }

  /// RFC 9112 §3.2, §3.3: one valid `Host` (HTTP/1.0 may have none), the same as in an absolute-form target.
  private static func setAuthority(
    of head: inout RequestHead, host: Slice?, target: RequestLine.Target
  ) throws(Violation) {
    if let host {
      guard Authority.isValid(head.fields.bytes.span.extracting(host.range)) else { throw .authority }
      head.authority = host
    } else if head.version == .http11 {
      throw .hostMissing
    }
    guard case .absolute(let authority) = target else { return }
    try checkAbsolute(authority, host: host, in: head.fields.bytes.span)
    head.authority = authority
    if head.path.isEmpty { setEmptyPath(of: &head) }
  }

  private static func checkAbsolute(_ authority: Slice, host: Slice?, in arena: Span<UInt8>) throws(Violation) {
    let named = arena.extracting(authority.range)
    guard Authority.isValid(named) else { throw .authority }
    if let host, !named.equalsIgnoringCase(arena.extracting(host.range)) { throw .hostDiffers }
  }

  /// `http://host` and `http://host?query`: the path is `/`, for OPTIONS without a query `*` (RFC 9112 §3.2).
  private static func setEmptyPath(of head: inout RequestHead) {
    if !head.hasQuery {
      head.path = head.method == .options ? head.fields.store("*") : head.fields.store("/")
      return
    }
    // Path and query stay neighbours, so that together they are the origin-form.
    let query = Array(head.fields.bytes[head.query.range])
    head.path = head.fields.store("/")
    _ = head.fields.store("?")
    head.query = head.fields.store(query.span)
  }
}

/// `Content-Length` and `Transfer-Encoding` of one message: at most one of them, once, in its plain form.
struct FramingFields {
  private(set) var contentLength: UInt64?
  private(set) var isChunked = false

  mutating func add(_ line: FieldLine, in arena: Span<UInt8>) throws(Violation) {
    let value = arena.extracting(line.value.range)
    if line.known == .contentLength {
      if contentLength != nil { throw .contentLengthRepeated }
      guard let length = FieldSyntax.contentLength(value) else { throw .contentLength }
      contentLength = length
    } else {
      if isChunked || !value.matchesIgnoringCase("chunked") { throw .transferEncoding }
      isChunked = true
    }
    if isChunked && contentLength != nil { throw .transferEncodingWithLength }
  }

  func requestBody(version: ProtocolVersion) throws(Violation) -> BodyFraming {
    if isChunked {
      if version == .http10 { throw .transferEncoding }
      return .chunked
    }
    guard let contentLength, contentLength > 0 else { return .none }
    return .length(contentLength)
  }
}
