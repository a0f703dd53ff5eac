import HTTP

/// A rule, compiled.
struct CompiledRule: Sendable {
  var pattern: PathPattern
  var methods: MethodSet
  var requirement: Requirement
  var loginPage: String?
  var responseHead: Duration?
  /// As the configuration writes it.
  var path: String
}

/// What a request must bring. A class, so that a decision holds it with one reference.
final class Requirement: Sendable {
  let access: RouteRule.Access
  /// Positions in ``Policy/claimRules``.
  let claims: [Int]
  /// Positions in ``Policy/issuers``; empty: all.
  let issuers: [Int]
  let audiences: [String]
  let passkeyWithin: Duration?
  /// Of optional rules.
  let anonymousOnBadToken: Bool
  /// A CORS preflight passes without identity.
  let forwardsPreflight: Bool
  /// What lasts longer than the token ends with it.
  let endsWithToken: Bool

  init(
    access: RouteRule.Access = .required, claims: [Int] = [], issuers: [Int] = [], audiences: [String] = [],
    passkeyWithin: Duration? = nil, anonymousOnBadToken: Bool = false, forwardsPreflight: Bool = false, endsWithToken: Bool = false
  ) {
    self.access = access
    self.claims = claims
    self.issuers = issuers
    self.audiences = audiences
    self.passkeyWithin = passkeyWithin
    self.anonymousOnBadToken = anonymousOnBadToken
    self.forwardsPreflight = forwardsPreflight
    self.endsWithToken = endsWithToken
  }

  /// Whoever meets `self` meets `other`.
  ///
  /// - Parameter ofPreflights: false for a request that is none: what a rule does with them does not matter to it.
  func isAsStrict(as other: Requirement, ofPreflights: Bool = true) -> Bool {
    guard access >= other.access, !anonymousOnBadToken || other.anonymousOnBadToken || other.access == .public else {
      return false
    }
    guard endsWithToken || !other.endsWithToken else { return false }
    guard other.access == .required else { return true }
    guard !ofPreflights || !forwardsPreflight || other.forwardsPreflight else { return false }
    guard other.claims.allSatisfy(claims.contains) else { return false }
    if !other.issuers.isEmpty {
      guard !issuers.isEmpty, issuers.allSatisfy(other.issuers.contains) else { return false }
    }
    if !other.audiences.isEmpty {
      guard !audiences.isEmpty, audiences.allSatisfy(other.audiences.contains) else { return false }
    }
    if let limit = other.passkeyWithin {
      guard let passkeyWithin, passkeyWithin <= limit else { return false }
    }
    return true
  }
}

/// Methods that a rule is for.
struct MethodSet: Sendable {
  private(set) var known: UInt16 = 0
  private(set) var others: [[UInt8]] = []
  let isAll: Bool
  /// Methods are case-sensitive (RFC 9110 §9.1), yet some apps fold them: what restricts holds in every spelling.
  private let foldsCase: Bool

  /// - Throws: `methodMalformed`
  init(_ names: [String], opens: Bool) throws(PolicyError.Problem) {
    isAll = names.isEmpty
    foldsCase = !opens
    for name in names {
      let bytes = [UInt8](name.utf8)
      guard FieldSyntax.isToken(bytes.span) else { throw .methodMalformed }
      let method = Method(bytes.span)
      if method == .other || foldsCase { others.append(bytes) }
      if method != .other { known |= 1 << UInt16(method.rawValue) }
    }
    // A server answers HEAD as it answers GET: what restricts one restricts the other, what opens one opens it alone.
    if !opens, contains(.get) {
      known |= 1 << UInt16(Method.head.rawValue)
      others.append([UInt8]("HEAD".utf8))
    }
  }

  private func contains(_ method: Method) -> Bool { known >> UInt16(method.rawValue) & 1 == 1 }

  func contains(_ method: Method, in head: borrowing RequestHead) -> Bool {
    if isAll { return true }
    switch method {
    case .other:
      let name = head.fields.bytes.span.extracting(head.methodName.range)
      for other in others
      where foldsCase ? other.span.equalsIgnoringCase(name) : other.span.hasSameBytes(as: name) { return true }
      return false
    case .connect:
      // Extended CONNECT is what HTTP/1.1 writes as GET with Upgrade (RFC 8441 §5); no other CONNECT comes this far.
      return contains(.connect) || contains(.get)
    default: return contains(method)
    }
  }
}

extension Policy {
  /// The rule for a request; nil if none matches, so that a token is required.
  ///
  /// Where the path leaves the app several readings, every rule that one of them chooses is a candidate, and the
  /// strictest decides.
  /// - Parameter candidates: scratch memory.
  /// - Throws: `pathAmbiguous` if none of the candidates is as strict as all others.
  func rule(
    for head: borrowing RequestHead, _ path: borrowing PathReadings, candidates: inout [Int]
  ) throws(Denial) -> Int? {
    candidates.removeAll(keepingCapacity: true)
    // With one feature the path has just the two readings; with more an app may heed one and not the other.
    var features = path.features.rawValue.nonzeroBitCount
    if hasUpperCaseRules && !path.features.contains(.upperCase) { features += 1 }
    // An odd segment is no match for a wildcard, yet an app may take it for one.
    let hasManyReadings = features > 1 || path.lastOdd >= 0
    var chosen: Int?
    // A rule that opens does not open this spelling: the first behind it that restricts restricts it.
    var isRestricted = false
    for index in probes.indices where probes[index].mayMatch(path) {
      let match = rules[index].pattern.match(path)
      guard match.wide, rules[index].methods.contains(head.method, in: head) else { continue }
      if match.narrow {
        // Every reading that has chosen nothing so far chooses this one.
        chosen = index
        break
      }
      if hasManyReadings || !isRestricted { candidates.append(index) }
      if rules[index].requirement.access == .required { isRestricted = true }
    }
    if candidates.isEmpty { return chosen }
    return try strictest(of: candidates, and: chosen, isPreflight: OriginRule.isPreflight(head))
  }

  /// Where no rule matches a token is required, and nothing else.
  func requirement(ofRule rule: Int?) -> Requirement {
    if let rule { rules[rule].requirement } else { tokenRequired }
  }

  private func strictest(of candidates: [Int], and last: Int?, isPreflight: Bool) throws(Denial) -> Int? {
    let lastRequirement = requirement(ofRule: last)
    func isStrictest(_ requirement: Requirement) -> Bool {
      requirement.isAsStrict(as: lastRequirement, ofPreflights: isPreflight)
        && candidates.allSatisfy { requirement.isAsStrict(as: rules[$0].requirement, ofPreflights: isPreflight) }
    }
    if isStrictest(lastRequirement) { return last }
    for index in candidates where isStrictest(rules[index].requirement) { return index }
    throw .pathAmbiguous
  }
}
