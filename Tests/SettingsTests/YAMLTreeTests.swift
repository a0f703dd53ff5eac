import Testing

@testable import Settings

@Suite struct YAMLTreeTests {
  private func messages(_ text: String) -> [String] { YAMLTree(Array(text.utf8)).problems.map(\.message) }

  @Test func `nodes carry their places, counted from one and in characters`() throws {
    let tree = YAMLTree(Array("a: 1\nbä:\n  - x\n  - {c: d}\n".utf8))
    #expect(tree.problems.isEmpty)
    guard case .mapping(let entries) = tree.root?.content, case .sequence(let elements) = entries[1].value.content,
      case .mapping(let inner) = elements[1].content
    else {
      Issue.record("another shape")
      return
    }
    #expect(entries[1].keyPosition == Position(line: 2, column: 1))
    #expect(elements[0].position == Position(line: 3, column: 5))
    #expect(inner[0].keyPosition == Position(line: 4, column: 6))
    #expect(inner[0].value.position == Position(line: 4, column: 9))
  }

  @Test func `a byte order mark before the text is none of it`() {
    let tree = YAMLTree([0xEF, 0xBB, 0xBF] + Array("a: 1\nb: 2\n".utf8))
    #expect(tree.problems.isEmpty)
    guard case .mapping(let entries) = tree.root?.content else { Issue.record("no mapping"); return }
    #expect(entries.map(\.key) == ["a", "b"])
    #expect(entries[0].keyPosition == Position(line: 1, column: 1))
  }

  @Test(arguments: [
    ("a: &x 1", "anchors"), ("a: &x {b: 1}", "anchors"), ("&x a: 1", "anchors"), ("a: *x", "aliases"),
    ("a: !!str 1", "tags"), ("a: !t [1]", "tags"), ("a: ! x", "tags"), ("a: 1\n---\nb: 1", "second document"),
    ("a: 1\na: 2", "a second time"), ("{a: 1, \"a\": 2}", "a second time"), ("? [a]\n: 1", "a key must be text"),
    ("? {a: b}\n: 1", "a key must be text"), ("null: 1", "a key must be text"), ("~: 1", "a key must be text"),
  ])
  func `what other tools read in other ways is refused`(text: String, message: String) {
    #expect(messages(text).contains { $0.contains(message) }, "\(messages(text))")
  }

  @Test func `everything that is refused is reported, not only the first`() {
    #expect(messages("a: &x 1\nb: !!str 2\na: 3\nc: *x\n").count == 4)
  }

  @Test(arguments: [
    "a: [1", "a: b: c", "\ta: 1", "a: \"x", "a: 'x", "a: @x", "- a\nb: c", "%YAML 9.9\n---\na: 1",
    "a: |\n b\n\tc: d\n  - [",
  ])
  func `what is not YAML has one place`(text: String) {
    let tree = YAMLTree(Array(text.utf8))
    #expect(tree.root == nil)
    #expect(tree.problems.count == 1)
    #expect(tree.problems.first.map { $0.position.line >= 1 && $0.position.column >= 1 } == true)
  }

  @Test func `ill-formed UTF-8 and control bytes are refused where they stand`() {
    // Of a sequence that breaks off the library names the byte that does not belong to it.
    for (bytes, column): ([UInt8], Int) in [
      ([0xFF], 4), ([0xC3, 0x28], 5), ([0x00], 4), ([0xED, 0xA0, 0x80], 4), ([0x07], 4),
    ] {
      let tree = YAMLTree(Array("a: 1\nb: ".utf8) + bytes)
      #expect(tree.root == nil)
      #expect(tree.problems.map(\.position) == [Position(line: 2, column: column)], "\(bytes)")
    }
  }

  @Test func `UTF-16 is not guessed`() {
    #expect(YAMLTree([0xFF, 0xFE, 0x61, 0x00, 0x3A, 0x00]).root == nil)
  }

  @Test func `deep nesting is refused before it costs anything`() {
    #expect(messages(String(repeating: "[", count: 100_000)) == ["it is nested too deeply"])
    #expect(messages(String(repeating: "{a: ", count: 100_000)) == ["it is nested too deeply"])
  }

  @Test(arguments: ["", "# only a comment\n", "---\n", "--- \n...\n"])
  func `a file without content has no tree or an empty scalar`(text: String) {
    let root = YAMLTree(Array(text.utf8)).root
    #expect(root == nil || root?.isNull == true)
  }
}

@Suite struct NodeTests {
  // The examples of YAML 1.2.2 §10.3 and their neighbours.
  @Test(arguments: [
    ("0", true), ("0o7", true), ("0x3A", true), ("-19", true), ("+12.3", true), ("0.", true), (".5", true),
    ("+12e03", true),
    ("-2E+05", true), (".inf", true), ("-.Inf", true), (".NAN", true), ("", false), (".", false), ("1e", false),
    ("e1", false),
    ("1.2.3", false), ("1_000", false), ("0x", false), ("0o8", false), ("-", false), ("12s", false), ("yes", false),
    ("127.0.0.1", false), ("1:30", false),
  ])
  func `numbers are those of the core schema`(text: String, isNumber: Bool) {
    #expect(Node.Scalar(text: text, isPlain: true).isNumber == isNumber)
    #expect(!Node.Scalar(text: text, isPlain: false).isNumber)
  }
}
