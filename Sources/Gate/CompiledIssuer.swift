import JOSE

/// An issuer, compiled.
struct CompiledIssuer: Sendable {
  let issuer: String
  let spellings: [String]
  let audiences: [String]
  let acceptsAnyAudience: Bool
  let algorithms: AlgorithmSet
  let types: TokenTypes
  let leeway: Duration
  /// Positions in ``Policy/claimRules``.
  let claims: [Int]
  /// Put before `sub`.
  let subjectPrefix: String
  /// The issuer that the subjects belong to.
  let subjectIssuer: String
  let stepUp: Bool
  /// Ourselves.
  let isOwn: Bool
}

/// The subject namespaces of several issuers must not meet: then equal subjects would be one user to the app.
enum SubjectNamespaces {
  static func errors(_ issuers: [IssuerRule]) -> [PolicyError] {
    var errors: [PolicyError] = []
    let owners = issuers.indices.filter { issuers[$0].sharesSubjectsWith == nil }
    for index in issuers.indices {
      guard let other = issuers[index].sharesSubjectsWith else { continue }
      if !issuers[index].subjectPrefix.isEmpty { errors.append(.issuer(index, .subjectPrefixUnused)) }
      guard let owner = issuers.firstIndex(where: { $0.issuer == other }) else {
        errors.append(.issuer(index, .issuerNotConfigured))
        continue
      }
      if issuers[owner].sharesSubjectsWith != nil { errors.append(.issuer(index, .subjectsSharedInTurn)) }
    }
    guard owners.count > 1 else { return errors }
    for index in owners {
      let prefix = issuers[index].subjectPrefix
      guard !prefix.isEmpty else {
        errors.append(.issuer(index, .subjectNamespaceMissing))
        continue
      }
      // "a" and "ab" would give "abc" twice: one prefix must not begin another.
      let overlaps = owners.contains { other in
        let otherPrefix = issuers[other].subjectPrefix
        return other != index && !otherPrefix.isEmpty && Array(prefix.utf8).starts(with: otherPrefix.utf8)
      }
      if overlaps { errors.append(.issuer(index, .subjectPrefixOverlaps)) }
    }
    return errors
  }
}
