/// An error of Corbado's API: a type out of its documented list and, where a field is to blame, which one and why.
struct APIError: Error, Equatable {
  struct Violation: Equatable {
    var field: String
    var message: String
  }

  var status: Int
  var type: String
  var details: String?
  var validation: [Violation] = []

  static let login = APIError(status: 401, type: "login_error", details: "The project ID or the API secret is wrong.")
  static let permission = APIError(status: 403, type: "login_error", details: "The API key lacks the permission.")
  static let notFound = APIError(status: 404, type: "not_found")
  static let method = APIError(status: 405, type: "method_not_allowed")
  static let json = APIError(status: 400, type: "invalid_json")
  static let rate = APIError(status: 429, type: "rate_limited")
  static let origin = APIError(status: 403, type: "invalid_origin")

  static func validation(_ violations: Violation...) -> APIError { validation(violations) }

  static func validation(_ violations: [Violation]) -> APIError {
    APIError(status: 400, type: "validation_error", validation: violations)
  }

  static func validation(_ field: String, _ message: String) -> APIError {
    validation([Violation(field: field, message: message)])
  }
}

/// The frame of every answer that is no entity.
enum Envelope {
  static func success(status: Int = 200) -> DemoResponse { DemoResponse(json: frame(status: status, message: "OK")) }

  static func failure(_ error: APIError) -> DemoResponse {
    var frame = frame(status: error.status, message: message(of: error.status))
    var description: JSON = ["type": .string(error.type), "links": []]
    if let details = error.details { description.set("details", .string(details)) }
    if !error.validation.isEmpty {
      description.set(
        "validation", .array(error.validation.map { ["field": .string($0.field), "message": .string($0.message)] }))
    }
    frame.set("error", description)
    return DemoResponse(status: error.status, json: frame)
  }

  private static func frame(status: Int, message: String) -> JSON {
    let requestID = "req-" + RandomText.number()
    return [
      "httpStatusCode": .integer(status), "message": .string(message),
      "requestData": [
        "requestID": .string(requestID), "link": .string("https://console.example/requests/\(requestID)"),
      ],
      "runtime": .number(0.001),
    ]
  }

  private static func message(of status: Int) -> String {
    switch status {
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 429: "Too Many Requests"
    default: "Internal Server Error"
    }
  }
}
