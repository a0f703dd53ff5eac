import HTTP

/// The fields by which a gateway tells where a request came from, written anew; only what a trusted proxy sent is kept
/// or appended to. No access decision reads them.
struct ForwardedFields: Sendable {
  /// All constant bytes in one piece, so that a request costs one copy.
  private let constants: [UInt8]
  private let forwardedFor: Slice
  private let forwardedProto: Slice
  private let forwardedHost: Slice
  private let forwarded: Slice
  private let via: Slice
  private let http: Slice
  private let https: Slice
  private let via10: Slice
  private let via11: Slice
  private let via2: Slice
  private let te: Slice
  private let trailers: Slice

  /// - Parameter name: what `Via` calls us (RFC 9110 §7.6.3).
  init(name: String) {
    var arena = FieldSection()
    forwardedFor = arena.store("x-forwarded-for")
    forwardedProto = arena.store("x-forwarded-proto")
    forwardedHost = arena.store("x-forwarded-host")
    forwarded = arena.store("forwarded")
    via = arena.store("via")
    http = arena.store("http")
    https = arena.store("https")
    via10 = arena.store("1.0 " + name)
    via11 = arena.store("1.1 " + name)
    via2 = arena.store("2 " + name)
    te = arena.store("te")
    trailers = arena.store("trailers")
    constants = arena.bytes
  }

  /// Appends the lines; values go into the head's arena.
  func append(for head: inout RequestHead, facts: ConnectionFacts, acceptsTrailers: Bool, to lines: inout [FieldLine]) {
    let base = head.fields.bytes.count
    head.fields.bytes.append(contentsOf: constants)
    func constant(_ slice: Slice) -> Slice { Slice(start: base + Int(slice.start), count: Int(slice.count)) }

    let scheme = constant(facts.isTLS ? https : http)
    let element = appendElement(facts.forwarded, isTLS: facts.isTLS, head: &head)
    let peer = Slice(
      start: Int(element.start) + Int(facts.forwarded.address.start), count: Int(facts.forwarded.address.count))

    var allFor = peer
    var allForwarded = element
    var proto = scheme
    var host = head.authority
    if facts.isTrustedProxy {
      allFor = Self.joined(head: &head, .xForwardedFor, with: peer)
      if let kept = head.fields.only(.xForwardedProto), Self.isScheme(head.fields.bytes.span.extracting(kept.range)) {
        proto = kept
      }
      if let kept = head.fields.only(.xForwardedHost), Authority.isValid(head.fields.bytes.span.extracting(kept.range)) {
        host = kept
      }
      allForwarded =
        head.fields.count(of: .forwarded) > 0
        ? Self.joined(head: &head, .forwarded, with: element)
        : ForwardedElements.joined(head: &head, host: host, proto: proto, with: element)
    }
    lines.append(FieldLine(name: constant(forwardedFor), value: allFor, known: .xForwardedFor))
    lines.append(FieldLine(name: constant(forwardedProto), value: proto, known: .xForwardedProto))
    if !host.isEmpty { lines.append(FieldLine(name: constant(forwardedHost), value: host, known: .xForwardedHost)) }
    lines.append(FieldLine(name: constant(forwarded), value: allForwarded, known: .forwarded))
    let received =
      switch head.version {
      case .http10: via10
      case .http11: via11
      case .http2: via2
      }
    lines.append(FieldLine(name: constant(via), value: constant(received), known: .via))
    if acceptsTrailers { lines.append(FieldLine(name: constant(te), value: constant(trailers), known: .te)) }
  }

  private static func isScheme(_ bytes: Span<UInt8>) -> Bool {
    bytes.matchesIgnoringCase("https") || bytes.matchesIgnoringCase("http")
  }

  /// The values of all lines of that field and one more, as one list: apps that read one line only see them all.
  private static func joined(head: inout RequestHead, _ field: KnownField, with last: Slice) -> Slice {
    guard head.fields.count(of: field) > 0 else { return last }
    let start = head.fields.bytes.count
    for index in head.fields.lines.indices where head.fields.lines[index].known == field {
      if head.fields.lines[index].value.isEmpty { continue }
      head.fields.bytes.append(copyOf: head.fields.lines[index].value.range)
      head.fields.bytes.append(UInt8(ascii: ","))
      head.fields.bytes.append(UInt8(ascii: " "))
    }
    head.fields.bytes.append(copyOf: last.range)
    return Slice(start: start, count: head.fields.bytes.count - start)
  }

