public import HTTP

/// An absolute http or https URL, taken apart and checked (RFC 9110 §4.2).
public struct OutboundURL: Hashable, Sendable {
  public let isSecure: Bool
  /// Lower case, without brackets; a name or an address literal.
  public let host: String
  public let port: UInt16
  /// Path and query, beginning with `/`.
  public let target: String

  public init(isSecure: Bool, host: String, port: UInt16, target: String) {
    self.isSecure = isSecure
    self.host = host
    self.port = port
    self.target = target
  }

  /// Nil unless `text` is `http(s)://host[:port][/path][?query]` in visible ASCII, without userinfo and fragment.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains("#") else { return nil }
    let lowered = text.lowercased()
    let isSecure = lowered.hasPrefix("https://")
    guard isSecure || lowered.hasPrefix("http://") else { return nil }
    let rest = text.dropFirst(isSecure ? 8 : 7)
    let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
    let authority = rest[..<end]
    guard !authority.isEmpty, !authority.contains("@") else { return nil }
    var host = authority
    var port: UInt16 = isSecure ? 443 : 80
    if authority.hasPrefix("[") {
      guard let bracket = authority.firstIndex(of: "]") else { return nil }
      host = authority[authority.index(after: authority.startIndex)..<bracket]
      let after = authority[authority.index(after: bracket)...]
      if !after.isEmpty {
        guard after.hasPrefix(":"), let number = Self.port(after.dropFirst()) else { return nil }
        port = number
      }
      guard host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return nil }
    } else if let colon = authority.lastIndex(of: ":") {
      guard let number = Self.port(authority[authority.index(after: colon)...]) else { return nil }
      host = authority[..<colon]
      port = number
    }
    let isName = host.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }
    guard !host.isEmpty, authority.hasPrefix("[") || isName else { return nil }
    let target = rest[end...]
    self.init(
      isSecure: isSecure, host: host.lowercased(), port: port,
      target: target.isEmpty ? "/" : target.hasPrefix("?") ? "/" + target : String(target))
  }

  private static func port(_ digits: Substring) -> UInt16? {
    guard digits.count <= 5, digits.allSatisfy({ $0.isASCII && $0.isNumber }), let port = UInt16(digits) else { return nil }
    return port > 0 ? port : nil
  }

  /// As in a Host field: the port only where it is not the scheme's own.
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// As in a CONNECT request: always with the port (RFC 9110 §7.1).
  var tunnelAuthority: String { (host.contains(":") ? "[\(host)]" : host) + ":\(port)" }

  public func replacingTarget(_ target: String) -> OutboundURL {
    OutboundURL(isSecure: isSecure, host: host, port: port, target: target)
  }
}

/// Whom an https origin is verified against.
public enum CertificateAuthority: Hashable, Sendable {
  case system
  /// Path of a PEM file.
  case file(String)
}

/// One call to a service of somebody else: Corbado, an issuer's keys. Never followed through a redirect; sent again only
/// where no byte of it has left.
public struct OutboundRequest: Sendable {
  public var method: Method
  public var url: OutboundURL
  public var authority: CertificateAuthority
  /// Names in lower case. `host`, `content-length` and framing are the client's own.
  public var fields: [(name: String, value: String)]
  public var content: [UInt8]
  /// Of the whole call, from asking for a connection to the last byte of the answer.
  public var timeout: Duration
  /// An answer beyond this fails with `responseTooLarge`.
  public var responseLimitBytes: Int

  public init(
    _ method: Method, _ url: OutboundURL, authority: CertificateAuthority = .system,
    fields: [(name: String, value: String)] = [], content: [UInt8] = [], timeout: Duration, responseLimitBytes: Int
  ) {
    self.method = method
    self.url = url
    self.authority = authority
    self.fields = fields
    self.content = content
    self.timeout = timeout
    self.responseLimitBytes = responseLimitBytes
  }
}

public struct OutboundResponse: Sendable {
  public var head: ResponseHead
  public var content: [UInt8]

  public init(head: ResponseHead, content: [UInt8]) {
    self.head = head
    self.content = content
  }

  public var status: Int { Int(head.status) }
}

public struct OutboundFailure: Error, Equatable, Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    case nameNotResolved = "name_not_resolved"
    case connectFailed = "connect_failed"
    case tlsFailed = "tls_failed"
    case timedOut = "timed_out"
    case connectionClosed = "connection_closed"
    case protocolError = "protocol_error"
    case responseTooLarge = "response_too_large"
    /// Too many calls wait already.
    case overloaded
  }

  public var kind: Kind
  /// Bytes of the request may have left: something single-use in it must be taken as used.
  public var requestMayHaveLeft: Bool
  /// For the log: what the system or the TLS library said. Holds nothing that was sent.
  public var detail: String

  public init(_ kind: Kind, requestMayHaveLeft: Bool, detail: String = "") {
    self.kind = kind
    self.requestMayHaveLeft = requestMayHaveLeft
    self.detail = detail
  }
}

/// The way out for slow flows. A value, so that tests can hand in another one.
public struct Outbound: Sendable {
  public let send: @Sendable (OutboundRequest) async throws(OutboundFailure) -> OutboundResponse

  public init(_ send: @escaping @Sendable (OutboundRequest) async throws(OutboundFailure) -> OutboundResponse) {
    self.send = send
  }
}
