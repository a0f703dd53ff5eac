import Foundation

/// The checkout that the tests were built from.
enum Project {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String { try String(contentsOf: root.appending(path: path), encoding: .utf8) }

  /// Paths of all files beneath the root that belong to the project, relative to it, in order.
  static func files() throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: root.path)
      .filter { !$0.hasPrefix(".git/") && !$0.hasPrefix(".build") && !$0.contains("/.build") }.sorted()
  }

  static let sources: [SourceFile] = (try? files().compactMap { path in
    guard path.hasPrefix("Sources/"), path.hasSuffix(".swift") else { return nil }
    return SourceFile(path: String(path.dropFirst("Sources/".count)), text: try text(path))
  }) ?? []

  /// The tables of a Markdown file: for each row its cells, heads and rules left out.
  static func rows(of path: String, columnCount: Int) throws -> [[String]] {
    try text(path).components(separatedBy: "\n").filter { $0.hasPrefix("|") }.map { line in
      line.dropFirst().dropLast().components(separatedBy: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    }.filter { $0.count == columnCount && !$0[0].hasPrefix("---") }
  }

  /// What stands between back quotes in a cell.
  static func quoted(_ cell: String) -> [String] {
    cell.components(separatedBy: "`").enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
  }
}

struct SourceFile: Sendable, CustomStringConvertible {
  /// Beneath `Sources`.
  let path: String
  let lines: [String]
  /// The code's words, without those of comments and of literals.
  let words: [Word]

  init(path: String, text: String) {
    self.path = path
    lines = text.components(separatedBy: "\n")
    words = Word.all(in: Array(text.utf8))
  }

  var target: String { String(path.prefix { $0 != "/" }) }
  var description: String { path }

  func places(where matches: (Word) -> Bool) -> [String] {
    words.filter(matches).map { "\(path):\($0.line): \($0.text)" }
  }
}

/// A name or keyword with the byte that follows it.
struct Word: Sendable {
  let text: String
  let line: Int
  let next: UInt8

  /// Walks over the bytes once; regular expressions over all sources take minutes.
  static func all(in bytes: [UInt8]) -> [Word] {
    var words: [Word] = []
    var line = 1
    var index = 0
    func begins(_ text: StaticString, at index: Int) -> Bool {
      let text = Array(text.description.utf8)
      return index + text.count <= bytes.count && Array(bytes[index..<index + text.count]) == text
    }
    while index < bytes.count {
      let byte = bytes[index]
      if byte == UInt8(ascii: "\n") { line += 1 }
      if byte == UInt8(ascii: "/"), begins("//", at: index) {
        while index < bytes.count, bytes[index] != UInt8(ascii: "\n") { index += 1 }
      } else if byte == UInt8(ascii: "\"") {
        let isLong = begins("\"\"\"", at: index)
        index += isLong ? 3 : 1
        while index < bytes.count, !(isLong ? begins("\"\"\"", at: index) : bytes[index] == UInt8(ascii: "\"")) {
          if bytes[index] == UInt8(ascii: "\n") { line += 1 }
          index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        index += isLong ? 3 : 1
      } else if isPart(byte) {
        let start = index
        while index < bytes.count, isPart(bytes[index]) { index += 1 }
        let next = index < bytes.count ? bytes[index] : 0
        words.append(Word(text: String(decoding: bytes[start..<index], as: UTF8.self), line: line, next: next))
      } else {
        index += 1
      }
    }
    return words
  }

  private static func isPart(_ byte: UInt8) -> Bool {
    byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A || byte >= 0x30 && byte <= 0x39 || byte == UInt8(ascii: "_") || byte >= 0x80
  }
}
