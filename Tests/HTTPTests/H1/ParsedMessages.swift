import HTTP

/// A request head and what the parser said about it.
struct ParsedRequest {
  var head = RequestHead()
  var progress = HeadProgress.incomplete

  init(_ text: String, limits: MessageLimits = MessageLimits()) throws(MessageError) {
    try self.init(bytes: Array(text.utf8), limits: limits)
  }

  init(bytes: [UInt8], limits: MessageLimits = MessageLimits()) throws(MessageError) {
    var parser = RequestParser()
    progress = try parser.parse(bytes.span, limits: limits, into: &head)
  }

  /// Feeds the prefixes that end at the given positions, and the whole at last.
  init(_ bytes: [UInt8], splitAt positions: [Int], limits: MessageLimits = MessageLimits()) throws(MessageError) {
    var parser = RequestParser()
    for position in positions + [bytes.count] {
      progress = try parser.parse(bytes.span.extracting(0..<position), limits: limits, into: &head)
      if progress != .incomplete { return }
    }
  }

  func text(_ slice: HTTP.Slice) -> String { head.fields.string(slice) }

  var consumed: Int? {
    if case .complete(let consumed, _, _) = progress { consumed } else { nil }
  }

  var body: BodyFraming? {
    if case .complete(_, let body, _) = progress { body } else { nil }
  }

  var persists: Bool? {
    if case .complete(_, _, let persists) = progress { persists } else { nil }
  }

  /// Everything a caller can see, for comparison.
  var description: String {
    let lines = head.fields.lines.map { "\(text($0.name)): \(text($0.value)) [\($0.known)]" }
    return """
      \(progress) \(head.version) \(text(head.methodName)) \(head.method) \(text(head.scheme)) \(text(head.authority)) \
      \(text(head.target)) \(text(head.path)) \(head.hasQuery) \(text(head.query)) \(text(head.upgradeProtocol)) \
      \(String(describing: head.contentLength)) \(head.hasBody) \(head.expectsContinue) \(lines)
      """
  }
}

/// What refused a request; nil if nothing did.
func refusal(_ text: String, limits: MessageLimits = MessageLimits()) -> MessageError? {
  refusal(bytes: Array(text.utf8), limits: limits)
}

func refusal(bytes: [UInt8], limits: MessageLimits = MessageLimits()) -> MessageError? {
  do throws(MessageError) {
    _ = try ParsedRequest(bytes: bytes, limits: limits)
    return nil
  } catch {
    return error
  }
}

/// Field lines for a request to `a` that is otherwise in order.
func request(_ lines: String..., method: String = "POST", version: String = "1.1") -> String {
  "\(method) / HTTP/\(version)\r\nHost: a\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
}

/// Reproducible random numbers (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// Applies a check to bytes; `#expect` itself cannot take spans.
func judge<Verdict>(_ bytes: some Sequence<UInt8>, _ check: (Span<UInt8>) -> Verdict) -> Verdict {
  let bytes = Array(bytes)
  return check(bytes.span)
}
