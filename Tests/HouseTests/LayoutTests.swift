import Foundation
import Testing

@Suite struct LayoutTests {
  static let entries: Set = [
    ".ci", ".dockerignore", ".gitignore", "Dockerfile", "Package.swift", "README.md", "Sources", "Tests", "config",
  ]

  private static func ignored() throws -> [String] {
    try Project.text(".gitignore").components(separatedBy: "\n").filter { !$0.isEmpty && !$0.hasPrefix("#") }
      .map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } + [".git"]
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool { unsafe fnmatch(pattern, name, 0) == 0 }

  @Test func `the top of the tree holds exactly what is expected there`() throws {
    let ignored = try Self.ignored()
    let names = try FileManager.default.contentsOfDirectory(atPath: Project.root.path)
      .filter { name in !ignored.contains { Self.matches(name, $0) } }
    #expect(Set(names) == Self.entries)
  }

  @Test(arguments: [".ci/run", "Tests/run.sh", "config/demo/run.sh"]) func `a script can be run`(_ path: String) {
    #expect(FileManager.default.isExecutableFile(atPath: Project.root.appending(path: path).path))
  }

  @Test func `every target has tests of its own`() throws {
    let targets = ImportTests.table.keys.filter { $0.first != "C" && !$0.hasPrefix("passkey-sidecar") }
    let tests = try FileManager.default.contentsOfDirectory(atPath: Project.root.appending(path: "Tests").path)
    #expect(Set(targets.map { $0 + "Tests" }).subtracting(tests) == [])
  }

  /// Paths of one machine mean nothing to whoever reads the project.
  @Test func `nothing speaks of the machine that it was written on`() throws {
    let marks = ["/home/", "/Users/", "/root/", Project.root.path + "/"].map { Data($0.utf8) }
    let paths = try Project.files().filter { path in
      !path.hasPrefix("Tests/Vectors") && path != "Tests/HouseTests/LayoutTests.swift"
    }
    #expect(paths.count > 200)
    for path in paths {
      guard let content = try? Data(contentsOf: Project.root.appending(path: path)) else { continue }
      #expect(!marks.contains { content.range(of: $0) != nil }, "\(path)")
    }
  }
}
