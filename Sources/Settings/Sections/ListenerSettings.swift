public import Transport

/// `listen[]`
public struct ListenerSettings: Equatable, Sendable {
  public let address: SocketAddress
  /// Proxies whose forwarded fields are believed, in CIDR notation, or `unix`; empty: nobody's.
  public let trustedProxies: [String]
  /// Absent: cleartext.
  public let tls: ListenerTLSSettings?

  init(_ keys: Section) {
    address = keys.value("address", .listenAddress)
    trustedProxies = keys.value(
      "trustedProxies", .list(of: .text("addresses (10.0.0.0/8, 2001:db8::/32), or unix")), default: "[]")
    tls = keys.optionalSection("tls", "a mapping of certificate and privateKey, or null", ListenerTLSSettings.init)
    if trustedProxies.contains(where: { $0.hasSuffix("/0") }) {
      keys.warn("trustedProxies", "trusts everyone: any client can claim any address in X-Forwarded-For")
    }
    if address.family == .unix {
      if trustedProxies.contains(where: { $0 != "unix" }) {
        keys.warn("trustedProxies", "a peer on a Unix socket has no address: only `unix` says that it is trusted")
      }
    } else if trustedProxies.contains("unix") {
      keys.refuse("trustedProxies", "`unix` is for listeners on a Unix socket")
    }
  }
}

/// `workers`: event loops.
public enum Workers: Equatable, Sendable {
  /// The cgroup's CPU quota rounded up, else the cores, at most 4.
  case automatic
  case count(Int)
}

extension Kind where Value == Workers {
  static var workers: Kind {
    let count = Kind<Int>.count(1...256)
    let form = "auto, or \(count.form)"
    return Kind(form, placeholder: .automatic) { place in
      if case .scalar(let scalar) = place.node.content, scalar.text == "auto" { return .automatic }
      guard case .scalar(let scalar) = place.node.content, scalar.isNumber else { return place.expected(form) }
      return count.read(place).map(Workers.count)
    }
  }
}
