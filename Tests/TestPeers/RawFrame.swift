/// A frame of HTTP/2 as it stands on the wire (RFC 9113 §4.1), right or wrong.
public struct RawFrame: Sendable, CustomStringConvertible {
  public struct Flags: OptionSet, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let ack = Flags(rawValue: 0x1)
    public static let endStream = Flags(rawValue: 0x1)
    public static let endHeaders = Flags(rawValue: 0x4)
    public static let padded = Flags(rawValue: 0x8)
    public static let priority = Flags(rawValue: 0x20)
  }

  /// RFC 9113 §6; any other number is an extension's.
  public enum Kind {
    public static let data: UInt8 = 0x0
    public static let headers: UInt8 = 0x1
    public static let priority: UInt8 = 0x2
    public static let rstStream: UInt8 = 0x3
    public static let settings: UInt8 = 0x4
    public static let pushPromise: UInt8 = 0x5
    public static let ping: UInt8 = 0x6
    public static let goAway: UInt8 = 0x7
    public static let windowUpdate: UInt8 = 0x8
    public static let continuation: UInt8 = 0x9
  }

  public var kind: UInt8
  public var flags: Flags
  /// With the reserved bit.
  public var stream: UInt32
  public var payload: [UInt8]

  public init(_ kind: UInt8, _ flags: Flags, stream: UInt32 = 0, _ payload: [UInt8] = []) {
    self.kind = kind
    self.flags = flags
    self.stream = stream
    self.payload = payload
  }

  /// Without flags.
  public init(_ kind: UInt8, stream: UInt32 = 0, _ payload: [UInt8]) { self.init(kind, [], stream: stream, payload) }

  public var bytes: [UInt8] {
    let length = UInt32(payload.count)
    return [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags.rawValue]
      + Self.number(stream) + payload
  }

  /// The error code of RST_STREAM and GOAWAY.
  public var code: UInt32? {
    switch kind {
    case Kind.rstStream: Self.number(payload[...])
    case Kind.goAway: Self.number(payload.dropFirst(4))
    default: nil
    }
  }

  public var description: String {
    let code = code.map { " code \($0)" } ?? ""
    return "frame \(kind) flags \(flags.rawValue) stream \(stream) length \(payload.count)\(code)"
  }

  static func number(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
  }

  static func number(_ bytes: ArraySlice<UInt8>) -> UInt32? {
    bytes.count < 4 ? nil : bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
  }
}

extension RawFrame {
  public static func data(_ stream: UInt32, _ text: String, _ flags: Flags = .endStream) -> RawFrame {
    RawFrame(Kind.data, flags, stream: stream, Array(text.utf8))
  }

  public static func rstStream(_ stream: UInt32, _ code: UInt32 = 0x8) -> RawFrame {
    RawFrame(Kind.rstStream, stream: stream, number(code))
  }

  public static func settings(_ entries: (id: UInt16, value: UInt32)...) -> RawFrame {
    RawFrame(Kind.settings, entries.flatMap { [UInt8($0.id >> 8), UInt8($0.id & 255)] + number($0.value) })
  }

  public static let settingsAck = RawFrame(Kind.settings, .ack)

  public static func ping(_ flags: Flags = [], _ payload: String = "12345678") -> RawFrame {
    RawFrame(Kind.ping, flags, Array(payload.utf8))
  }

  public static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> RawFrame {
    RawFrame(Kind.windowUpdate, stream: stream, number(increment))
  }

  public static func priority(_ stream: UInt32, on other: UInt32 = 0, weight: UInt8 = 255, exclusive: Bool = false) -> RawFrame {
    RawFrame(Kind.priority, stream: stream, number(other | (exclusive ? 1 << 31 : 0)) + [weight])
  }

  public static func goAway(_ code: UInt32, last: UInt32 = 0, stream: UInt32 = 0) -> RawFrame {
    RawFrame(Kind.goAway, stream: stream, number(last) + number(code))
  }

  public static func continuation(_ stream: UInt32, _ block: [UInt8], _ flags: Flags = .endHeaders) -> RawFrame {
    RawFrame(Kind.continuation, flags, stream: stream, block)
  }
}

/// Field sections in the plainest form of HPACK: literals without indexing and without Huffman coding (RFC 7541 §6.2.2).
public enum RawHPACK {
  public static func block(_ fields: [(String, String)]) -> [UInt8] {
    fields.flatMap { [0] + string(Array($0.0.utf8)) + string(Array($0.1.utf8)) }
  }

  public static func literal(_ name: [UInt8], _ value: [UInt8]) -> [UInt8] { [0] + string(name) + string(value) }

  public static func string(_ bytes: [UInt8]) -> [UInt8] { integer(bytes.count, prefix: 7, first: 0) + bytes }

  /// An integer with a prefix of that many bits (RFC 7541 §5.1) under the bits of `first`.
  public static func integer(_ value: Int, prefix: Int, first: UInt8) -> [UInt8] {
    let limit = (1 << prefix) - 1
    if value < limit { return [first | UInt8(value)] }
    var output = [first | UInt8(limit)]
    var rest = value - limit
    while rest >= 128 {
      output.append(UInt8(rest & 127 | 128))
      rest >>= 7
    }
    return output + [UInt8(rest)]
  }
}
