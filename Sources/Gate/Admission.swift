public import HTTP
public import JOSE

/// The Gate's yes, and the only thing from which an upstream head can be made: the Gate alone makes admissions.
public struct Admission: Sendable {
  /// The policy that was decided by.
  public let policy: Policy
  /// Position of the deciding rule; nil if none matched.
  public let rule: Int?
  public let access: RouteRule.Access
  /// The user; nil on public routes and for anonymous requests.
  public let token: VerifiedToken?
  public let credentialSource: CredentialSource?
  /// The answer is to delete the credential cookie: its token has expired.
  public let clearsCredentialCookie: Bool
  /// Proof of the identity, where the app wants it.
  let assertion: IdentityAssertion?

  init(
    policy: Policy, rule: Int?, access: RouteRule.Access, token: VerifiedToken? = nil, source: CredentialSource? = nil,
    clearsCredentialCookie: Bool = false, assertion: IdentityAssertion? = nil
  ) {
    self.policy = policy
    self.rule = rule
    self.access = access
    self.token = token
    credentialSource = source
    self.clearsCredentialCookie = clearsCredentialCookie
    self.assertion = assertion
  }

  /// When what was admitted has to end, leeway included; nil: it may last.
  public var endsAt: UnixTime? {
    guard let token, policy.requirement(ofRule: rule).endsWithToken else { return nil }
    return token.validUntil
  }

  /// Why what was admitted has to end now, where it does so with its token.
  public func lapse(now: UnixTime, revocations: Revocations) -> Denied? {
    guard let token, let endsAt else { return nil }
    if now >= endsAt { return Denied(.tokenExpired, rule: rule) }
    return revocations.revoke(token) ? Denied(.tokenRevoked, rule: rule) : nil
  }

  /// Appends to `lines` all that the app gets of the header section, in one walk over the request: what may pass as it
  /// is, then the identity, then the gateway's own fields. Positions mean the head's arena, to which the new values are
  /// appended.
  ///
  /// `Host`, `Content-Length` and whatever ends at this hop are left out: they belong to the connection to the app.
  public func forwardLines(of head: inout RequestHead, facts: ConnectionFacts, into lines: inout [FieldLine]) {
    let options = ConnectionOptions(head.fields)
    var hasTE = false
    for index in head.fields.lines.indices {
      let line = head.fields.lines[index]
      switch line.known {
      case .host, .contentLength, .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade,
        .http2Settings, .proxyAuthorization:
        continue
      case .te:
        hasTE = true
        continue
      case .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost:
        // Written anew below, and nothing exempts them.
        continue
      case .authorization:
        guard passesAuthorization else { continue }
      case .cookie:
        if access != .public, let name = policy.credentials.cookieName {
          guard let value = Self.cut(name, out: line.value, of: &head.fields.bytes) else { continue }
          append(FieldLine(name: line.name, value: value, known: .cookie), options, head, to: &lines)
          continue
        }
      case .secWebSocketProtocol:
        if access != .public, policy.credentials.readsSubprotocol {
          guard let value = Self.withoutToken(line.value, &head.fields.bytes) else { continue }
          append(FieldLine(name: line.name, value: value, known: .secWebSocketProtocol), options, head, to: &lines)
          continue
        }
      default: break
      }
      guard policy.managedNames.mayPass(head.fields.bytes.span.extracting(line.name.range)) else { continue }
      append(line, options, head, to: &lines)
    }

    if let token {
      let base = head.fields.bytes.count
      head.fields.bytes.append(contentsOf: token.fieldBytes)
      for line in token.fieldLines {
        lines.append(
          FieldLine(
            name: Slice(start: base + Int(line.name.start), count: Int(line.name.count)),
            value: Slice(start: base + Int(line.value.start), count: Int(line.value.count)), known: .other))
      }
    }
    if let certificate = facts.certificateFields {
      // Of the connection, not of a token: public routes have it too.
      let base = head.fields.bytes.count
      head.fields.bytes.append(contentsOf: certificate.bytes)
      for line in certificate.lines {
        lines.append(
          FieldLine(
            name: Slice(start: base + Int(line.name.start), count: Int(line.name.count)),
            value: Slice(start: base + Int(line.value.start), count: Int(line.value.count)), known: .other))
      }
    }
    if let assertion {
      let name = head.fields.bytes.count
      head.fields.bytes.append(contentsOf: assertion.name)
      let value = head.fields.bytes.count
      head.fields.bytes.append(contentsOf: assertion.value)
      lines.append(
        FieldLine(
          name: Slice(start: name, count: assertion.name.count),
          value: Slice(start: value, count: assertion.value.count), known: .other))
    }
    let acceptsTrailers = hasTE && head.fields.acceptsTrailers
    policy.forwardedFields.append(for: &head, facts: facts, acceptsTrailers: acceptsTrailers, to: &lines)
  }

