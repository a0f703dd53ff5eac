import Foundation
import OpenSSL
import TestPeers
import Testing

/// An emulator of Corbado as a process of its own, and the configuration that leads to it.
final class EmulatorProcess {
  let port: UInt16
  let control: UInt16
  private let process: ChildProcess

  static let binary = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "passkey-sidecar-demo").path

  init(_ arguments: String...) throws {
    let output = NSTemporaryDirectory() + "emulator-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: output) }
    // The system chooses: a port that was free a moment ago may be somebody else's by now.
    process = try ChildProcess(
      Self.binary,
      ["emulator", "--port", "0", "--control-port", "0", "--project-id", "pro-1", "--api-secret", "corbado1_x"] + arguments,
      output: output)
    // `emulator of Corbado: http://localhost:1234 (…)`, then the control's.
    let ports = eventually { () -> [UInt16]? in
      let lines = ((try? String(contentsOfFile: output, encoding: .utf8)) ?? "").split(separator: "\n")
      let ports = lines.compactMap { $0.components(separatedBy: "//localhost:").last.flatMap { UInt16($0.prefix { $0.isNumber }) } }
      return ports.count == 2 ? ports : nil
    }
    let found = try #require(ports, "the emulator did not start")
    (port, control) = (found[0], found[1])
  }

  deinit { process.signal(SIGKILL) }

  /// As `corbado:` of a sidecar's configuration.
  func corbado(_ more: String = "") -> String {
    "corbado: {projectID: pro-1, apiSecret: {env: CORBADO_API_SECRET}, backendAPI: \"http://127.0.0.1:\(port)\"\(more)}"
  }

  /// Signed passkey data of a user, as after a passkey login.
  ///
  /// - Parameter more: members besides the identifier.
  func signedPasskeyData(for identifier: String, _ more: String = "") throws -> String {
    let answer = try control("POST", "/mint", "{\"identifier\":\"\(identifier)\"\(more)}")
    return try #require(answer.json["signedPasskeyData"] as? String)
  }

  /// An order at the control port.
  @discardableResult
  func control(_ method: String, _ target: String, _ body: String = "") throws -> H1Message {
    let connection = try RawConnection(port: control)
    try connection.send(
      "\(method) \(target) HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
        + "Connection: close\r\n\r\n\(body)")
    let answer = try connection.readResponse()
    #expect(answer.status == 200, "\(answer.text)")
    return answer
  }

  /// Calls of the Backend API so far, one by one: path and `Authorization`.
  func calls(_ path: String = "/v2/") throws -> [(path: String, credential: String)] {
    let calls = try control("GET", "/calls?path=\(path)").json["calls"] as? [[String: Any]] ?? []
    return calls.map { call in
      let fields = call["fields"] as? [[String]] ?? []
      return (call["path"] as? String ?? "", fields.first { $0[0].lowercased() == "authorization" }?[1] ?? "")
    }
  }
}

extension SidecarUnderTest {
  /// A call of one of our endpoints, as a mobile client makes it: no cookie, no Origin, nothing but what is needed.
  func call(_ path: String, _ body: String, token: String? = nil) throws -> H1Message {
    let bearer = token.map { "Authorization: Bearer \($0)\r\n" } ?? ""
    return try ask(
      "POST", path, bearer + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n", body: body,
      authorized: false)
  }

  func get(_ path: String, token: String) throws -> H1Message {
    try ask("GET", path, "Authorization: Bearer \(token)\r\n", authorized: false)
  }
}

extension H1Message {
  var json: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(body))) as? [String: Any] ?? [:] }
}

extension String {
  /// The header (0) or the claims (1) of a token, read by somebody else's base64url and JSON.
  func tokenPart(_ index: Int) throws -> [String: Any] {
    var part = String(split(separator: ".")[index]).replacing("-", with: "+").replacing("_", with: "/")
    while part.count % 4 != 0 { part += "=" }
    let object = try JSONSerialization.jsonObject(with: try #require(Data(base64Encoded: part)))
    return try #require(object as? [String: Any])
  }

  /// With some lines of a configuration, known by their keys, replaced; a line's indented lines go with it.
  func replacing(sections: [String: String]) -> String {
    var result: [String] = []
    var isDropping = false
    for line in split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.first?.isLetter == true {
        let key = String(line.prefix { $0 != ":" })
        isDropping = sections[key] != nil
        if let replacement = sections[key] { result.append(replacement) }
      }
      if !isDropping { result.append(line) }
    }
    return result.joined(separator: "\n")
  }
}
