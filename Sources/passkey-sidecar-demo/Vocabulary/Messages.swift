/// A request as every part of the demo sees it: the whole body in memory and no socket, so that each part is a
/// function.
struct DemoRequest: Sendable {
  struct Field: Equatable, Sendable {
    var name: String
    var value: String
  }

  var method: String
  /// As received, still percent-encoded.
  var path: String
  /// What stands after `?`, as received.
  var query: String?
  /// In the order of arrival, names as received.
  var fields: [Field] = []
  var body: [UInt8] = []
  /// The peer's address without its port.
  var peer = "127.0.0.1"
  /// `HTTP/1.1` or `HTTP/2`.
  var version = "HTTP/1.1"

  init(
    _ method: String, _ target: String, fields: [Field] = [], body: [UInt8] = [], peer: String = "127.0.0.1",
    version: String = "HTTP/1.1"
  ) {
    self.method = method
    let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = String(parts[0])
    query = parts.count > 1 ? String(parts[1]) : nil
    self.fields = fields
    self.body = body
    self.peer = peer
    self.version = version
  }

  /// The first field line of that name, in any case.
  func field(_ name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  /// The decoded parameters of the query.
  var parameters: [(name: String, value: String)] { FormParameters.decoded(query ?? "") }
}

/// What a part of the demo answers.
struct DemoResponse: Sendable {
  var status: Int
  var fields: [DemoRequest.Field] = []
  var body: [UInt8] = []
  /// How it goes over the wire: at once unless a test asked for trouble.
  var delivery = Delivery.atOnce

  init(status: Int, fields: [DemoRequest.Field] = [], body: [UInt8] = []) {
    self.status = status
    self.fields = fields
    self.body = body
  }

  init(status: Int = 200, json: JSON) {
    self.init(status: status, fields: [.init(name: "content-type", value: "application/json")], body: json.bytes)
  }

  init(status: Int = 200, text: String, type: String = "text/plain; charset=utf-8") {
    self.init(status: status, fields: [.init(name: "content-type", value: type)], body: Array(text.utf8))
  }

  func field(_ name: String) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }

  mutating func set(_ name: String, _ value: String) {
    fields.removeAll { $0.name.lowercased() == name.lowercased() }
    fields.append(.init(name: name, value: value))
  }
}

/// The parameters of a query or of an `application/x-www-form-urlencoded` body.
enum FormParameters {
  static func decoded(_ text: String) -> [(name: String, value: String)] {
    text.split(separator: "&").map { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      return (percentDecoded(parts[0]), parts.count > 1 ? percentDecoded(parts[1]) : "")
    }
  }

  /// `+` is a space; an escape that is none stays as it is.
  static func percentDecoded(_ text: Substring) -> String {
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let high = Character(Unicode.Scalar(bytes[index + 1])).hexDigitValue,
        let low = Character(Unicode.Scalar(bytes[index + 2])).hexDigitValue
      {
        decoded.append(UInt8(high << 4 | low))
        index += 3
      } else {
        decoded.append(bytes[index] == UInt8(ascii: "+") ? 0x20 : bytes[index])
        index += 1
      }
    }
    return String(decoding: decoded, as: UTF8.self)
  }
}
