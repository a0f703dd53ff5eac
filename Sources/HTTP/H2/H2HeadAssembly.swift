/// A header or trailer section while its fields arrive; sections never interleave on a connection (RFC 9113 §4.3).
struct H2HeadAssembly {
  var slot = 0
  /// Begun and not complete.
  var isUnderWay = false
  var request = RequestHead()
  var response = ResponseHead()
  private var isTrailers = false
  private var accountedBytes = 0
  private var fieldCount = 0
  private(set) var failure: MessageError?

  mutating func begin(slot: Int, isTrailers: Bool) {
    self.slot = slot
    isUnderWay = true
    self.isTrailers = isTrailers
    accountedBytes = 0
    fieldCount = 0
    failure = nil
    request.removeAll()
    response.removeAll()
  }

  mutating func fail(_ error: MessageError) {
    if failure == nil { failure = error }
  }

  /// Counts a field against the limits; beyond them nothing is kept any more.
  private mutating func admits(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: H2Settings) -> Bool {
    accountedBytes &+= name.count &+ value.count &+ 32
    fieldCount &+= 1
    if accountedBytes > settings.limits.headerSectionBytes || fieldCount > settings.limits.fieldCount {
      fail(.headerSectionTooLarge)
    }
    return failure == nil
  }

  /// A field of a request or of a trailer section to the server.
  mutating func addToRequest(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: H2Settings) {
    guard admits(name, value, settings) else { return }
    guard name.count > 0, name[0] == UInt8(ascii: ":") else {
      request.fields.append(name: name, value: value)
      return
    }
    let stored = request.fields.store(value)
    if name.matches(":method") {
      request.methodName = stored
      request.method = Method(value)
    } else if name.matches(":path") {
      if value.count > settings.limits.requestLineBytes { return fail(.requestLineTooLarge) }
      request.path = stored
      for index in 0..<value.count where value[index] == UInt8(ascii: "?") {
        request.path = Slice(start: Int(stored.start), count: index)
        request.query = Slice(start: Int(stored.start) + index + 1, count: value.count - index - 1)
        request.hasQuery = true
        break
      }
    } else if name.matches(":authority") {
      request.authority = stored
    } else if name.matches(":scheme") {
      request.scheme = stored
    } else if name.matches(":protocol") {
      request.upgradeProtocol = stored
    } else {
      fail(.requestMalformed(.pseudoField))
    }
  }

  /// A field of a response or of a trailer section to the client.
  mutating func addToResponse(_ name: Span<UInt8>, _ value: Span<UInt8>, _ settings: H2Settings) {
    guard admits(name, value, settings) else { return }
    guard name.count > 0, name[0] == UInt8(ascii: ":") else {
      response.fields.append(name: name, value: value)
      return
    }
    guard name.matches(":status"), value.count == 3 else { return fail(.responseMalformed(.status)) }
    var status: UInt16 = 0
    for index in 0..<3 {
      let digit = value[index]
      guard digit >= 48, digit <= 57 else { return fail(.responseMalformed(.status)) }
      status = status * 10 + UInt16(digit - 48)
    }
    guard status >= 100, status <= 599 else { return fail(.responseMalformed(.status)) }
    response.status = status
  }

  /// What the library leaves to us once a request head is complete (RFC 9113 §8.3.1, RFC 9110 §7.2).
  mutating func completeRequest(endsStream: Bool) {
    request.version = .http2
    request.hasBody = !endsStream
    guard failure == nil else { return }
    switch request.fields.count(of: .host) {
    case 0: break
    case 1:
      guard let host = request.fields.only(.host) else { return }
      if request.authority.isEmpty {
        request.authority = host
      } else if !Self.equalIgnoringCase(request.fields.bytes, host, request.authority) {
        return fail(.authorityInvalid(.hostDiffers))
      }
    default: return fail(.authorityInvalid(.hostRepeated))
    }
    guard !request.authority.isEmpty, Authority.isValid(request.fields.bytes.span.extracting(request.authority.range)) else {
      return fail(.authorityInvalid(.authority))
    }
    if let length = request.fields.only(.contentLength) {
      request.contentLength = FieldSyntax.contentLength(request.fields.bytes.span.extracting(length.range))
      if request.contentLength == nil { return fail(.requestMalformed(.contentLength)) }
    }
    let expectations = request.fields.count(of: .expect)
    if expectations > 0 {
      guard expectations == 1, let expectation = request.fields.only(.expect),
        Self.isContinue(request.fields.bytes.span.extracting(expectation.range))
      else { return fail(.expectationFailed) }
      request.expectsContinue = !endsStream
    }
    if request.method == .trace { return fail(.methodNotAllowed) }
    if request.method == .connect, request.upgradeProtocol.isEmpty { return fail(.methodNotAllowed) }
    // The library takes `:protocol` with CONNECT only.
    if !request.upgradeProtocol.isEmpty, endsStream || !Upgrade.isExtendedConnect(request) {
      return fail(.upgradeMalformed(.webSocketHandshake))
    }
  }

  /// A request head that the library refuses, as far as it was read, and what is wrong with it: of what it checks at the
  /// end of a section, the authority and the length of content that does not follow.
  mutating func refusedHead(endsStream: Bool) -> MessageError {
    request.version = .http2
    if let failure { return failure }
    if request.methodName.isEmpty || request.path.isEmpty || request.scheme.isEmpty { return .requestMalformed(.pseudoField) }
    if request.authority.isEmpty, request.fields.count(of: .host) == 0 { return .authorityInvalid(.authority) }
    if endsStream, let length = request.fields.only(.contentLength),
      let count = FieldSyntax.contentLength(request.fields.bytes.span.extracting(length.range)), count > 0
    {
      return .contentLengthMismatch
    }
    return .requestMalformed(.malformedStream)
  }

  mutating func completeResponse() {
    response.version = .http2
    guard let length = response.fields.only(.contentLength) else { return }
    response.contentLength = FieldSyntax.contentLength(response.fields.bytes.span.extracting(length.range))
    if response.contentLength == nil { fail(.responseMalformed(.contentLength)) }
  }

  private static func isContinue(_ value: Span<UInt8>) -> Bool {
    guard value.count == 12 else { return false }
    var lowered = [UInt8](repeating: 0, count: 12)
    for index in 0..<12 { lowered[index] = value[index] >= 65 && value[index] <= 90 ? value[index] | 32 : value[index] }
    return lowered.span.matches("100-continue")
  }

  private static func equalIgnoringCase(_ bytes: [UInt8], _ left: Slice, _ right: Slice) -> Bool {
    guard left.count == right.count else { return false }
    for offset in 0..<Int(left.count) {
      let a = bytes[Int(left.start) + offset]
      let b = bytes[Int(right.start) + offset]
      if a == b { continue }
      guard a ^ b == 32, (a | 32) >= 97, (a | 32) <= 122 else { return false }
    }
    return true
  }
}
