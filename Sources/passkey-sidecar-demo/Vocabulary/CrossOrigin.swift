/// What the Fetch standard calls a CORS configuration: whose pages may call, with credentials, and which fields they
/// may send.
struct CrossOrigin: Sendable {
  /// Exact origins such as `http://localhost:8080`.
  var origins: [String]
  var requestFields: [String]

  func admits(_ request: DemoRequest) -> Bool {
    guard let origin = request.field("origin") else { return true }
    return origins.contains(origin)
  }

  /// The answer to a preflight, or nil if the request is none.
  func preflightAnswer(to request: DemoRequest) -> DemoResponse? {
    guard request.method == "OPTIONS", request.field("access-control-request-method") != nil, admits(request) else {
      return nil
    }
    var response = DemoResponse(status: 204)
    response.set("access-control-allow-methods", "GET, POST, OPTIONS")
    response.set("access-control-allow-headers", requestFields.joined(separator: ", "))
    response.set("access-control-max-age", "600")
    return decorated(response, for: request)
  }

  /// Every answer to an admitted origin names it; all vary by it.
  func decorated(_ response: DemoResponse, for request: DemoRequest) -> DemoResponse {
    var response = response
    response.set("vary", "Origin")
    if let origin = request.field("origin"), origins.contains(origin) {
      response.set("access-control-allow-origin", origin)
      response.set("access-control-allow-credentials", "true")
    }
    return response
  }
}
