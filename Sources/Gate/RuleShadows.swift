import HTTP

/// A rule of which another one takes requests away, because it comes first.
public struct RuleShadow: Equatable, Sendable {
  /// Positions of the rules; `first` is the smaller one.
  public let first: Int
  public let second: Int
  /// The second decides no request whose path is written as the rule writes it.
  public let isWhole: Bool
  /// The first asks for less than the second.
  public let opens: Bool
}

extension Policy {
  /// Rules that never decide, and rules that overlap without one being a part of the other. A special rule before a more
  /// general one is neither: that is how rules are meant to be written. Quadratic; for `check`.
  public var shadows: [RuleShadow] {
    var found: [RuleShadow] = []
    for second in rules.indices {
      for first in rules.indices.prefix(second) {
        let (earlier, later) = (rules[first], rules[second])
        guard earlier.methods.overlaps(later.methods), earlier.pattern.overlaps(later.pattern) else { continue }
        let isWhole = earlier.methods.covers(later.methods) && earlier.pattern.covers(later.pattern)
        let isPart = later.methods.covers(earlier.methods) && later.pattern.covers(earlier.pattern)
        let opens = !earlier.requirement.isAsStrict(as: later.requirement)
        let isSame = !opens && later.requirement.isAsStrict(as: earlier.requirement)
        guard isWhole || !isPart && !isSame else { continue }
        found.append(RuleShadow(first: first, second: second, isWhole: isWhole, opens: opens))
        if isWhole { break }
      }
    }
    return found
  }

  /// Whether a browser that goes to this path and query needs a token for it.
  public func asksForToken(at target: String) -> Bool {
    var head = RequestHead()
    head.method = .get
    head.methodName = head.fields.store("GET")
    let path = Array(target.utf8.prefix { $0 != UInt8(ascii: "?") })
    var readings = PathReadings()
    var candidates: [Int] = []
    do throws(Denial) {
      try readings.read(path.span)
      let rule = try rule(for: head, readings, candidates: &candidates)
      return requirement(ofRule: rule).access == .required
    } catch {
      return true
    }
  }
}

extension PathPattern {
  /// Every path that `other` matches as it is written is matched by this pattern too.
  func covers(_ other: PathPattern) -> Bool {
    guard other.narrow.count >= narrow.count else { return false }
    if coversRest {
      // `/a/**` begins with the slash: `/a` alone is not one of its paths.
      if other.narrow.count == narrow.count, !other.coversRest, !other.narrowEndsInSlash { return false }
      // A segment that only a rule that writes it can match.
      for segment in other.narrow.dropFirst(narrow.count) where segment.isOdd { return false }
    } else {
      guard !other.coversRest, other.narrow.count == narrow.count, other.narrowEndsInSlash == narrowEndsInSlash else {
        return false
      }
    }
    return zip(narrow, other.narrow).allSatisfy { $0.covers($1) }
  }

  /// There is a path that both match as it is written.
  func overlaps(_ other: PathPattern) -> Bool {
    switch (coversRest, other.coversRest) {
    case (false, false):
      guard narrow.count == other.narrow.count, narrowEndsInSlash == other.narrowEndsInSlash else { return false }
    case (true, false):
      let isLonger = other.narrow.count > narrow.count || other.narrow.count == narrow.count && other.narrowEndsInSlash
      guard isLonger, !other.narrow.dropFirst(narrow.count).contains(where: \.isOdd) else { return false }
    case (false, true): return other.overlaps(self)
    case (true, true): break
    }
    return zip(narrow, other.narrow).allSatisfy { $0.covers($1) || $1.covers($0) }
  }
}

extension PathPattern.Segment {
  fileprivate var isOdd: Bool { !isWildcard && PathReadings.isOdd(bytes.span, bytes.indices) }

  fileprivate func covers(_ other: PathPattern.Segment) -> Bool {
    isWildcard ? !other.isOdd : !other.isWildcard && bytes == other.bytes
  }
}

extension MethodSet {
  func covers(_ other: MethodSet) -> Bool {
    if isAll { return true }
    return !other.isAll && known & other.known == other.known && other.others.allSatisfy(others.contains)
  }

  func overlaps(_ other: MethodSet) -> Bool {
    isAll || other.isAll || known & other.known != 0 || others.contains(where: other.others.contains)
  }
}
