public import HTTP

/// Whose attempts are counted together: an IPv4 address, or the /64 of an IPv6 address, since one client has all of it.
extension Policy {
  /// The peer's; behind trusted proxies that of the last address in `X-Forwarded-For` that is none of theirs. No access
  /// decision reads it: who lies about it behind a proxy that does not check is counted alone, and gains a rate.
  public func clientGroup(of head: borrowing RequestHead, facts: ConnectionFacts) -> String {
    var client = facts.peer
    if facts.isTrustedProxy {
      var addresses: [PeerAddress?] = []
      let arena = head.fields.bytes.span
      for line in head.fields.lines where line.known == .xForwardedFor {
        var elements = ListElements(line.value)
        while let element = elements.next(in: arena) {
          addresses.append(PeerAddress(literal: head.fields.string(element)))
        }
      }
      for address in addresses.reversed() {
        // What is no address was not written by a proxy that we trust.
        guard let address else { break }
        client = address
        if !trustedProxies.contains(where: { $0.contains(address) }) { break }
      }
    }
    if !client.isKnown { return "unknown" }
    if client.isIPv4 { return String(client.low & 0xFFFF_FFFF, radix: 16) }
    return String(client.high, radix: 16) + "::/64"
  }
}
