import Foundation
import Testing

@testable import Settings

@Suite struct SecretTests {
  private func corbado(_ secret: String) -> String { changed("corbado: {projectID: pro-123, apiSecret: \(secret)}") }

  @Test(arguments: [("corbado1_x", "corbado1_x"), ("corbado1_x\n", "corbado1_x"), ("corbado1_x\r\n", "corbado1_x")])
  func `a secret is the file's content without one trailing newline`(content: String, expected: String) throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write("secret", content)
    let loaded = try read(corbado("{file: secret}"), directory: folder.path)
    #expect(String(decoding: loaded.settings.corbado.credential.secret.bytes, as: UTF8.self) == expected)
    #expect(loaded.watchedFiles == ["f.yaml", folder.path + "secret"])
  }

  @Test(arguments: ["", "\n", "a\n\n", "a b", "a\nb\n", "\u{FEFF}a", "a\0b", "ä"])
  func `a file that is empty or no word is refused`(content: String) throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write("secret", content)
    #expect(throws: SettingsRefused.self) { try read(corbado("{file: secret}"), directory: folder.path) }
  }

  @Test func `a huge file is refused and not read whole`() throws {
    let folder = try Folder()
    defer { folder.remove() }
    try folder.write("secret", String(repeating: "x", count: 20_000))
    #expect(throws: SettingsRefused.self) { try read(corbado("{file: secret}"), directory: folder.path) }
    #expect(throws: SettingsRefused.self) { try read(corbado("{file: /dev/zero}"), directory: folder.path) }
  }

  @Test func `a secret in the environment is taken from there`() throws {
    #expect(try read(corbado("{env: SECRET}")).settings.corbado.credential.secret.bytes == Array("corbado1_abc".utf8))
  }

  @Test(arguments: [
    ("{env: MISSING}", "the environment has no 'MISSING'"), ("{env: EMPTY}", "'EMPTY' is empty"),
    ("{env: TWO}", "visible ASCII"),
    ("{file: no-such-file}", "'no-such-file' cannot be read: No such file or directory"),
    ("{file: /}", "cannot be read"),
    ("{file: a, env: SECRET}", "only one of them"), ("{}", "only one of them"), ("{value: x}", "only one of them"),
    ("[x]", "expected {file: PATH}"),
    ("null", "is missing: {file: PATH}"), ("{file: 1}", "found a number"), ("{env: null}", "found nothing"),
  ])
  func `a secret that is not there is refused with what is missing`(secret: String, message: String) {
    #expect(problem(corbado(secret)).contains(message), "\(problem(corbado(secret)))")
  }

  @Test(arguments: [
    "corbado1_supersecret", "\"corbado1_supersecret\"", "|\n    corbado1_supersecret", "{corbado1_supersecret: x}",
    "[corbado1_supersecret]", "{value: corbado1_supersecret}",
  ])
  func `an inline secret is refused and not repeated`(secret: String) {
    let text = problem(corbado(secret))
    #expect(!text.isEmpty)
    #expect(!text.contains("supersecret"))
  }

  @Test(arguments: ["{env: PAIR}", "{env: PLAINPAIR}"])
  func `the pair of the seed is told from the bare secret`(secret: String) {
    let text = problem(corbado(secret))
    #expect(text.contains("corbado.apiSecret: holds the pair"))
    #expect(!text.contains("corbado1_abc") && !text.contains("cHJv"))
  }

  @Test(arguments: [
    ("basic: {env: PAIR}", ""), ("bearer: {env: OTHER}", ""),
    ("basic: {env: SECRET}", "corbado.basic: holds something other than base64(projectID:secret)"),
    ("basic: {env: PLAINPAIR}", "corbado.basic: holds something other"),
    ("basic: {env: OTHERPAIR}", "corbado.basic: holds the pair of another project"),
    ("bearer: {env: PAIR}", "corbado.bearer: holds the pair"),
    ("basic: {env: PAIR}, apiSecret: {env: SECRET}", "corbado.basic: stands beside apiSecret"),
    ("basic: corbado1_abc", "corbado.basic: a secret never stands in the configuration"),
    ("basic: {env: MISSING}", "the environment has no 'MISSING'"),
    ("timeout: 5s", "corbado.apiSecret: is missing"),
  ])
  func `of the three forms one is taken, and each is held to what it is`(line: String, message: String) {
    let found = problems(changed("corbado: {projectID: pro-123, \(line)}"))
    #expect(found.count == (message.isEmpty ? 0 : 1))
    #expect(message.isEmpty || found.first?.contains(message) == true, "\(found)")
  }

  @Test func `a secret of another form is accepted with a warning`() throws {
    #expect(try read(corbado("{env: OTHER}")).warnings.map(\.key).contains("corbado.apiSecret"))
  }

  @Test func `no way of printing shows a secret`() throws {
    let loaded = try read(good)
    var dumped = ""
    dump(loaded, to: &dumped)
    #expect(!(dumped + "\(loaded) \(String(reflecting: loaded))").contains("corbado1_abc"))
  }
}
