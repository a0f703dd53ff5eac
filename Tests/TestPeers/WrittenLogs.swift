import Foundation
import Glibc
import Synchronization

/// The logs of every sidecar under test: whatever a test did, nothing secret may stand in them. They are looked through when their
/// sidecar goes; those of sidecars that live as long as the tests at the very end, which then is a failure.
public enum WrittenLogs {
  /// For whatever must not be logged: queries, cookies, contents.
  public static let canary = "canary-5bd1e995"

  /// API secrets, passwords of stores, addresses of users.
  static let forbidden = [canary, "corbado1_", "redis-secret", "@example.com"]

  /// The beginning of every JWT; within a random ID, of which logs hold many, it is none.
  private static func holdsToken(_ line: String) -> Bool {
    line.range(of: "(?<![A-Za-z0-9_-])eyJ|eyJ[A-Za-z0-9_-]+[.]", options: .regularExpression) != nil
  }

  private static let folders = Mutex<Set<String>>([])
  private static let atTheEnd: Void = {
    _ = atexit {
      let findings = WrittenLogs.folders.withLock { $0 }.flatMap { WrittenLogs.read($0) }
      guard !findings.isEmpty else { return }
      FileHandle.standardError.write(Data(("✘ in the logs: " + findings.joined(separator: "\n") + "\n").utf8))
      _exit(1)
    }
  }()

  /// From now on; the logs are the files `access` and `events` of the folder, and those with these suffixes.
  public static func watch(_ folder: String) {
    _ = atTheEnd
    folders.withLock { _ = $0.insert(folder) }
  }

  /// The lines of the folder's logs that must not be there. It is not looked at again.
  public static func findings(_ folder: String) -> [String] {
    folders.withLock { _ = $0.remove(folder) }
    return read(folder)
  }

  private static func read(_ folder: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.filter { ["access", "events"].contains($0) || $0.hasSuffix(".access") || $0.hasSuffix(".events") }
      .flatMap { name -> [String] in
        let text = (try? Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))) ?? Data()
        return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
          .filter { line in holdsToken(line) || forbidden.contains { line.contains($0) } }
      }
  }
}
