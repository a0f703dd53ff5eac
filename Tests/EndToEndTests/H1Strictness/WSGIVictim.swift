import Foundation
import TestPeers
import Testing

/// An ordinary WSGI app under gunicorn, a process of its own with a lenient parser, that writes down each request it was
/// given whole. Before it the built sidecar.
final class WSGIVictim: Sendable {
  struct Record: Decodable, Sendable, Equatable {
    var method: String
    var target: String
    var body: String
    /// `CONTENT_LENGTH`, and whatever else CGI's folding makes of framing fields.
    var framing: [String: String]
    var user: String?
    /// Names of all variables whose value has `evil` in it.
    var evil: [String]
  }

  let sidecar: SidecarUnderTest
  private let process: ChildProcess
  private let folder: String

  private static let source = """
    import json, os
    FRAMING = ("CONTENT_LENGTH", "HTTP_CONTENT_LENGTH", "HTTP_TRANSFER_ENCODING")
    LOG = os.path.join(os.path.dirname(os.path.abspath(__file__)), "records")
    def app(environ, start_response):
        body = environ["wsgi.input"].read()
        record = {"method": environ["REQUEST_METHOD"], "target": environ["RAW_URI"], "body": body.decode("latin-1"),
                  "framing": {name: environ[name] for name in FRAMING if name in environ},
                  "user": environ.get("HTTP_X_USER_ID"),
                  "evil": [name for name, value in environ.items() if "evil" in str(value)]}
        with open(LOG, "a") as log:
            log.write(json.dumps(record) + "\\n")
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]
    """

  init() throws {
    folder = NSTemporaryDirectory() + "victim-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(Self.source.utf8).write(to: URL(fileURLWithPath: folder + "/served.py"))
    let port = try LoopbackServer.freePort()
    process = try ChildProcess(
      "/usr/bin/gunicorn", ["--bind", "127.0.0.1:\(port)", "--chdir", folder, "--threads", "8", "--keep-alive", "60", "served:app"],
      output: folder + "/out", errors: folder + "/log")
    _ = eventually { try? RawConnection(port: port) }
    sidecar = try SidecarUnderTest(app: port)
  }

  deinit {
    process.signal(SIGKILL)
    try? FileManager.default.removeItem(atPath: folder)
  }

  /// What the app was given whole, of all targets that have this in them.
  func records(_ part: String) -> [Record] {
    let text = (try? Data(contentsOf: URL(fileURLWithPath: folder + "/records"))) ?? Data()
    return text.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONDecoder().decode(Record.self, from: $0) }
      .filter { $0.target.contains(part) }
  }

  static let shared = Result { try WSGIVictim() }
}

/// Bytes on one connection, and what becomes of them. `AUTH` stands for a good credential, `ID` for what tells this case
/// from the others.
struct WireCase: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let bytes: [UInt8]
  /// Of the answers, in order.
  let statuses: [Int]
  /// In the last answer, where it is a refusal.
  let reason: String?
  /// What the app got, as `method target body`.
  let seen: [String]

  init(_ name: String, _ text: String, _ statuses: [Int], _ reason: String? = nil, seen: [String] = []) {
    self.init(name, Array(text.utf8), statuses, reason, seen: seen)
  }

  init(_ name: String, _ bytes: [UInt8], _ statuses: [Int], _ reason: String? = nil, seen: [String] = []) {
    testDescription = name
    self.bytes = bytes
    self.statuses = statuses
    self.reason = reason
    self.seen = seen
  }

  /// A POST with these field lines before this content: refused as malformed, and nothing after it is read.
  static func refused(_ name: String, _ lines: String, _ content: String = "", _ reason: String = "request_malformed") -> WireCase {
    WireCase(name, "POST /s/ID HTTP/1.1\r\nHost: a\r\nAUTH\(lines)\r\n\(content)", [400], reason)
  }

  /// A GET whose request line is this.
  static func line(_ name: String, _ line: String, _ status: Int = 400, _ reason: String = "request_malformed") -> WireCase {
    WireCase(name, "\(line)\r\nHost: a\r\nAUTH\r\n", [status], reason)
  }

  func bytes(id: String, authorization: String) -> [UInt8] {
    bytes.replacing("ID".utf8, with: id.utf8).replacing("AUTH".utf8, with: authorization.utf8)
  }
}
