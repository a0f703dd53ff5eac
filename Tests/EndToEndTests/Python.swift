import Foundation
import Synchronization
import TestPeers
import Testing

/// The scripts of Tests/Peers, run by the system's Python, where Debian's packages are.
enum Python {
  static let peers = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Peers").path

  /// What a script wrote, which ends with one JSON object on a line.
  static func object(_ script: String, _ arguments: [String]) throws -> [String: Any] {
    let line = try line(peers + "/" + script, arguments)
    return try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] ?? [:]
  }

  /// Changes a state file beside the process that serves from it.
  static func sql(_ statement: String, _ file: String) throws {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[2]); c.execute(sys.argv[1]); c.commit()"
    let (code, output) = try ChildProcess.run("/usr/bin/python3", ["-c", script, statement, file])
    #expect(code == 0, "\(output)")
  }

  static func line(_ script: String, _ arguments: [String]) throws -> String {
    let (code, output) = try ChildProcess.run("/usr/bin/python3", [script] + arguments)
    #expect(code == 0, "\(output)")
    return output.split(separator: "\n").last.map(String.init) ?? ""
  }
}

/// What another thread saw; nil until then.
final class Rest: Sendable {
  private let kept = Mutex<[UInt8]?>(nil)
  func put(_ bytes: [UInt8]) { kept.withLock { $0 = bytes } }
  var bytes: [UInt8]? { kept.withLock { $0 } }
}
