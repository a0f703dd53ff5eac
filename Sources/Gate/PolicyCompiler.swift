import HTTP
import JOSE

/// Turns a draft into the parts of a policy and gathers what is wrong with it.
struct PolicyCompiler {
  private let draft: PolicyDraft
  private(set) var errors: [PolicyError] = []
  private(set) var claimRules: [CompiledClaimRule] = []
  private(set) var claimPaths: [ClaimPath] = []

  init(_ draft: PolicyDraft) { self.draft = draft }

  mutating func issuers() -> [CompiledIssuer] {
    if draft.issuers.isEmpty && draft.loginIssuer == nil { errors.append(.noIssuer) }
    errors += SubjectNamespaces.errors(draft.issuers)
    var spellings: Set<String> = []
    var compiled: [CompiledIssuer] = []
    for (index, rule) in draft.issuers.enumerated() {
      let all = [rule.issuer] + rule.otherSpellings
      for spelling in all {
        if spelling.isEmpty { errors.append(.issuer(index, .empty)) }
        if !spellings.insert(spelling).inserted { errors.append(.issuer(index, .alreadyUsed)) }
      }
      if rule.audiences.isEmpty != rule.acceptsAnyAudience {
        errors.append(.issuer(index, rule.acceptsAnyAudience ? .audienceContradicted : .audienceMissing))
      }
      if rule.audiences.contains("") { errors.append(.issuer(index, .empty)) }
      if rule.algorithms.isEmpty { errors.append(.issuer(index, .algorithmMissing)) }
      if rule.leeway < .zero { errors.append(.issuer(index, .negative)) }
      let owner = draft.issuers.first { $0.issuer == rule.sharesSubjectsWith } ?? rule
      compiled.append(
        CompiledIssuer(
          issuer: rule.issuer, spellings: all, audiences: rule.audiences, acceptsAnyAudience: rule.acceptsAnyAudience,
          algorithms: rule.algorithms, types: rule.types, leeway: rule.leeway,
          claims: indices(of: rule.claims) { .issuer(index, $0) }, subjectPrefix: owner.subjectPrefix,
          subjectIssuer: owner.issuer, stepUp: rule.stepUp, isOwn: false))
    }
    if let own = draft.loginIssuer {
      if own.issuer.isEmpty || own.audience.isEmpty { errors.append(.loginIssuer(.empty)) }
      if spellings.contains(own.issuer) { errors.append(.loginIssuer(.alreadyUsed)) }
      if own.algorithms.isEmpty { errors.append(.loginIssuer(.algorithmMissing)) }
      if own.leeway < .zero { errors.append(.loginIssuer(.negative)) }
      compiled.append(
        CompiledIssuer(
          issuer: own.issuer, spellings: [own.issuer], audiences: [own.audience], acceptsAnyAudience: false,
          algorithms: own.algorithms, types: .accessToken, leeway: own.leeway, claims: [], subjectPrefix: "",
          subjectIssuer: own.issuer, stepUp: true, isOwn: true))
    }
    return compiled
  }

  mutating func credentials() -> CredentialReader {
    let rule = draft.credential
    var cookieName: [UInt8]?
    if let cookie = rule.cookie {
      let name = [UInt8](cookie.utf8)
      if !FieldSyntax.isToken(name.span) { errors.append(.credential(.nameMalformed)) }
      cookieName = name
    }
    if rule.tokenBytes <= 0 { errors.append(.credential(.negative)) }
    return CredentialReader(
      cookieName: cookieName, readsSubprotocol: rule.webSocketSubprotocol, tokenBytes: rule.tokenBytes)
  }

  mutating func credentialOrigins() -> OriginRule {
    let rule = draft.credential
    if rule.origins.isEmpty && (rule.cookie != nil || rule.loginSetsCookie) {
      errors.append(.credential(.originsMissing))
    }
    return OriginRule(
      origins: rule.origins.compactMap { text in
        guard let bytes = OriginRule.bytes(text) else {
          errors.append(.credential(.originMalformed))
          return nil
        }
        return bytes
      })
  }