  /// The element of `Forwarded` that is ours (RFC 7239 §4).
  private func appendElement(_ peer: ForwardedPeer, isTLS: Bool, head: inout RequestHead) -> Slice {
    let start = head.fields.bytes.count
    head.fields.bytes.append(contentsOf: peer.node)
    if !head.authority.isEmpty {
      _ = head.fields.store(";host=\"")
      head.fields.bytes.append(copyOf: head.authority.range)
      _ = head.fields.store("\"")
    }
    _ = isTLS ? head.fields.store(";proto=https") : head.fields.store(";proto=http")
    return Slice(start: start, count: head.fields.bytes.count - start)
  }
}

/// The node identifier of a peer (RFC 7239 §6), rendered.
struct ForwardedPeer: Sendable {
  /// `for=` and the address, an IPv6 address in brackets and quoted.
  let node: [UInt8]
  /// The bare address in it; `unknown` (RFC 7239 §6.2) without one.
  let address: Slice

  init(_ peer: PeerAddress) {
    let isIPv6 = peer.isKnown && !peer.isIPv4
    var node = [UInt8]((isIPv6 ? "for=\"[" : "for=").utf8)
    address = Self.appendPeer(peer, to: &node)
    if isIPv6 { node.append(contentsOf: "]\"".utf8) }
    self.node = node
  }

  /// The address as text, IPv6 in the form of RFC 5952; `unknown` (RFC 7239 §6.2) without one.
  static func appendPeer(_ peer: PeerAddress, to bytes: inout [UInt8]) -> Slice {
    let start = bytes.count
    if !peer.isKnown {
      bytes.append(contentsOf: "unknown".utf8)
    } else if peer.isIPv4 {
      for part in 0..<4 {
        if part > 0 { bytes.append(UInt8(ascii: ".")) }
        appendDecimal(UInt8(truncatingIfNeeded: peer.low &>> UInt64(24 - 8 * part)), to: &bytes)
      }
    } else {
      appendIPv6(peer, to: &bytes)
    }
    return Slice(start: start, count: bytes.count - start)
  }

  private static func appendDecimal(_ value: UInt8, to bytes: inout [UInt8]) {
    if value >= 100 { bytes.append(UInt8(ascii: "0") + value / 100) }
    if value >= 10 { bytes.append(UInt8(ascii: "0") + value / 10 % 10) }
    bytes.append(UInt8(ascii: "0") + value % 10)
  }

  private static func appendIPv6(_ peer: PeerAddress, to bytes: inout [UInt8]) {
    func group(_ index: Int) -> UInt16 {
      UInt16(truncatingIfNeeded: (index < 4 ? peer.high : peer.low) >> UInt64(48 - 16 * (index & 3)))
    }
    // The first longest run of two zero groups or more is left out (RFC 5952 §4.2).
    var longest = 0..<0
    var index = 0
    while index < 8 {
      var end = index
      while end < 8, group(end) == 0 { end += 1 }
      if end - index > max(1, longest.count) { longest = index..<end }
      index = max(end, index + 1)
    }
    index = 0
    while index < 8 {
      if index == longest.lowerBound, !longest.isEmpty {
        bytes.append(contentsOf: "::".utf8)
        index = longest.upperBound
        continue
      }
      if index > 0, index != longest.upperBound || longest.isEmpty { bytes.append(UInt8(ascii: ":")) }
      appendHexadecimal(group(index), to: &bytes)
      index += 1
    }
  }

  private static func appendHexadecimal(_ value: UInt16, to bytes: inout [UInt8]) {
    var hasBegun = false
    for position in 0..<4 {
      let digit = UInt8(truncatingIfNeeded: value &>> UInt16(12 - 4 * position) & 15)
      if digit == 0, !hasBegun, position < 3 { continue }
      hasBegun = true
      bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }
}
