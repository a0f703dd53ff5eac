internal import Gate

/// What shows only when several rules, or a rule and the issuers, are seen together.
extension SidecarSettings {
  func checkRoutes(_ reading: Reading, _ policy: Policy?) {
    for (index, route) in routes.enumerated() {
      let key = "routes[\(index)]"
      if route.path == endpoints.prefix || route.path.hasPrefix(endpoints.prefix + "/") {
        reading.warn(key + ".path", "lies under endpoints.prefix: our own endpoints there come first")
      }
      if let limit = route.passkeyWithin { checkStepUp(route, limit, key, reading) }
    }
    guard let policy else { return }
    for shadow in policy.shadows where shadow.isWhole {
      let first = "rule \(shadow.first + 1) (\(routes[shadow.first].path)) comes first"
      if shadow.opens {
        reading.refuse("routes[\(shadow.second)].path", "restricts what is open already: \(first) and asks for less")
      } else {
        reading.warn("routes[\(shadow.second)].path", "never decides: \(first) and covers it")
      }
    }
    for (index, route) in routes.enumerated() {
      guard let page = route.loginPage, route.access != .public, policy.asksForToken(at: page) else { continue }
      reading.warn(
        "routes[\(index)].loginPage", "\(page) asks for a token itself: whoever has none is sent there again and again")
    }
  }

  /// A passkey counts in tokens of ours, and in those of issuers marked `stepUp`.
  private func checkStepUp(_ route: RouteSettings, _ limit: Duration, _ key: String, _ reading: Reading) {
    let acceptsOwn =
      login.ownIssuer.map { route.issuers.isEmpty || route.issuers.contains($0) } ?? false
      && (route.audiences.isEmpty || route.audiences.contains(login.token.audience))
    let others = issuers.filter { $0.stepUp && (route.issuers.isEmpty || route.issuers.contains($0.issuer)) }
    if !acceptsOwn, others.isEmpty {
      reading.refuse(
        key + ".passkeyWithin",
        "can be met by nobody: the rule accepts neither our own tokens nor those of an issuer with stepUp: true")
    } else if acceptsOwn, others.isEmpty, limit >= login.token.lifetime {
      reading.warn(
        key + ".passkeyWithin", "not shorter than login.token.lifetime: every token of a passkey login meets it")
    }
  }
}