  mutating func corsOrigins() -> [[UInt8]] {
    draft.corsOrigins.enumerated().compactMap { index, text in
      guard let bytes = OriginRule.bytes(text) else {
        errors.append(.corsOrigin(index, .originMalformed))
        return nil
      }
      return bytes
    }
  }

  mutating func rules() -> [CompiledRule] {
    draft.routes.enumerated().compactMap { index, rule in
      do throws(PolicyError.Problem) {
        return try compile(rule, at: index)
      } catch {
        errors.append(.route(index, error))
        return nil
      }
    }
  }

  private mutating func compile(_ rule: RouteRule, at position: Int) throws(PolicyError.Problem) -> CompiledRule {
    let restricts =
      !rule.claims.isEmpty || !rule.issuers.isEmpty || !rule.audiences.isEmpty || rule.passkeyWithin != nil
    if restricts && rule.access != .required || rule.endsWithToken && rule.access == .public { throw .restrictionNeedsToken }
    if let limit = rule.responseHead, limit <= .zero { throw .negative }
    if rule.badToken != .refuse && rule.access != .optional { throw .badTokenNeedsOptional }
    if let limit = rule.passkeyWithin, limit < .zero { throw .negative }
    if rule.audiences.contains("") { throw .empty }
    var issuers: [Int] = []
    for name in rule.issuers {
      let all = draft.issuers.map(\.issuer) + (draft.loginIssuer.map { [$0.issuer] } ?? [])
      guard let index = all.firstIndex(of: name) else { throw .issuerNotConfigured }
      issuers.append(index)
    }
    if let page = rule.loginPage {
      // `//host` and `/\host` are other origins to a browser.
      let bytes = [UInt8](page.utf8)
      guard bytes.first == UInt8(ascii: "/"), bytes.count < 2 || bytes[1] != UInt8(ascii: "/"),
        PathReadings.isAcceptedQuery(bytes.span), !bytes.contains(UInt8(ascii: "\\"))
      else { throw .loginPageMalformed }
    }
    let pattern = try PathPattern(rule.path, isExact: rule.isExact)
    let methods = try MethodSet(rule.methods, opens: rule.access != .required)
    let requirement = Requirement(
      access: rule.access, claims: indices(of: rule.claims) { .route(position, $0) }, issuers: issuers,
      audiences: rule.audiences, passkeyWithin: rule.passkeyWithin, anonymousOnBadToken: rule.badToken == .anonymous,
      forwardsPreflight: rule.forwardsPreflight, endsWithToken: rule.endsWithToken)
    return CompiledRule(
      pattern: pattern, methods: methods, requirement: requirement, loginPage: rule.loginPage, responseHead: rule.responseHead,
      path: rule.path)
  }

  /// Positions of claim rules, each distinct one being there once.
  private mutating func indices(of rules: [ClaimRule], _ error: (PolicyError.Problem) -> PolicyError) -> [Int] {
    rules.compactMap { rule in
      switch rule.condition {
      case .anyOf(let values), .allOf(let values): if values.isEmpty { errors.append(error(.conditionEmpty)) }
      case .equals: break
      }
      guard let path = pathIndex(rule.claim) else {
        errors.append(error(.claimPathMalformed))
        return nil
      }
      let compiled = CompiledClaimRule(
        path: path, condition: rule.condition, isSpaceSeparated: rule.claim == "scope" || rule.claim == "scp")
      if let known = claimRules.firstIndex(of: compiled) { return known }
      claimRules.append(compiled)
      return claimRules.count - 1
    }
  }

  private mutating func pathIndex(_ text: String) -> Int? {
    guard let path = ClaimPath(text) else { return nil }
    if let known = claimPaths.firstIndex(of: path) { return known }
    claimPaths.append(path)
    return claimPaths.count - 1
  }

  mutating func endpoints() -> [EndpointPath] {
    let prefix = draft.endpoints.prefix == "/" ? "" : draft.endpoints.prefix
    let all = Endpoint.allCases.map { (path: prefix + "/" + $0.rawValue, endpoint: $0) } + draft.endpoints.aliases
    var paths: [EndpointPath] = []
    for (text, endpoint) in all where draft.endpoints.enabled.contains(endpoint) {
      do throws(PolicyError.Problem) {
        let path = try EndpointPath(text, endpoint)
        if paths.contains(where: { $0.overlaps(path) }) { throw .endpointPathOverlaps }
        paths.append(path)
      } catch { errors.append(.endpoints(error)) }
    }
    return paths
  }

