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
    for route in open { lines.append("  \(route.path)") }
    lines.append("our own endpoints (never reach the app):")
    for endpoint in settings.endpoints.list { lines.append("  \(endpoint)") }
    lines.append(warnings.isEmpty ? "warnings: none" : "warnings:")
    for warning in warnings { lines.append("  \(warning)") }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension EndpointSettings {
  fileprivate var list: [String] {
    ["POST \(prefix)/createConnectToken", "POST \(prefix)/completeLogin"]
      + (hasJWKSet ? ["GET \(prefix)/jwks.json"] : [])
  }
}
