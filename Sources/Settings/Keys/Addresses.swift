internal import HTTPClient
internal import Keys
internal import Transport

extension Kind where Value == SocketAddress {
  /// `host:port` or `[v6]:port`, the host an address, not a name; `unix:PATH`.
  static var listenAddress: Kind {
    let form = "an address and port (0.0.0.0:8080, [::]:8080), or unix:PATH"
    return Kind(form, placeholder: SocketAddress(ipv4: 0, port: 0)) { place in
      guard let text = place.text(form) else { return nil }
      if let path = socketPath(text) {
        return SocketAddress(unix: place.reading.sources.resolved(path)) ?? place.refuse(socketPathTooLong)
      }
      guard let (host, port) = hostAndPort(text) else { return place.refuse("expected \(form), found \(quoted(text))") }
      if let address = SocketAddress(literal: host == "localhost" ? "127.0.0.1" : host, port: port) { return address }
      return place.refuse("expected \(form), found \(quoted(text)): names are not resolved here")
    }
  }
}

extension Kind where Value == OutboundURL {
  /// `https://…`; `http://` only to this host itself or where `allowsCleartext`.
  static func serviceURL(allowsCleartext: Bool) -> Kind {
    url("an https URL").checked { url in
      if url.isSecure || allowsCleartext || url.isLoopback { return nil }
      return cleartextRefused
    }
  }

  private static func url(_ form: String) -> Kind {
    Kind(form, placeholder: placeholderURL) { place in
      guard let text = place.text(form) else { return nil }
      return OutboundURL(text) ?? place.refuse("expected \(form), found \(quoted(text))")
    }
  }
}

extension Kind where Value == UpstreamLocation {
  /// Of the app: scheme, host and port only, or `unix:PATH`.
  static var upstreamLocation: Kind {
    let form = "an http or https URL of host and port, or unix:PATH"
    return Kind(form, placeholder: UpstreamLocation(url: placeholderURL)) { place in
      guard let text = place.text(form) else { return nil }
      if let path = socketPath(text) {
        guard let address = SocketAddress(unix: place.reading.sources.resolved(path)) else {
          return place.refuse(socketPathTooLong)
        }
        return UpstreamLocation(socket: address)
      }
      guard let url = OutboundURL(text) else { return place.refuse("expected \(form), found \(quoted(text))") }
      return url.target == "/"
        ? UpstreamLocation(url: url)
        : place.refuse("expected \(form) without a path: paths reach the app as the client sent them")
    }
  }
}

/// What follows `unix:` or `unix://`.
private func socketPath(_ text: String) -> String? {
  guard text.hasPrefix("unix:") else { return nil }
  let path = text.dropFirst(text.hasPrefix("unix://") ? 7 : 5)
  return path.isEmpty ? nil : String(path)
}

private let socketPathTooLong = "is longer than the \(SocketAddress.pathLimitBytes) bytes that a socket's path may have"

extension Kind where Value == CertificateAuthority {
  static var certificateAuthority: Kind {
    let form = "system, or the path of a PEM file"
    return Kind(form, placeholder: .system) { place in
      guard let text = place.text(form) else { return nil }
      if text == "system" { return .system }
      let path = place.reading.sources.resolved(text)
      place.reading.watch(path)
      do throws(Errno) {
        let content = try place.reading.sources.read(path, limitBytes: 4 << 20)
        guard String(decoding: content, as: UTF8.self).contains("-----BEGIN CERTIFICATE-----") else {
          return place.refuse("\(quoted(text)) holds no PEM certificate")
        }
        return .file(path)
      } catch {
        return place.refuse("\(quoted(text)) cannot be read: \(error)")
      }
    }
  }
}

let cleartextRefused =
  "http is refused here: the answer decides who is let in; use https, or set allowCleartext: true beside it"

private var placeholderURL: OutboundURL { OutboundURL(isSecure: true, host: "invalid", port: 443, target: "/") }

private func hostAndPort(_ text: String) -> (host: String, port: UInt16)? {
  guard let colon = text.lastIndex(of: ":") else { return nil }
  let digits = text[text.index(after: colon)...]
  guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit), let port = UInt16(digits), port > 0 else {
    return nil
  }
  let host = text[..<colon]
  if host.hasPrefix("["), host.hasSuffix("]") {
    let inner = host.dropFirst().dropLast()
    return inner.contains(":") ? (String(inner), port) : nil
  }
  return host.isEmpty || host.contains(":") ? nil : (String(host), port)
}