  mutating func identityFields() -> IdentityFields {
    var names: Set<[UInt8]> = []
    var fields: [IdentityFields.Field] = []
    var certificateNames: [[UInt8]] = []
    for (index, field) in draft.identityFields.enumerated() {
      do throws(PolicyError.Problem) {
        let name = try managedName(field.name)
        guard names.insert(name.map { ManagedNames.fold($0) }).inserted else { throw .repeated }
        if case .text(let separator) = field.format { try checkSeparator(separator) }
        if field.claim == IdentityFields.certificateSubject {
          certificateNames.append(name)
          continue
        }
        guard let path = pathIndex(field.claim) else { throw .claimPathMalformed }
        fields.append(
          IdentityFields.Field(name: name, isSubject: field.claim == "sub", path: path, format: field.format))
      } catch { errors.append(.identityField(index, error)) }
    }
    return IdentityFields(fields: fields, certificateNames: certificateNames)
  }

  mutating func managedNames() -> ManagedNames {
    var own = draft.identityFields.map(\.name)
    for (index, name) in draft.reservedFields.enumerated() {
      do throws(PolicyError.Problem) {
        let folded = try managedName(name).map { ManagedNames.fold($0) }
        let isTaken = own.contains { $0.utf8.map { ManagedNames.fold($0) } == folded }
        if isTaken { throw .repeated }
      } catch { errors.append(.reservedField(index, error)) }
      own.append(name)
    }
    own = own.map { $0.replacing("*", with: "-") } + ManagedNames.framing
    let reserved = ManagedNames(own, exempt: [])
    var exempt: [[UInt8]] = []
    for (index, name) in draft.passThrough.enumerated() {
      let bytes = [UInt8](name.utf8)
      if !FieldSyntax.isToken(bytes.span) {
        errors.append(.passThrough(index, .nameMalformed))
      } else if !reserved.mayPass(bytes.span) || Self.isKnown(bytes) {
        // What we write ourselves cannot come from a client as well.
        errors.append(.passThrough(index, .nameReserved))
      }
      exempt.append(bytes)
    }
    return ManagedNames(ManagedNames.standard + own, exempt: exempt)
  }

  /// The name of a field that only we write, in lower case.
  private func managedName(_ text: String) throws(PolicyError.Problem) -> [UInt8] {
    let name = text.utf8.map { FieldSyntax.lowerCased($0) }
    guard FieldSyntax.isToken(name.span) else { throw .nameMalformed }
    guard !Self.isKnown(name) else { throw .nameReserved }
    return name
  }

  /// A field with a meaning of its own for this gateway, and what would frame or route the request, also in a spelling
  /// that servers take for it: `x_forwarded_for` beside the one that we write would be two addresses.
  private static func isKnown(_ name: [UInt8]) -> Bool {
    let folded = name.map { ManagedNames.fold($0) }
    return KnownField(folded.span) != .other
  }

  private func checkSeparator(_ separator: String) throws(PolicyError.Problem) {
    let bytes = [UInt8](separator.utf8)
    guard !bytes.isEmpty, bytes.allSatisfy({ $0 &- 0x20 <= 0x5E && $0 != UInt8(ascii: "%") }) else {
      throw .separatorMalformed
    }
    // One whose end is also its beginning could be found across the border of an element.
    for count in 1..<bytes.count where bytes.prefix(count) == bytes.suffix(count) { throw .separatorMalformed }
  }

  mutating func trustedProxies() -> [TrustedProxies] {
    draft.trustedProxies.enumerated().map { listener, names in
      var trusted = TrustedProxies()
      for (index, name) in names.enumerated() {
        if name == TrustedProxies.unix {
          trusted.trustsUnixPeers = true
        } else if let block = AddressBlock(name) {
          trusted.blocks.append(block)
        } else {
          errors.append(.trustedProxy(listener: listener, index, .addressMalformed))
        }
      }
      return trusted
    }
  }
}
