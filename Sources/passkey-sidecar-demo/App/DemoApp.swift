/// The app behind the sidecar: it knows no tokens and no passkeys, only the fields that say who is asking.
struct DemoApp: Sendable {
  /// What the page has to know of the others.
  struct Surroundings: Sendable {
    /// Where the page posts passwords.
    var login: String
    /// The emulator in place of Corbado's Frontend API.
    var emulator: String
  }

  var surroundings: Surroundings

  func handle(_ request: DemoRequest) -> DemoResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      var answer = DemoResponse(status: 405, json: ["error": "method"])
      answer.set("allow", "GET, HEAD")
      return answer
    }
    switch request.path {
    case "/": return page()
    case "/demo.js": return DemoResponse(text: DemoPage.script, type: "text/javascript; charset=utf-8")
    case "/demo.css": return DemoResponse(text: DemoPage.style, type: "text/css; charset=utf-8")
    case "/favicon.ico": return DemoResponse(status: 204)
    case "/api/whoami": return whoami(request)
    default: return DemoResponse(status: 404, json: ["error": "not found"])
    }
  }

  /// Everything identity-like that arrived, so that a reader of the answer can tell what the sidecar let through.
  private func whoami(_ request: DemoRequest) -> DemoResponse {
    let shown = request.fields.filter { field in
      let name = field.name.lowercased()
      return name.hasPrefix("x-") || name == "authorization" || name == "forwarded" || name == "via"
    }
    var answer = DemoResponse(
      json: [
        "userID": request.field("x-user-id").map(JSON.string) ?? .null,
        "email": request.field("x-user-email").map(JSON.string) ?? .null, "app": "demo",
        "protocol": .string(request.version),
        "fields": .array(shown.map { ["name": .string($0.name.lowercased()), "value": .string($0.value)] }),
      ])
    answer.set("cache-control", "no-store")
    return answer
  }

  private func page() -> DemoResponse {
    let settings: JSON = ["login": .string(surroundings.login), "emulator": .string(surroundings.emulator)]
    var answer = DemoResponse(text: DemoPage.html(settings: settings), type: "text/html; charset=utf-8")
    answer.set(
      "content-security-policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; "
        + "connect-src 'self' \(surroundings.login) \(surroundings.emulator); base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
    return answer
  }
}
