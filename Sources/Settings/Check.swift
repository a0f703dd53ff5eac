/// The answer of `check --config F`.
public struct CheckReport: Equatable, Sendable {
  /// For standard output; empty when the configuration was refused.
  public var output: String
  /// For standard error: what was refused, one problem a line.
  public var errorOutput: String
  /// 0: it would start; 78: it was refused.
  public var exitCode: Int32
}

extension SidecarSettings {
  /// Reads a file as `run` would and reports: all problems, or what is open and what will bite.
  public static func check(
    _ path: String, environment: @escaping (String) -> String? = SettingsSources.processEnvironment
  ) -> CheckReport {
    do throws(SettingsRefused) {
      let loaded = try load(path, environment: environment)
      return CheckReport(output: loaded.report(path), errorOutput: "", exitCode: 0)
    } catch {
      let lines = error.problems.map { "\($0)\n" }.joined()
      return CheckReport(output: "", errorOutput: lines, exitCode: 78)
    }
  }
}

extension LoadedSettings {
  fileprivate func report(_ path: String) -> String {
    var lines = ["\(path): the configuration is good"]
    let open = settings.routes.filter { $0.access == .public }
    lines.append(
      open.isEmpty ? "public routes: none; every request needs a token" : "public routes (no token is asked for):")
    for route in open { lines.append("  \(route.title)") }
    lines += list("optional routes (without a token a request is anonymous):", optionalRoutes)
    lines += list("rules that others come before:", shadows)
    lines += list(
      "fields that clients may send although apps may take them for ours or another gateway's:",
      settings.identity.passThrough)
    lines.append("our own endpoints (never reach the app):")
    for endpoint in settings.endpoints.list { lines.append("  \(endpoint)") }
    lines.append(warnings.isEmpty ? "warnings: none" : "warnings:")
    for warning in warnings { lines.append("  \(warning)") }
    return lines.joined(separator: "\n") + "\n"
  }

  private func list(_ title: String, _ items: [String]) -> [String] {
    items.isEmpty ? [] : [title] + items.map { "  " + $0 }
  }

  private var optionalRoutes: [String] {
    settings.routes.filter { $0.access == .optional }.map { route in
      route.badToken == .anonymous ? route.title + ", with a bad token too" : route.title
    }
  }

  private var shadows: [String] {
    policy.shadows.map { shadow in
      let (first, second) = (settings.routes[shadow.first], settings.routes[shadow.second])
      let relation = shadow.isWhole ? "never decides, because of" : "leaves what both match to"
      return "rule \(shadow.second + 1) (\(second.title)) \(relation) rule \(shadow.first + 1) (\(first.title))"
    }
  }
}

extension RouteSettings {
  /// Methods and path.
  fileprivate var title: String { (methods + [path]).joined(separator: " ") }
}

extension EndpointSettings {
  fileprivate var list: [String] {
    ["POST \(prefix)/createConnectToken", "POST \(prefix)/completeLogin"]
      + (hasLogout ? ["POST \(prefix)/logout"] : [])
      + (hasRefresh ? ["POST \(prefix)/refresh"] : [])
      + (hasJWKSet ? ["GET \(prefix)/jwks.json"] : [])
      + aliases.map { "\($0.path), another path of \($0.endpoint.rawValue)" }
  }
}
