/// A block of addresses in CIDR notation (RFC 4632 §3.1, RFC 4291 §2.3).
public struct AddressRange: Equatable, Hashable, Sendable {
  private let high: UInt64
  private let low: UInt64
  /// Of the 128 bits; an IPv4 address is counted in its mapped form.
  private let prefixBits: Int
  private let text: String

  /// `192.0.2.0/24`, `2001:db8::/32`, or a single address. Nil for anything else, also when bits beyond the prefix are set.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = SocketAddress(literal: String(parts[0]), port: 0) else { return nil }
    let width = address.family == .ipv4 ? 32 : 128
    var bits = width
    if parts.count == 2 {
      let digits = parts[1].utf8
      guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
        digits.count == 1 || digits.first != 0x30, let number = Int(parts[1]), number <= width
      else { return nil }
      bits = number
    }
    (high, low, prefixBits, self.text) = (address.high, address.low, 128 - width + bits, text)
    guard address.high & ~Self.mask(prefixBits) == 0, address.low & ~Self.mask(prefixBits - 64) == 0 else { return nil }
  }

  /// An IPv4 address and its mapped IPv6 form are the same.
  public func contains(_ address: SocketAddress) -> Bool {
    address.high & Self.mask(prefixBits) == high && address.low & Self.mask(prefixBits - 64) == low
  }

  /// Every address of its family is inside.
  public var isEverything: Bool { prefixBits == 0 || (prefixBits == 96 && high == 0 && low == 0xFFFF_0000_0000) }

  private static func mask(_ bits: Int) -> UInt64 {
    bits <= 0 ? 0 : bits >= 64 ? .max : .max << UInt64(64 - bits)
  }
}

extension AddressRange: CustomStringConvertible {
  public var description: String { text }
}
