import Foundation
import Testing

/// The table of Sources/README.md, Package.swift and the import lines say the same.
@Suite struct ImportTests {
  struct Entry {
    var own: Set<String>
    var system: Set<String>
  }

  static let table: [String: Entry] = {
    var table: [String: Entry] = [:]
    for row in (try? Project.rows(of: "Sources/README.md", columnCount: 4)) ?? [] {
      guard let target = Project.quoted(row[0]).first else { continue }
      table[target] = Entry(own: Set(Project.quoted(row[2])), system: Set(Project.quoted(row[3])))
    }
    return table
  }()

  /// Outside Transport, the few files that may call the system themselves, and why.
  static let systemCallers = [
    "Settings/SettingsSources.swift": "reads the environment and asks whether a folder is writable",
    "StateStore/SQLite/SQLiteFile.swift": "the store's file must be its user's alone",
    "Telemetry/LineWriter.swift": "writes to standard output and error, from a thread",
    "Telemetry/Timestamp.swift": "reads the wall clock for the event log",
    "passkey-sidecar/Main.swift": "the exit code and the output of commands",
  ]

  struct Import {
    let module: String
    let isInternal: Bool
  }

  private static func imports(of file: SourceFile) -> [Import] {
    let kinds: Set<Substring> = ["class", "struct", "enum", "protocol", "func", "var", "let", "typealias"]
    let levels: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
    return file.lines.compactMap { line in
      guard line.utf8.count > 7, line.hasSuffix("{") == false else { return nil }
      var words = line.split(separator: " ")[...]
      var isInternal = true
      while let word = words.first, word != "import" {
        guard levels.contains(word) || word.hasPrefix("@") else { return nil }
        if word == "public" || word == "package" { isInternal = false }
        words.removeFirst()
      }
      words = words.dropFirst()
      if let kind = words.first, kinds.contains(kind) { words.removeFirst() }
      guard let module = words.first else { return nil }
      return Import(module: String(module.prefix { $0 != "." }), isInternal: isInternal)
    }
  }

  @Test func `the table names every target, and no other`() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Project.root.appending(path: "Sources").path)
    #expect(Set(Self.table.keys) == Set(folders).subtracting(["README.md"]))
  }

  @Test func `the package declares for each target what the table allows`() throws {
    let package = try Project.text("Package.swift")
    var declared: [String: Set<String>] = [:]
    let forms = [
      try Regex(#"room\("([\w-]+)", \[([^\]]*)\]"#), try Regex(#"executableTarget\(name: "([\w-]+)", dependencies: \[([^\]]*)\]"#),
    ]
    for match in forms.flatMap({ package.matches(of: $0) }) {
      let names = String(match.output[2].substring ?? "").components(separatedBy: "\"").enumerated()
        .filter { $0.offset % 2 == 1 }.map(\.element)
      declared[String(match.output[1].substring ?? "")] = Set(names)
    }
    let allowed = Self.table.filter { !$0.key.hasPrefix("C") }.mapValues(\.own)
    #expect(!allowed.isEmpty)
    #expect(declared == allowed)
  }

  @Test(arguments: Project.sources) func `a file imports only what its target may`(_ file: SourceFile) throws {
    let entry = try #require(Self.table[file.target])
    for item in Self.imports(of: file) {
      #expect(entry.own.union(entry.system).contains(item.module), "\(file.path) imports \(item.module)")
    }
  }

  @Test func `each C library is imported by one target, and never shown to others`() {
    let libraries = Set(Self.table.keys.filter { $0.first == "C" })
    var owners: [String: Set<String>] = [:]
    for file in Project.sources {
      for item in Self.imports(of: file) where libraries.contains(item.module) {
        owners[item.module, default: []].insert(file.target)
        #expect(item.isInternal, "\(file.path) shows \(item.module)")
      }
    }
    #expect(Set(owners.keys) == libraries)
    #expect(owners.filter { $0.value.count != 1 }.isEmpty)
  }

  @Test func `outside Transport and the demo only the listed files call the system`() {
    let callers = Project.sources.filter { file in
      file.target != "Transport" && file.target != "passkey-sidecar-demo"
        && Self.imports(of: file).contains { $0.module == "Glibc" }
    }
    #expect(Set(callers.map(\.path)) == Set(Self.systemCallers.keys))
  }

  @Test func `the product does without Foundation`() {
    let users = Project.sources.filter { file in
      Self.imports(of: file).contains { $0.module.hasPrefix("Foundation") } && file.target != "passkey-sidecar-demo"
    }
    #expect(users.isEmpty)
    let demo = Project.sources.flatMap(Self.imports).filter { $0.module.hasPrefix("Foundation") }
    #expect(Set(demo.map(\.module)).isSubset(of: ["FoundationEssentials"]))
  }
}
