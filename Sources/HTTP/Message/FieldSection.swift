/// A range of bytes inside the arena of a ``FieldSection``. Positions survive the arena's growth, pointers would not.
public struct Slice: Equatable, Sendable {
  public var start: UInt32
  public var count: UInt32

  @inlinable public init(start: Int, count: Int) {
    self.start = UInt32(truncatingIfNeeded: start)
    self.count = UInt32(truncatingIfNeeded: count)
  }

  public static let empty = Slice(start: 0, count: 0)

  @inlinable public var isEmpty: Bool { count == 0 }
  @inlinable public var range: Range<Int> { Int(start)..<(Int(start) &+ Int(count)) }
}

/// One field line (RFC 9110 §5.2): name in lower case, value without surrounding white space.
public struct FieldLine: Sendable {
  public var name: Slice
  public var value: Slice
  /// The name, if it is one that this gateway treats specially.
  public var known: KnownField

  @inlinable public init(name: Slice, value: Slice, known: KnownField) {
    self.name = name
    self.value = value
    self.known = known
  }
}

/// A header or trailer section (RFC 9110 §5, §6.5): the lines in order, their bytes in one arena.
///
/// Names are lower case whichever codec filled it. Nothing is ever removed: what must not go on is not copied on.
public struct FieldSection: Sendable {
  public var bytes: [UInt8]
  public var lines: [FieldLine]

  public init() {
    bytes = []
    lines = []
  }

  /// Forgets the content and keeps the memory.
  @inlinable public mutating func removeAll() {
    if !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
    if !lines.isEmpty { lines.removeAll(keepingCapacity: true) }
  }

  /// Puts bytes into the arena without making a line of them.
  @inlinable public mutating func store(_ content: Span<UInt8>) -> Slice {
    let start = bytes.count
    bytes.append(copying: content)
    return Slice(start: start, count: content.count)
  }

  @inlinable public mutating func store(_ text: StaticString) -> Slice {
    let start = bytes.count
    unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    return Slice(start: start, count: text.utf8CodeUnitCount)
  }

  @inlinable public mutating func store(_ text: String) -> Slice {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    return Slice(start: start, count: bytes.count - start)
  }

  /// Appends a line. The name must be in lower case.
  @inlinable public mutating func append(name: Span<UInt8>, value: Span<UInt8>) {
    let start = bytes.count
    bytes.append(copying: name, value)
    lines.append(
      FieldLine(
        name: Slice(start: start, count: name.count), value: Slice(start: start &+ name.count, count: value.count),
        known: KnownField(name)))
  }

  /// Appends a line. The name must be in lower case.
  @inlinable public mutating func append(_ name: StaticString, _ value: String) {
    let storedName = store(name)
    let storedValue = store(value)
    lines.append(FieldLine(name: storedName, value: storedValue, known: KnownField(bytes.span.extracting(storedName.range))))
  }

  /// The one line of that name; nil if there is none or more than one.
  public func only(_ field: KnownField) -> Slice? {
    var found: Slice?
    for line in lines where line.known == field {
      if found != nil { return nil }
      found = line.value
    }
    return found
  }

  @inlinable public func count(of field: KnownField) -> Int {
    var count = 0
    for line in lines where line.known == field { count += 1 }
    return count
  }

  /// For logs, tests and slow paths; invalid UTF-8 is replaced.
  public func string(_ slice: Slice) -> String {
    String(decoding: bytes[slice.range], as: UTF8.self)
  }

  /// All values of a name given in lower case, for slow paths and tests.
  public func values(_ name: String) -> [String] {
    lines.filter { string($0.name) == name }.map { string($0.value) }
  }

  /// The size that limits count: names, values and 32 bytes a field (RFC 9113 §6.5.2).
  @inlinable public var accountedBytes: Int {
    var sum = 0
    for line in lines { sum &+= Int(line.name.count) &+ Int(line.value.count) &+ 32 }
    return sum
  }
}

extension Array where Element == UInt8 {
  /// `append(contentsOf:)` for a span: one capacity check, one copy.
  @inlinable public mutating func append(copying content: Span<UInt8>) {
    unsafe content.withUnsafeBufferPointer { buffer in unsafe append(contentsOf: buffer) }
  }

  /// Two spans one after the other, for one check of the capacity.
  @inlinable public mutating func append(copying first: Span<UInt8>, _ second: Span<UInt8>) {
    append(addingCapacity: first.count &+ second.count) { output in
      unsafe output.withUnsafeMutableBufferPointer { buffer, count in
        unsafe first.withUnsafeBufferPointer { bytes in
          _ = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(fromContentsOf: bytes)
        }
        count &+= first.count
        unsafe second.withUnsafeBufferPointer { bytes in
          _ = unsafe UnsafeMutableBufferPointer(rebasing: buffer[count...]).initialize(fromContentsOf: bytes)
        }
        count &+= second.count
      }
    }
  }

  /// Appends bytes of the array itself.
  @inlinable public mutating func append(copyOf range: Range<Int>) {
    let end = count
    let range = range.clamped(to: 0..<end)
    append(addingCapacity: range.count) { output in output.append(repeating: 0, count: range.count) }
    unsafe withUnsafeMutableBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      unsafe (base + end).update(from: base + range.lowerBound, count: range.count)
    }
  }
}
