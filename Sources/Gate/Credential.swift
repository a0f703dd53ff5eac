import HTTP

/// How a token came.
public enum CredentialSource: UInt8, Sendable {
  case authorization, cookie, webSocketSubprotocol
}

/// A token as it stands in a request head.
struct Credential {
  let token: Slice
  let source: CredentialSource
}

/// Finds the one credential of a request (RFC 6750 §2.1; cookie and subprotocol where configured). Tokens in the query
/// or the body are never looked for.
struct CredentialReader: Sendable {
  let cookieName: [UInt8]?
  let readsSubprotocol: Bool
  let tokenBytes: Int

  /// - Throws: `credentialRepeated`, `tokenMalformed`, `tokenTooLarge`
  func credential(of head: borrowing RequestHead) throws(Denial) -> Credential? {
    let arena = head.fields.bytes.span
    var found = Found()
    for index in head.fields.lines.indices {
      let line = head.fields.lines[index]
      switch line.known {
      case .authorization:
        guard !found.hasAuthorization else { throw .credentialRepeated }
        found.hasAuthorization = true
        if let token = try bearerToken(line.value, arena) { try found.add(token, .authorization, arena) }
      case .cookie:
        guard let cookieName else { continue }
        var pairs = CookiePairs(line.value)
        while let pair = pairs.next(in: arena) {
          guard arena.extracting(pair.name.range).hasSameBytes(as: cookieName.span) else { continue }
          guard !found.hasCookie else { throw .credentialRepeated }
          found.hasCookie = true
          // An empty one is what deleting a cookie without an expiry leaves.
          if !pair.value.isEmpty { try found.add(pair.value, .cookie, arena) }
        }
      case .secWebSocketProtocol:
        guard readsSubprotocol, head.isWebSocket else { continue }
        var elements = ListElements(line.value)
        while let element = elements.next(in: arena) {
          guard let token = Self.subprotocolToken(element, arena) else { continue }
          guard !found.hasSubprotocol else { throw .credentialRepeated }
          found.hasSubprotocol = true
          try found.add(token, .webSocketSubprotocol, arena)
        }
      default: continue
      }
    }
    guard let credential = found.credential else { return nil }
    guard !credential.token.isEmpty else { throw .tokenMalformed }
    guard Int(credential.token.count) <= tokenBytes else { throw .tokenTooLarge }
    return credential
  }

  private struct Found {
    var credential: Credential?
    var hasAuthorization = false
    var hasCookie = false
    var hasSubprotocol = false

    /// The same token in two places is one credential; the first place counts unless the other is `Authorization`,
    /// which a browser sends for nobody but the page's own code.
    mutating func add(_ token: Slice, _ source: CredentialSource, _ arena: Span<UInt8>) throws(Denial) {
      guard let other = credential else {
        credential = Credential(token: token, source: source)
        return
      }
      guard arena.extracting(token.range).hasSameBytes(as: arena.extracting(other.token.range)) else {
        throw .credentialRepeated
      }
      if source == .authorization { credential = Credential(token: token, source: source) }
    }
  }

  /// The token of a value with the scheme Bearer; nil for other schemes.
  private func bearerToken(_ value: Slice, _ arena: Span<UInt8>) throws(Denial) -> Slice? {
    let bytes = arena.extracting(value.range)
    guard bytes.count >= 6, bytes.extracting(first: 6).matchesIgnoringCase("bearer") else { return nil }
    // Another scheme that begins with the same letters is another scheme.
    guard bytes.count == 6 || !FieldSyntax.isTokenByte(bytes[6]) else { return nil }
    var start = 6
    while start < bytes.count, bytes[start] == UInt8(ascii: " ") { start += 1 }
    if start == 6 || start == bytes.count || Self.hasDelimiter(bytes.extracting(start...)) {
      // A list is a list whatever stands in it.
      for index in 6..<bytes.count where bytes[index] == UInt8(ascii: ",") { throw .credentialRepeated }
      throw .tokenMalformed
    }
    return Slice(start: value.range.lowerBound + start, count: bytes.count - start)
  }

  /// White space or a comma. Without an early end, so that the loop is vectorised: a token is long and has neither.
  private static func hasDelimiter(_ bytes: Span<UInt8>) -> Bool {
    var found: UInt8 = 0
    for index in bytes.indices {
      let byte = bytes[index]
      found |= (byte == 0x20 ? 1 : 0) | (byte == 0x09 ? 1 : 0) | (byte == 0x2C ? 1 : 0)
    }
    return found != 0
  }

  /// The token of `bearer.<token>`.
  static func subprotocolToken(_ element: Slice, _ arena: Span<UInt8>) -> Slice? {
    guard arena.extracting(element.range).begins(with: "bearer.", at: 0) else { return nil }
    return Slice(start: element.range.lowerBound + 7, count: element.range.count - 7)
  }
}

/// The pairs of a `Cookie` value (RFC 6265 §4.2.1), read as leniently as apps read them: white space around names and
/// values does not count.
struct CookiePairs {
  struct Pair {
    var name: Slice
    var value: Slice
    /// The pair with all white space around it, without the semicolons.
    var whole: Range<Int>
  }

  private var position: Int
  private let end: Int

  init(_ value: Slice) {
    position = value.range.lowerBound
    end = value.range.upperBound
  }

  mutating func next(in arena: Span<UInt8>) -> Pair? {
    guard position < end else { return nil }
    let start = position
    var stop = start
    var equals: Int?
    while stop < end, arena[stop] != UInt8(ascii: ";") {
      if equals == nil, arena[stop] == UInt8(ascii: "=") { equals = stop }
      stop += 1
    }
    position = stop + 1
    // Without `=` some apps take the whole for the name, others for the value: here it is a name.
    return Pair(
      name: Self.trimmed(start, equals ?? stop, arena), value: Self.trimmed(equals.map { $0 + 1 } ?? stop, stop, arena),
      whole: start..<stop)
  }

  private static func trimmed(_ start: Int, _ stop: Int, _ arena: Span<UInt8>) -> Slice {
    var start = start
    var stop = stop
    while start < stop, FieldSyntax.isWhiteSpace(arena[start]) { start += 1 }
    while start < stop, FieldSyntax.isWhiteSpace(arena[stop - 1]) { stop -= 1 }
    return Slice(start: start, count: stop - start)
  }
}

extension RequestHead {
  /// A WebSocket handshake of either protocol version (RFC 6455 §4.1, RFC 8441 §5).
  var isWebSocket: Bool {
    !upgradeProtocol.isEmpty && fields.bytes.span.extracting(upgradeProtocol.range).matchesIgnoringCase("websocket")
  }
}
