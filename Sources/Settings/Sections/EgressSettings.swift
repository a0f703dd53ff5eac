public import HTTPClient
internal import JOSE

/// `egress`: the way out to Corbado, keys, directory and identity provider.
public struct EgressSettings: Equatable, Sendable {
  /// Nil: everything is reached directly.
  public let proxy: EgressProxy?

  init(_ keys: Section) {
    let url = keys.value("proxy", Kind.proxyURL.orNull, default: "null")
    let noProxy = keys.value("noProxy", .list(of: .text("a name, an address or a block")), default: "[]")
    let sources = keys.sources
    let fromEnvironment = url == nil ? sources.variable("HTTPS_PROXY", "https_proxy") : nil
    guard let address = url ?? fromEnvironment.flatMap({ ProxyAddress($0) }) else {
      if fromEnvironment != nil { keys.refuse("proxy", "HTTPS_PROXY of the environment is not http://[user:password@]host:port") }
      proxy = nil
      return
    }
    // The environment's exceptions belong to the environment's proxy.
    let exceptions =
      url != nil || !noProxy.isEmpty
      ? noProxy
      : (sources.variable("NO_PROXY", "no_proxy") ?? "").split { $0 == "," || $0 == " " }.map(String.init)
    do throws(EgressProxy.Malformed) {
      proxy = try EgressProxy(
        host: address.url.host, port: address.url.port, authorization: address.authorization, noProxy: exceptions)
    } catch {
      keys.refuse("noProxy", "\(quoted(error.text)) is no name, address or IPv4 block")
      proxy = nil
    }
  }
}

/// The URL of a proxy, with its userinfo taken off.
struct ProxyAddress {
  let url: OutboundURL
  let authorization: String?

  init(url: OutboundURL, authorization: String?) {
    self.url = url
    self.authorization = authorization
  }

  init?(_ text: String) {
    guard text.lowercased().hasPrefix("http://") || !text.contains("://") else { return nil }
    var rest = text.contains("://") ? String(text.dropFirst(7)) : text
    var authorization: String?
    if let at = rest.lastIndex(of: "@") {
      let bytes = Self.decoded(rest[..<at])
      guard bytes.contains(UInt8(ascii: ":")) else { return nil }
      authorization = "Basic " + Base64.encode(bytes)
      rest = String(rest[rest.index(after: at)...])
    }
    guard let url = OutboundURL("http://" + rest), url.target == "/" else { return nil }
    self.init(url: url, authorization: authorization)
  }

  /// Percent-encoded bytes of userinfo (RFC 3986 §3.2.1).
  private static func decoded(_ text: Substring) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return bytes
  }
}

extension Kind where Value == ProxyAddress {
  static var proxyURL: Kind {
    let form = "an http URL of host and port"
    let none = ProxyAddress(url: OutboundURL(isSecure: false, host: "invalid", port: 80, target: "/"), authorization: nil)
    return Kind(form, placeholder: none) { place in
      guard let text = place.text(form) else { return nil }
      guard !text.contains("@") else {
        return place.refuse("a password never stands in the configuration itself: use HTTPS_PROXY of the environment")
      }
      return ProxyAddress(text) ?? place.refuse("expected \(form), found \(quoted(text))")
    }
  }
}
