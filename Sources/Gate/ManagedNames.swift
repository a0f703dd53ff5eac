import HTTP

/// The field names that a client can never send to the app, in every folding: any byte outside `[a-z0-9]` counts as
/// `-`, because CGI and its heirs fold names that way, and ASCII case does not count.
struct ManagedNames: Sendable {
  /// Names that carry identity or routing for apps and frameworks; a `*` at the end stands for any rest.
  static let standard = [
    "forwarded", "x-forwarded-*", "x-original-*", "x-rewrite-url", "x-http-method", "x-http-method-override",
    "x-method-override", "x-real-ip", "proxy", "x-client-cert*", "x-ssl-*", "ssl-client-*", "remote-user",
    "x-remote-user",
    "x-authenticated-*",
  ]

  /// What frames a message. The fields themselves belong to each connection; these are their other spellings, which an app
  /// behind CGI's folding would take for them.
  static let framing = ["content-length", "transfer-encoding"]

  private struct Entry: Sendable {
    var start: Int
    var count: Int
    var isPrefix: Bool
  }

  /// The folded names, one after the other.
  private var bytes: [UInt8] = []
  /// Sorted by their first byte; `firsts[c]..<firsts[c + 1]` begin with the byte of class `c`.
  private var entries: [Entry] = []
  private var firsts: [Int] = []
  /// Names in lower case that pass although their folding is managed.
  private let exempt: [[UInt8]]

  init(_ names: [String], exempt: [[UInt8]]) {
    self.exempt = exempt
    let folded = names.map { name in
      let isPrefix = name.hasSuffix("*")
      let bytes = (isPrefix ? String(name.dropLast()) : name).utf8.map { Self.fold($0) }
      return (bytes: bytes, isPrefix: isPrefix)
    }.filter { !$0.bytes.isEmpty }.sorted { Self.firstClass($0.bytes[0]) < Self.firstClass($1.bytes[0]) }
    firsts = [Int](repeating: 0, count: 38)
    for name in folded {
      entries.append(Entry(start: bytes.count, count: name.bytes.count, isPrefix: name.isPrefix))
      bytes.append(contentsOf: name.bytes)
      for later in (Self.firstClass(name.bytes[0]) + 1)..<38 { firsts[later] += 1 }
    }
  }

  /// Whether a field of that name may go on as far as its name is concerned.
  func mayPass(_ name: Span<UInt8>) -> Bool {
    guard !name.isEmpty else { return false }
    let first = Self.firstClass(name[0])
    let start = firsts[first]
    let end = firsts[first + 1]
    if start == end { return true }
    for index in start..<end where isManaged(name, entries[index]) { return isExempt(name) }
    return true
  }

  private func isManaged(_ name: Span<UInt8>, _ entry: Entry) -> Bool {
    guard entry.isPrefix ? name.count >= entry.count : name.count == entry.count else { return false }
    for index in 0..<entry.count where Self.fold(name[index]) != bytes[entry.start + index] { return false }
    return true
  }

  private func isExempt(_ name: Span<UInt8>) -> Bool {
    for other in exempt where other.span.equalsIgnoringCase(name) { return true }
    return false
  }

  static func fold(_ byte: UInt8) -> UInt8 {
    if byte &- 0x61 < 26 || byte &- 0x30 < 10 { return byte }
    return byte &- 0x41 < 26 ? byte | 0x20 : UInt8(ascii: "-")
  }

  /// 0 for `-` and all that folds to it, 1 to 10 for digits, 11 to 36 for letters.
  private static func firstClass(_ byte: UInt8) -> Int {
    let folded = fold(byte)
    if folded &- 0x30 < 10 { return Int(folded &- 0x30) + 1 }
    return folded == UInt8(ascii: "-") ? 0 : Int(folded &- 0x61) + 11
  }
}

extension KnownField {
  /// What a trailer section may not bring (RFC 9110 §6.5.1): framing, routing, credentials, and what the Gate has
  /// judged in the header section.
  var isRefusedInTrailers: Bool {
    if isConnectionSpecific { return true }
    switch self {
    case .host, .contentLength, .trailer, .expect, .authorization, .cookie, .setCookie, .proxyAuthorization,
      .secWebSocketProtocol, .secWebSocketKey, .secWebSocketVersion, .contentType, .origin, .secFetchSite,
      .secFetchMode, .via, .forwarded, .xForwardedFor, .xForwardedProto, .xForwardedHost:
      return true
    default:
      return false
    }
  }
}
