/// What the `Connection` lines of a section list (RFC 9110 §7.6.1): fields meant for one hop only.
///
/// A section without `Connection`, or with only `close`, `keep-alive`, `upgrade` and fields that are known to be
/// connection-specific, costs no memory here.
public struct ConnectionOptions: Sendable {
  /// Named fields one message may list. Above: 400 `request_malformed`, or 502 for a response.
  public static let namedFieldLimit = 64

  public private(set) var closes = false
  public private(set) var upgrades = false
  /// Listed fields that would otherwise go on, in the section's arena and in the peer's case.
  private(set) var named: [Slice] = []

  public init(_ section: borrowing FieldSection) {
    let arena = section.bytes.span
    for line in section.lines where line.known == .connection {
      var elements = ListElements(line.value)
      while let element = elements.next(in: arena) { add(element, arena.extracting(element.range)) }
    }
  }

  private mutating func add(_ element: Slice, _ option: Span<UInt8>) {
    if option.matchesIgnoringCase("close") {
      closes = true
    } else if option.matchesIgnoringCase("upgrade") {
      upgrades = true
    } else if option.matchesIgnoringCase("keep-alive") || option.matchesIgnoringCase("te")
      || option.matchesIgnoringCase("http2-settings")
    {
      // Connection-specific by their names already.
    } else if named.count <= Self.namedFieldLimit {
      named.append(element)
    }
  }

  /// No field is connection-specific by being listed; nothing needs to be asked.
  public var isEmpty: Bool { named.isEmpty }

  var isTooLong: Bool { named.count > Self.namedFieldLimit }

  /// Whether a field of that name is listed. The section must be the one that these options were read from.
  public func lists(_ name: Span<UInt8>, in section: borrowing FieldSection) -> Bool {
    let arena = section.bytes.span
    for option in named where arena.extracting(option.range).equalsIgnoringCase(name) { return true }
    return false
  }
}

extension KnownField {
  /// Fields that end at this hop whether or not `Connection` lists them (RFC 9110 §7.6.1, RFC 9113 §8.2.2).
  /// `TE` is one of them; whoever forwards writes `te: trailers` anew where ``FieldSection/acceptsTrailers`` says so.
  @inlinable public var isConnectionSpecific: Bool {
    switch self {
    case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .http2Settings: true
    default: false
    }
  }
}

extension FieldSection {
  /// `TE` lists `trailers` (RFC 9110 §10.1.4).
  public var acceptsTrailers: Bool {
    let arena = bytes.span
    for line in lines where line.known == .te {
      var elements = ListElements(line.value)
      while let element = elements.next(in: arena) {
        if arena.extracting(element.range).matchesIgnoringCase("trailers") { return true }
      }
    }
    return false
  }
}
