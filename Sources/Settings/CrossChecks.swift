/// What shows only when several keys are seen together.
extension SidecarSettings {
  func check(_ reading: Reading) {
    checkLogin(reading)
    checkRoutes(reading)
    checkAddresses(reading)
    if !reading.sources.isFolderWritable(of: state.sqlite) {
      reading.warn("state.sqlite", "its folder is missing, or this user may not write there")
    }
  }

  private func checkLogin(_ reading: Reading) {
    let rights: Set<String> = [
      "role", "roles", "group", "groups", "scope", "scopes", "scp", "permission", "permissions", "entitlements",
      "admin",
    ]
    for (index, claim) in login.identity.remember.enumerated() {
      let words = claim.text.lowercased().split { !$0.isLetter }.map(String.init)
      guard !rights.isDisjoint(with: words) else { continue }
      reading.warn(
        "login.identity.remember[\(index)]",
        "\(claim.text) is kept as it was when the passkey was added: rights that are taken away stay in force")
    }
  }

  private func checkRoutes(_ reading: Reading) {
    for (index, route) in routes.enumerated() {
      if routes[..<index].contains(where: { $0.path == route.path }) {
        reading.warn("routes[\(index)].path", "never decides: an earlier rule has the same path")
      }
      if route.path == endpoints.prefix || route.path.hasPrefix(endpoints.prefix + "/") {
        reading.warn("routes[\(index)].path", "lies under endpoints.prefix: our own endpoints there come first")
      }
    }
  }

  private func checkAddresses(_ reading: Reading) {
    var listening = listeners.enumerated().map { ("listen[\($0.offset)].address", $0.element.address) }
    listening.append(("probes.address", probes.address))
    listening.append(("admin.address", admin.address))
    for (index, (key, address)) in listening.enumerated()
    where address.port != 0 && listening[..<index].contains(where: { $0.1 == address }) {
      reading.refuse(key, "\(address) is listened on already")
    }
  }
}
