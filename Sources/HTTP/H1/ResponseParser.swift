/// Response heads of one connection to the app (RFC 9112 §4), strictly. A pure transformer: it keeps positions, never
/// bytes.
///
/// Interim responses are heads like any other: parse again until ``ResponseHead/isInterim`` is false. After an error
/// the connection cannot be read any further.
public struct ResponseParser: Sendable {
  private var search = SectionSearch(hasStartLine: true)

  public init() {}

  /// Parses the head at the beginning of the unread bytes of a connection. `head` holds it once the result is
  /// `complete` and is undefined before.
  ///
  /// - Parameters:
  ///   - method: that of the request being answered; HEAD and CONNECT change the framing.
  ///   - offersWebSocket: the request was a WebSocket handshake; otherwise a 101 is refused. After a 101 the connection
  ///     is a tunnel, whatever `persists` says.
  public mutating func parse(
    _ input: Span<UInt8>, to method: Method, offersWebSocket: Bool, limits: MessageLimits, into head: inout ResponseHead
  ) throws(MessageError) -> HeadProgress {
    do throws(Violation) {
      if !input.endsWithEmptyLine {
        if try search.end(in: input, limits: limits) == nil { return .incomplete }
      }
      search = SectionSearch(hasStartLine: true)
      head.removeAll()
      var index = 0
      try StatusLine.parse(input, from: &index, into: &head)
      if index - 2 > limits.requestLineBytes { throw .requestLineBytes }
      try FieldLineParser.parse(input, from: &index, limits: limits, into: &head.fields.lines)
      head.fields.adopt(input.extracting(0..<index))
      let (body, persists) = try ResponseRules.apply(to: &head, method: method, offersWebSocket: offersWebSocket)
      return .complete(consumed: index, body: body, persists: persists)
    } catch {
      throw MessageError(response: error)
    }
  }
}

/// `HTTP-version SP status-code SP [ reason-phrase ] CRLF` (RFC 9112 §4). The space before an absent reason phrase may
/// be missing too: many servers forget it, and nothing depends on it. The phrase is dropped.
enum StatusLine {
  static func parse(_ input: Span<UInt8>, from index: inout Int, into head: inout ResponseHead) throws(Violation) {
    head.version = try RequestLine.version(input, &index)
    guard index + 5 <= input.count, input[index] == 0x20 else { throw .startLine }
    var status: UInt16 = 0
    for position in (index + 1)..<(index + 4) {
      let digit = input[position] &- 0x30
      if digit > 9 { throw .status }
      status = status * 10 + UInt16(digit)
    }
    guard 100...599 ~= status else { throw .status }
    head.status = status
    index += 4
    if input[index] == 0x20 { index = input.firstNonValueByte(from: index) }
    guard index < input.count, input[index] == 0x0D else { throw .startLine }
    try FieldLineParser.endLine(input, &index)
  }
}

/// Framing and persistence of a response (RFC 9112 §6.3, §9.3).
enum ResponseRules {
  static func apply(
    to head: inout ResponseHead, method: Method, offersWebSocket: Bool
  ) throws(Violation) -> (body: BodyFraming, persists: Bool) {
    var framing = FramingFields()
    var hasConnection = false
    for line in head.fields.lines {
      switch line.known {
      case .contentLength, .transferEncoding: try framing.add(line, in: head.fields.bytes.span)
      case .connection: hasConnection = true
      default: break
      }
    }
    if framing.isChunked && head.version == .http10 { throw .transferEncoding }

    var persists = head.version == .http11
    if hasConnection {
      let options = ConnectionOptions(head.fields)
      if options.isTooLong { throw .connectionOptions }
      if options.closes { persists = false }
    }
    if head.status == 101 && !(offersWebSocket && Upgrade.isWebSocketAnswer(head)) { throw .protocolSwitch }

    let body = try self.body(framing, status: head.status, method: method)
    if body == .untilClose { persists = false }
    head.contentLength = mayHaveLength(head.status, method) ? framing.contentLength : nil
    return (body, persists)
  }

  private static func body(_ framing: FramingFields, status: UInt16, method: Method) throws(Violation) -> BodyFraming {
    if status < 200 || status == 204 {
      // Content that must not be there would be read as the next response.
      if framing.isChunked || (framing.contentLength ?? 0) > 0 { throw .contentForbidden }
      return .none
    }
    if method == .head || status == 304 || (method == .connect && status < 300) { return .none }
    if framing.isChunked { return .chunked }
    guard let length = framing.contentLength else { return .untilClose }
    return length == 0 ? .none : .length(length)
  }

  /// RFC 9110 §8.6.
  private static func mayHaveLength(_ status: UInt16, _ method: Method) -> Bool {
    !(status < 200 || status == 204 || (method == .connect && status < 300))
  }
}
