/// Request heads of one connection (RFC 9112 §3, §5), strictly. A pure transformer: it keeps positions, never bytes.
///
/// After an error the connection cannot be read any further; the answer must close it.
public struct RequestParser: Sendable {
  private var search = SectionSearch(hasStartLine: true)

  public init() {}

  /// Parses the head at the beginning of the unread bytes of a connection. `head` holds it once the result is
  /// `complete` and is undefined before. One empty line in front of the request line is skipped (RFC 9112 §2.2).
  public mutating func parse(
    _ input: Span<UInt8>, limits: MessageLimits, into head: inout RequestHead
  ) throws(MessageError) -> HeadProgress {
    head.removeAll()
    do throws(Violation) {
      // Whether this CR begins an empty line is not known yet.
      if input.count == 1 && input[0] == 0x0D { return .incomplete }
      let lead = input.count >= 2 && input[0] == 0x0D && input[1] == 0x0A ? 2 : 0
      let message = input.extracting(lead..<input.count)
      // A request without content usually ends what was read: then its head is complete and need not be searched.
      if !message.endsWithEmptyLine {
        if try search.end(in: message, limits: limits) == nil {
          try Self.checkBeginning(message)
          return .incomplete
        }
      }
      search = SectionSearch(hasStartLine: true)
      return try Self.parse(message, lead: lead, limits: limits, into: &head)
    } catch {
      if head.fields.bytes.isEmpty { head.removeAll() }
      throw MessageError(request: error)
    }
  }

  /// What begins like no request (a TLS record, say) is not waited for.
  private static func checkBeginning(_ message: Span<UInt8>) throws(Violation) {
    if message.isEmpty || FieldSyntax.isTokenByte(message[0]) { return }
    throw .startLine
  }

  private static func parse(
    _ message: Span<UInt8>, lead: Int, limits: MessageLimits, into head: inout RequestHead
  ) throws(Violation) -> HeadProgress {
    var index = 0
    let target = try RequestLine.parse(message, from: &index, limits: limits, into: &head)
    do throws(Violation) {
      try FieldLineParser.parse(message, from: &index, limits: limits, into: &head.fields.lines)
    } catch {
      // The refusal is logged with method and path: the request line stands, the fields do not.
      head.fields.lines.removeAll(keepingCapacity: true)
      head.fields.adopt(message.extracting(0..<index))
      throw error
    }
    head.fields.adopt(message.extracting(0..<index))
    let (body, persists) = try RequestRules.apply(to: &head, target: target)
    return .complete(consumed: lead + index, body: body, persists: persists)
  }
}

extension Span where Element == UInt8 {
  /// CRLFCRLF stands at the end.
  var endsWithEmptyLine: Bool {
    let end = count
    return end >= 4 && self[end &- 1] == 0x0A && self[end &- 2] == 0x0D && self[end &- 3] == 0x0A
      && self[end &- 4] == 0x0D
  }
}
