/// A proxy on the way out: connections to whom it is for go through a tunnel that it opens (CONNECT, RFC 9110 §9.3.6).
public struct EgressProxy: Equatable, Sendable, CustomStringConvertible, CustomReflectable {
  public let host: String
  public let port: UInt16
  /// `Proxy-Authorization`: never part of a text.
  let authorization: String?
  private let exceptions: [Exception]

  private enum Exception: Equatable {
    case all
    /// A name with all names beneath it, or an address; with a port only that one.
    case host(String, port: UInt16?)
    /// Of IPv4.
    case block(address: UInt32, mask: UInt32)
  }

  /// - Parameters:
  ///   - authorization: of `userinfo` in the proxy's URL.
  ///   - noProxy: names, addresses and IPv4 blocks that are reached directly; `*` for all. Loopback always is.
  /// - Throws: the element that is none of these.
  public init(host: String, port: UInt16, authorization: String? = nil, noProxy: [String] = []) throws(Malformed) {
    self.host = host
    self.port = port
    self.authorization = authorization
    var exceptions: [Exception] = []
    for text in noProxy {
      guard let exception = Self.exception(text) else { throw Malformed(text: text) }
      exceptions.append(exception)
    }
    self.exceptions = exceptions
  }

  public struct Malformed: Error, Equatable, Sendable { public let text: String }

  public var description: String { "\(host):\(port)" }
  public var customMirror: Mirror { Mirror(self, children: []) }

  /// Whether a connection to that host, in lower case, goes through it.
  func isFor(_ host: String, port: UInt16) -> Bool {
    if host == "localhost" || host == "::1" || host.hasPrefix("127.") { return false }
    let address = Self.ipv4(host)
    return !exceptions.contains { exception in
      switch exception {
      case .all: true
      case .host(let name, let only): (only == nil || only == port) && (host == name || host.hasSuffix("." + name))
      case .block(let block, let mask): address.map { $0 & mask == block } ?? false
      }
    }
  }

  /// The request that opens a tunnel.
  func request(for authority: String) -> [UInt8] {
    var lines = "CONNECT \(authority) HTTP/1.1\r\nHost: \(authority)\r\n"
    if let authorization { lines += "Proxy-Authorization: \(authorization)\r\n" }
    return Array((lines + "\r\n").utf8)
  }

  private static func exception(_ text: String) -> Exception? {
    if text == "*" { return .all }
    var name = text.lowercased()
    if let slash = name.firstIndex(of: "/") {
      guard let address = ipv4(String(name[..<slash])), let length = Int(name[name.index(after: slash)...]),
        (0...32).contains(length)
      else { return nil }
      let mask = length == 0 ? 0 : UInt32.max << UInt32(32 - length)
      return .block(address: address & mask, mask: mask)
    }
    if name.hasPrefix("*.") { name.removeFirst() }
    if name.hasPrefix(".") { name.removeFirst() }
    var port: UInt16?
    if name.hasPrefix("["), let end = name.firstIndex(of: "]") {
      let rest = name[name.index(after: end)...]
      if !rest.isEmpty {
        guard rest.hasPrefix(":"), let number = UInt16(rest.dropFirst()) else { return nil }
        port = number
      }
      name = String(name[name.index(after: name.startIndex)..<end])
    } else if name.count(where: { $0 == ":" }) == 1, let colon = name.firstIndex(of: ":") {
      guard let number = UInt16(name[name.index(after: colon)...]) else { return nil }
      port = number
      name = String(name[..<colon])
    }
    guard !name.isEmpty, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x2A && $0 != 0x2F }) else { return nil }
    return .host(name, port: port)
  }

  private static func ipv4(_ text: String) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard parts.count == 4, !parts.contains(where: { $0 == nil }) else { return nil }
    return parts.reduce(0) { $0 << 8 | UInt32($1 ?? 0) }
  }
}
