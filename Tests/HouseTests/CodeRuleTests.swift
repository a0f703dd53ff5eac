import Foundation
import Testing

@Suite struct CodeRuleTests {
  /// Files beyond 400 lines, with what is gained by keeping them in one piece.
  static let longFiles: [String: String] = [:]

  @Test func `there are sources to judge`() {
    #expect(Project.sources.count > 100)
  }

  @Test func `what the compiler cannot check stands in the listed files only`() {
    let found = Project.sources.filter { file in
      file.words.contains { word in
        word.text == "unsafe" || word.text == "OpaquePointer"
          || ["Unsafe", "withUnsafe", "unsafe"].contains { word.text.hasPrefix($0) && word.text.count > $0.count }
      }
    }
    let listed = UnsafeFiles.list.values.flatMap(\.self)
    #expect(listed.count == Set(listed).count)
    #expect(Set(found.map(\.path)).subtracting(listed) == [], "not listed")
    #expect(Set(listed).subtracting(found.map(\.path)) == [], "listed without need")
  }

  @Test func `the process is ended in the listed files only`() {
    let enders: Set = ["fatalError", "precondition", "preconditionFailure", "assertionFailure", "abort"]
    let found = Project.sources.filter { file in
      file.words.contains { $0.next == UInt8(ascii: "(") && enders.contains($0.text) }
    }
    #expect(Set(found.map(\.path)) == Set(Traps.list.keys))
  }

  @Test(arguments: Project.sources) func `nothing is forced and nothing is left for later`(_ file: SourceFile) {
    let forced = file.places { $0.next == UInt8(ascii: "!") && ($0.text == "try" || $0.text == "as") }
    #expect(forced == [])
    let later = file.lines.filter { line in ["TODO", "FIXME"].contains { line.contains($0) } }
    #expect(later == [])
  }

  @Test(arguments: Project.sources) func `a promise to the compiler has its argument directly above`(_ file: SourceFile) {
    // A promise is `@unchecked Sendable` or `nonisolated(unsafe)`.
    for (word, following) in zip(file.words, file.words.dropFirst()) {
      let isPromise = word.text == "unchecked" && following.text == "Sendable"
        || word.text == "nonisolated" && following.text == "unsafe"
      guard isPromise else { continue }
      let above = word.line > 1 ? file.lines[word.line - 2] : ""
      #expect(above.trimmingCharacters(in: .whitespaces).hasPrefix("//"), "\(file.path):\(word.line)")
    }
  }

  @Test func `a file beyond 400 lines has a reason`() {
    // The last line's end makes one more piece.
    let long = Project.sources.filter { $0.lines.count - 1 > 400 }
    #expect(Set(long.map(\.path)) == Set(Self.longFiles.keys))
  }

  @Test(arguments: ["passkey-sidecar", "passkey-sidecar-demo"]) func `an executable's main file is short`(_ target: String) throws {
    let file = try #require(Project.sources.first { $0.path == target + "/Main.swift" })
    #expect(file.lines.count - 1 < 100)
  }
}
