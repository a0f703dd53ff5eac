import Foundation

@testable import Settings

/// The smallest configuration that is good, in block form so that a test can put lines in.
let good = """
  listen: [{address: 127.0.0.1:8080}]
  upstream: {url: http://127.0.0.1:3000}
  corbado: {projectID: pro-123, apiSecret: {env: SECRET}}
  issuers: [{issuer: https://idp.example.com/, audiences: [my-app], keys: {url: https://idp.example.com/jwks}}]
  login: {token: {issuer: https://app.example.com, audience: my-app}}

  """

/// The lines of `good` with some of them replaced by others of the same key, or added to.
func changed(_ lines: String) -> String {
  let keys = lines.split(separator: "\n").compactMap { line in
    line.first?.isLetter == true ? line.split(separator: ":")[0] + ":" : nil
  }
  let kept = good.split(separator: "\n").filter { line in !keys.contains { line.hasPrefix($0) } }
  return kept.joined(separator: "\n") + "\n" + lines + "\n"
}

func read(_ text: String, directory: String = "/nowhere/") throws(SettingsRefused) -> LoadedSettings {
  try read(Array(text.utf8), directory: directory)
}

func read(_ bytes: [UInt8], directory: String = "/nowhere/") throws(SettingsRefused) -> LoadedSettings {
  let sources = SettingsSources(besides: directory + "f.yaml") { name in
    [
      "SECRET": "corbado1_abc", "LONG": "0123456789abcdef0123456789abcdef", "EMPTY": "", "PAIR": "cHJvLTEyMzpjb3JiYWRvMV9hYmM=",
      "OTHERPAIR": "cHJvLTk6Y29yYmFkbzFfYWJj", "PLAINPAIR": "pro-123:corbado1_abc", "TWO": "a b", "OTHER": "abc",
    ][name]
  }
  return try SidecarSettings.read(bytes, named: "f.yaml", sources)
}

/// Every problem as it is printed.
func problems(_ text: String) -> [String] {
  do throws(SettingsRefused) {
    _ = try read(text)
    return []
  } catch {
    return error.problems.map(\.description)
  }
}

func problem(_ text: String) -> String { problems(text).joined(separator: "\n") }

/// A folder for the files of one test.
struct Folder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + UUID().uuidString + "/"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  func write(_ name: String, _ content: String) throws {
    try Data(content.utf8).write(to: URL(fileURLWithPath: path + name))
  }

  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// The checkout that these tests belong to.
var checkout: String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .path + "/"
}
