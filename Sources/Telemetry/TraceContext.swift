/// A trace of the W3C Trace Context recommendation (`traceparent`, version 00).
public struct TraceContext: Sendable, Equatable {
  public var traceHigh: UInt64
  public var traceLow: UInt64
  public var parent: UInt64
  public var flags: UInt8

  public static let absent = TraceContext(traceHigh: 0, traceLow: 0, parent: 0, flags: 0)

  /// Bytes of a `traceparent` value of version 00.
  public static let fieldValueByteCount = 55

  init(traceHigh: UInt64, traceLow: UInt64, parent: UInt64, flags: UInt8) {
    self.traceHigh = traceHigh
    self.traceLow = traceLow
    self.parent = parent
    self.flags = flags
  }

  public var isPresent: Bool { traceHigh != 0 || traceLow != 0 }

  /// The value of a `traceparent` field; ``absent`` if it is not valid (§3.2.2), as if the field were missing.
  /// Of later versions the first four parts are read (§4.3).
  public init(fieldValue: Span<UInt8>) {
    self = .absent
    guard fieldValue.count >= Self.fieldValueByteCount,
      let version = hexadecimal(fieldValue, at: 0, digits: 2), version != 0xFF,
      fieldValue.count == Self.fieldValueByteCount || (version != 0 && fieldValue[55] == 0x2D),
      fieldValue[2] == 0x2D, fieldValue[35] == 0x2D, fieldValue[52] == 0x2D,
      let high = hexadecimal(fieldValue, at: 3, digits: 16), let low = hexadecimal(fieldValue, at: 19, digits: 16),
      let parent = hexadecimal(fieldValue, at: 36, digits: 16), let flags = hexadecimal(fieldValue, at: 53, digits: 2),
      high != 0 || low != 0, parent != 0
    else { return }
    self = TraceContext(traceHigh: high, traceLow: low, parent: parent, flags: UInt8(truncatingIfNeeded: flags))
  }

  /// A new trace, not sampled. The generator is the worker's own: IDs need be unlike each other, not secret.
  public init(startedWith generator: inout TraceIDGenerator) {
    self.init(
      traceHigh: generator.next() | 1, traceLow: generator.next(), parent: generator.next() | 1, flags: 0)
  }

  /// Appends the value of a `traceparent` field.
  public func append(to bytes: inout [UInt8]) {
    bytes.append(addingCapacity: Self.fieldValueByteCount) { output in
      output.append("00-")
      output.append(hexadecimal: traceHigh)
      output.append(hexadecimal: traceLow)
      output.append(0x2D)
      output.append(hexadecimal: parent)
      output.append("-0")
      output.append(flags & 1 == 1 ? 0x31 : 0x30)
    }
  }
}

/// SplitMix64, seeded from the system's randomness: a call costs a nanosecond, the system's a microsecond.
public struct TraceIDGenerator: Sendable {
  private var state: UInt64

  public init() {
    var system = SystemRandomNumberGenerator()
    state = system.next()
  }

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Lower-case hexadecimal digits only (§3.2.2); nil otherwise.
private func hexadecimal(_ text: Span<UInt8>, at start: Int, digits: Int) -> UInt64? {
  var value: UInt64 = 0
  for index in start..<(start + digits) {
    let digit: UInt8
    switch text[index] {
    case let byte where byte >= 0x30 && byte <= 0x39: digit = byte - 0x30
    case let byte where byte >= 0x61 && byte <= 0x66: digit = byte - 0x57
    default: return nil
    }
    value = value << 4 | UInt64(digit)
  }
  return value
}