  /// Appends to `lines` what the app gets of the trailer section.
  public func forwardTrailerLines(of section: borrowing FieldSection, into lines: inout [FieldLine]) {
    for line in section.lines
    where policy.mayPassInTrailers(section.bytes.span.extracting(line.name.range), known: line.known) {
      lines.append(line)
    }
  }

  /// The credential of a public route is the app's business. Elsewhere only one that was found good may pass, and only
  /// where the policy keeps it.
  private var passesAuthorization: Bool {
    access == .public || policy.keepsAuthorization && token != nil && credentialSource == .authorization
  }

  /// What `Connection` lists ends here.
  @inline(__always)
  private func append(
    _ line: FieldLine, _ options: borrowing ConnectionOptions, _ head: borrowing RequestHead,
    to lines: inout [FieldLine]
  ) {
    if !options.isEmpty, options.lists(head.fields.bytes.span.extracting(line.name.range), in: head.fields) { return }
    lines.append(line)
  }

  /// The value of `Cookie` without one cookie, the others byte for byte; nil if nothing is left.
  private static func cut(_ name: [UInt8], out value: Slice, of arena: inout [UInt8]) -> Slice? {
    var pairs = CookiePairs(value)
    var isThere = false
    while let pair = pairs.next(in: arena.span) {
      if arena.span.extracting(pair.name.range).hasSameBytes(as: name.span) { isThere = true }
    }
    guard isThere else { return value }
    let start = arena.count
    pairs = CookiePairs(value)
    while let pair = pairs.next(in: arena.span) {
      if arena.span.extracting(pair.name.range).hasSameBytes(as: name.span) { continue }
      var whole = pair.whole
      if arena.count > start {
        arena.append(UInt8(ascii: ";"))
      } else {
        // The space after the semicolon of a pair that is gone.
        while whole.lowerBound < whole.upperBound, FieldSyntax.isWhiteSpace(arena[whole.lowerBound]) {
          whole = whole.lowerBound + 1..<whole.upperBound
        }
      }
      arena.append(copyOf: whole)
    }
    while arena.count > start, FieldSyntax.isWhiteSpace(arena[arena.count - 1]) { arena.removeLast() }
    return arena.count == start ? nil : Slice(start: start, count: arena.count - start)
  }

  /// The value of `Sec-WebSocket-Protocol` without `bearer.<token>`; nil if nothing is left.
  private static func withoutToken(_ value: Slice, _ arena: inout [UInt8]) -> Slice? {
    let start = arena.count
    var elements = ListElements(value)
    while let element = elements.next(in: arena.span) {
      if CredentialReader.subprotocolToken(element, arena.span) != nil { continue }
      if arena.count > start {
        arena.append(UInt8(ascii: ","))
        arena.append(UInt8(ascii: " "))
      }
      arena.append(copyOf: element.range)
    }
    return arena.count == start ? nil : Slice(start: start, count: arena.count - start)
  }
}
