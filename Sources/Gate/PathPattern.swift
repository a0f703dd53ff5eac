import HTTP

/// The path of a rule, compiled for both readings. Whatever it matches narrowly it matches widely too.
struct PathPattern: Sendable {
  struct Segment: Sendable {
    var key: UInt64
    var bytes: [UInt8]
    var isWildcard: Bool
    /// The rule writes `;`: the wide reading must not cut it off.
    var hasParameter: Bool
  }

  private(set) var narrow: [Segment] = []
  private(set) var wide: [Segment] = []
  let narrowEndsInSlash: Bool
  /// Ends in `/**`.
  let coversRest: Bool
  private let ignoresExtension: Bool
  /// Both readings of the pattern are the same.
  private let isPlain: Bool
  let hasUpperCase: Bool

  // The first wide segment once more, beside the rest: most patterns of a long list end with it.
  private let firstKey: UInt64
  private let firstCount: UInt32
  private let firstIsLiteral: Bool

  /// - Throws: `pathMalformed`, `wildcardMisplaced`
  init(_ text: String, isExact: Bool = false) throws(PolicyError.Problem) {
    let path = [UInt8](text.utf8)
    guard path.first == UInt8(ascii: "/"), path.allSatisfy({ PathReadings.isAllowed($0) || $0 == UInt8(ascii: "%") })
    else {
      throw .pathMalformed
    }
    var readings = PathReadings()
    do throws(Denial) { try readings.read(path.span) } catch { throw .pathMalformed }
    hasUpperCase = path.contains { FieldSyntax.lowerCased($0) != $0 }
    ignoresExtension = !isExact

    var parts = path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
      [UInt8]($0)
    }
    let endsInSlash = parts.last == []
    if endsInSlash { parts.removeLast() }
    coversRest = parts.last == [UInt8](repeating: UInt8(ascii: "*"), count: 2) && !endsInSlash
    if coversRest { parts.removeLast() }
    narrowEndsInSlash = endsInSlash

    for part in parts {
      let isWildcard = part == [UInt8(ascii: "*")]
      guard isWildcard || !part.contains(UInt8(ascii: "*")) else { throw .wildcardMisplaced }
      var bytes: [UInt8] = []
      PathReadings.appendNarrow(part.span, to: &bytes)
      narrow.append(Segment(bytes, isWildcard: isWildcard))
      // An encoded `/` in the pattern divides its wide reading as it divides that of the request.
      for piece in Self.decoded(part).split(separator: UInt8(ascii: "/")) {
        guard piece.first != UInt8(ascii: ";") else { throw .pathMalformed }
        wide.append(Segment([UInt8](piece), isWildcard: isWildcard))
      }
    }
    isPlain = narrow.map(\.bytes) == wide.map(\.bytes) && !narrowEndsInSlash && !hasUpperCase
    firstKey = wide.first?.key ?? 0
    firstCount = UInt32(truncatingIfNeeded: wide.first?.bytes.count ?? 0)
    firstIsLiteral = wide.first.map { !$0.isWildcard && !$0.hasParameter } ?? false
  }

  private static func decoded(_ part: [UInt8]) -> [UInt8] {
    var bytes: [UInt8] = []
    var index = 0
    while index < part.count {
      let escaped = PathReadings.escaped(part.span, at: index)
      bytes.append(FieldSyntax.lowerCased(escaped ?? part[index]))
      index += escaped == nil ? 1 : 3
    }
    return bytes
  }

  /// Which readings of the path match.
  func match(_ path: borrowing PathReadings) -> (narrow: Bool, wide: Bool) {
    if path.isPlain {
      guard matchesPlain(path) else { return (false, false) }
      // With the same reading on both sides only the `/` before the rest is left to ask for.
      if isPlain && (!coversRest || path.wide.count > wide.count) { return (true, true) }
      return (matchesNarrow(path.wide, path.wideBytes, lastOdd: -1, endsInSlash: path.narrowEndsInSlash), true)
    }
    guard matchesWide(path) else { return (false, false) }
    return (
      matchesNarrow(path.narrow, path.narrowBytes, lastOdd: path.lastOdd, endsInSlash: path.narrowEndsInSlash), true
    )
  }

  private func matchesPlain(_ path: borrowing PathReadings) -> Bool {
    guard path.wide.count >= wide.count, path.wide.count == wide.count || coversRest else { return false }
    if firstIsLiteral {
      guard path.wide[0].key == firstKey, path.wide[0].count == firstCount else { return false }
    }
    for index in wide.indices where !wide[index].isLiteralMatch(path.wide[index], in: path.wideBytes.span) {
      return false
    }
    return true
  }

  func matchesWide(_ path: borrowing PathReadings) -> Bool {
    let bytes = path.wideBytes.span
    // `/a.json` under `/a` is the last segment without its extension; `/a/.json` under `/a` lacks the last one
    // altogether.
    let fewest = ignoresExtension && path.lastIsExtension ? path.wide.count - 1 : path.wide.count
    guard coversRest ? path.wide.count >= wide.count : (fewest...path.wide.count).contains(wide.count) else {
      return false
    }
    for index in wide.indices {
      let segment = path.wide[index]
      if wide[index].isWideMatch(segment, in: bytes) { continue }
      guard ignoresExtension, index == path.wide.count - 1, let shortened = path.withoutExtension,
        wide[index].isWideMatch(shortened, in: bytes)
      else { return false }
    }
    return true
  }

  private func matchesNarrow(_ path: [PathSegment], _ bytes: [UInt8], lastOdd: Int, endsInSlash: Bool) -> Bool {
    if coversRest {
      // At least the `/` before the rest; the rest has nothing that only a written rule matches.
      guard path.count > narrow.count || path.count == narrow.count && endsInSlash, lastOdd < narrow.count else {
        return false
      }
    } else {
      guard path.count == narrow.count, endsInSlash == narrowEndsInSlash else { return false }
    }
    for index in narrow.indices where !narrow[index].isNarrowMatch(path[index], in: bytes.span) { return false }
    return true
  }
}

extension PathPattern.Segment {
  fileprivate init(_ bytes: [UInt8], isWildcard: Bool) {
    key = PathSegment.key(of: bytes.span, bytes.indices)
    self.bytes = bytes
    self.isWildcard = isWildcard
    hasParameter = bytes.contains(UInt8(ascii: ";"))
  }

  fileprivate func isLiteralMatch(_ segment: PathSegment, in path: Span<UInt8>) -> Bool {
    if isWildcard { return segment.count > 0 }
    return isEqual(segment.key, segment.start, segment.count, in: path)
  }

  fileprivate func isWideMatch(_ segment: PathSegment, in path: Span<UInt8>) -> Bool {
    if isWildcard { return true }
    return hasParameter
      ? isEqual(segment.key, segment.start, segment.count, in: path)
      : isEqual(segment.cutKey, segment.start, segment.cutCount, in: path)
  }

  fileprivate func isNarrowMatch(_ segment: PathSegment, in path: Span<UInt8>) -> Bool {
    guard isWildcard else { return isEqual(segment.key, segment.start, segment.count, in: path) }
    return segment.count > 0 && !PathReadings.isOdd(path, Int(segment.start)..<Int(segment.start) + Int(segment.count))
  }

  private func isEqual(_ key: UInt64, _ start: UInt32, _ count: UInt32, in path: Span<UInt8>) -> Bool {
    guard self.key == key, bytes.count == Int(count) else { return false }
    var index = 8
    while index < bytes.count {
      guard bytes[index] == path[Int(start) + index] else { return false }
      index += 1
    }
    return true
  }
}
