import HTTP

/// Whose forwarded fields one listener believes.
struct TrustedProxies: Sendable {
  /// As a configuration names the peers of a Unix domain socket, which have no address that a block could hold.
  static let unix = "unix"

  var blocks: [AddressBlock] = []
  var trustsUnixPeers = false

  func contains(_ peer: PeerAddress) -> Bool {
    peer.isKnown ? blocks.contains { $0.contains(peer) } : trustsUnixPeers
  }
}

/// A block of addresses (RFC 4632 §3.1, RFC 4291 §2.3), IPv4 in its mapped form.
struct AddressBlock: Equatable, Sendable {
  let high: UInt64
  let low: UInt64
  let prefixLength: Int

  /// `a.b.c.d`, `a.b.c.d/n`, an IPv6 address, or one with `/n`. Nil for anything else, set bits behind the prefix
  /// included.
  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let address = PeerAddress(literal: parts[0]) else { return nil }
    let width = parts[0].contains(":") ? 128 : 32
    var length = width
    if parts.count == 2 {
      guard !parts[1].isEmpty, parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ $0 &- 0x30 < 10 }),
        let number = Int(parts[1]), number <= width
      else { return nil }
      length = number
    }
    prefixLength = 128 - width + length
    high = address.high
    low = address.low
    let mask = Self.mask(prefixLength)
    guard high & ~mask.high == 0, low & ~mask.low == 0 else { return nil }
  }

  func contains(_ peer: PeerAddress) -> Bool {
    let mask = Self.mask(prefixLength)
    return peer.isKnown && (peer.high ^ high) & mask.high == 0 && (peer.low ^ low) & mask.low == 0
  }

  private static func mask(_ length: Int) -> (high: UInt64, low: UInt64) {
    (~(UInt64.max >> UInt64(min(length, 64))), ~(UInt64.max >> UInt64(max(length - 64, 0))))
  }
}

extension PeerAddress {
  /// An address literal without brackets, port and zone.
  init?(literal: some StringProtocol) {
    guard literal.contains(":") else {
      guard let quad = Self.ipv4(literal) else { return nil }
      self.init(ipv4: quad)
      return
    }
    var text = String(literal)
    // A dotted quad at the end stands for two groups (RFC 4291 §2.2).
    if let colon = text.lastIndex(of: ":"), text[colon...].contains(".") {
      guard let quad = Self.ipv4(text[text.index(after: colon)...]) else { return nil }
      text = text[...colon] + String(quad >> 16, radix: 16) + ":" + String(quad & 0xFFFF, radix: 16)
    }
    guard Authority.isValid([UInt8]("[\(text)]".utf8).span), let groups = Self.groups(text) else { return nil }
    self.init(
      high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) }, low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
  }

  private static func groups(_ text: String) -> [UInt16]? {
    func parse(_ part: Substring) -> [UInt16]? {
      var groups: [UInt16] = []
      for group in part.split(separator: ":") {
        guard let value = UInt16(group, radix: 16) else { return nil }
        groups.append(value)
      }
      return groups
    }
    guard let gap = text.firstRange(of: "::") else {
      return parse(text[...]).flatMap { $0.count == 8 ? $0 : nil }
    }
    guard let front = parse(text[..<gap.lowerBound]), let back = parse(text[gap.upperBound...]),
      front.count + back.count < 8
    else { return nil }
    return front + Array(repeating: 0, count: 8 - front.count - back.count) + back
  }

  private static func ipv4(_ text: some StringProtocol) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var address: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ $0 &- 0x30 < 10 }),
        part.utf8.count == 1 || part.utf8.first != UInt8(ascii: "0"), let byte = UInt8(part)
      else { return nil }
      address = address << 8 | UInt32(byte)
    }
    return address
  }
}
