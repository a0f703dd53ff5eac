import Foundation
import JOSE
import TestPeers
import Testing

@Suite struct JSONParserTests {
  @Test(arguments: [
    "{}", "[]", "null", "true", "false", "0", "-0", "\"\"", " [ ] ", "\t{\r\n}\n", "[1,2]", "[[[[]]]]",
    #"{"a":{"b":[]}}"#,
    #"{"":0}"#, #"["\u0000"]"#, #"["\"\\\/\b\f\n\r\t"]"#, #"["\uD83D\uDE00"]"#, "[\"\u{1F600}\"]", "[\"\u{7F}\"]",
    "[1.5]", "[1e10]", "[1E+10]", "[1e-10]", "[-1.5e3]", "[9223372036854775807]", "[-9223372036854775808]", "[1e307]",
    "[0e99999]", "[0.0000]", #"{"a":1,"A":2}"#, "[\"\u{10FFFF}\"]", "[\"\u{FFFF}\"]",
  ])
  func `strict JSON is accepted`(text: String) throws {
    _ = try JSONDocument(text)
  }

  @Test(arguments: [
    ("", JSONError.syntax), (" ", .syntax), ("{", .syntax), ("[", .syntax), ("{]", .syntax), ("[}", .syntax),
    ("]", .syntax),
    ("[1,]", .syntax), ("[,1]", .syntax), ("[1 2]", .syntax), (#"{"a":1,}"#, .syntax), (#"{"a"}"#, .syntax),
    (#"{"a":}"#, .syntax), (#"{a:1}"#, .syntax), (#"{'a':1}"#, .syntax), (#"{1:1}"#, .syntax), (#"{"a" 1}"#, .syntax),
    (#"{"a":1 "b":2}"#, .syntax), (#"{"a":1}}"#, .syntax), ("[]x", .syntax), ("{}{}", .syntax), ("{} []", .syntax),
    ("tru", .syntax), ("True", .syntax), ("nul", .syntax), ("nan", .syntax), ("NaN", .syntax), ("Infinity", .syntax),
    ("-", .syntax), ("+1", .syntax), ("01", .syntax), ("-01", .syntax), ("1.", .syntax), (".5", .syntax),
    ("1e", .syntax),
    ("1e+", .syntax), ("1.e1", .syntax), ("0x10", .syntax), ("1_000", .syntax), ("--1", .syntax), ("1-", .syntax),
    ("1e1e1", .syntax), ("1.2.3", .syntax), ("\"", .syntax), ("\"a", .syntax), (#""\"#, .syntax), (#""\""#, .syntax),
    (#""\x""#, .syntax), (#""\u""#, .syntax), (#""\u12""#, .syntax), (#""\u12g4""#, .syntax), (#""\U0041""#, .syntax),
    (#""\'""#, .syntax), ("\"\n\"", .syntax), ("\"\t\"", .syntax), ("\"\u{0}\"", .syntax), ("\"\u{1F}\"", .syntax),
    ("\u{FEFF}{}", .syntax), ("// a\n{}", .syntax), ("/**/{}", .syntax), ("\u{A0}{}", .syntax), ("{}\u{0}", .syntax),
    (#""\uD800""#, .loneSurrogate), (#""\uDC00""#, .loneSurrogate), (#""\uD800\uD800""#, .loneSurrogate),
    (#""\uD800x""#, .loneSurrogate), (#""\uD800\n""#, .loneSurrogate), (#""\uDC00\uD800""#, .loneSurrogate),
    ("9223372036854775808", .numberOutOfRange), ("-9223372036854775809", .numberOutOfRange),
    ("1e308", .numberOutOfRange), ("1e400", .numberOutOfRange), ("-1e400", .numberOutOfRange),
    ("1e-400", .numberOutOfRange), ("123456789e9999999999999999999", .numberOutOfRange),
    ("1e-99999999999999", .numberOutOfRange),
    ("0." + String(repeating: "1", count: 200), .numberOutOfRange),
    (#"{"a":1,"a":1}"#, .duplicateMember), (#"{"a":1,"\u0061":2}"#, .duplicateMember),
    (#"{"":1,"":2}"#, .duplicateMember),
    (#"{"x":{"a":1,"b":2,"a":3}}"#, .duplicateMember), (#"[{"a":1,"b":{"a":1},"a":2}]"#, .duplicateMember),
  ])
  func `anything else is refused`(text: String, error: JSONError) {
    #expect(throws: error) { try JSONDocument(text) }
  }

  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF],
      [0xE2, 0x82],
      [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
      [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    ] as [[UInt8]])
  func `what is not UTF-8 is refused`(sequence: [UInt8]) {
    let text = bytes("\"") + sequence + bytes("\"")
    #expect(throws: JSONError.invalidUTF8) { try JSONDocument(text.span) }
  }

  @Test func `all scalars survive, written plainly or escaped`() throws {
    for value in stride(from: UInt32(0x20), through: 0x10FFFF, by: 61) {
      guard let scalar = Unicode.Scalar(value), scalar != "\"", scalar != "\\" else { continue }
      let text = String(scalar)
      let escaped = text.utf16.map { "\\u" + String(UInt32($0) + 0x10000, radix: 16).dropFirst() }.joined()
      let document = try JSONDocument("[\"\(text)\",\"\(escaped)\"]")
      for element in document.elements(of: document.root) {
        #expect(document.string(element).map { Array($0.utf8) } == Array(text.utf8))
      }
    }
  }

  @Test func `nesting is bounded`() throws {
    func nested(_ count: Int) -> String {
      String(repeating: "[", count: count) + String(repeating: "]", count: count)
    }
    _ = try JSONDocument(nested(32))
    #expect(throws: JSONError.tooDeep) { try JSONDocument(nested(33)) }
    #expect(throws: JSONError.tooDeep) { try JSONDocument(String(repeating: "[", count: 60_000)) }
    #expect(throws: JSONError.tooDeep) { try JSONDocument(String(repeating: #"{"a":"#, count: 10_000)) }
  }

  @Test func `size is bounded`() throws {
    _ = try JSONDocument("[1]   ", limits: JSONLimits(textBytes: 6))
    #expect(throws: JSONError.tooLarge) { try JSONDocument("[1]    ", limits: JSONLimits(textBytes: 6)) }
  }

  @Test(arguments: [2, 8, 9, 10, 1000])
  func `a duplicate is found among any number of members`(count: Int) throws {
    let members = (0..<count).map { "\"m\($0)\":{\"m\($0)\":0}" }
    _ = try JSONDocument("{\(members.joined(separator: ","))}")
    for repeated in [0, count / 2, count - 1] {
      let text = "{\((members + ["\"m\(repeated)\":1"]).joined(separator: ","))}"
      #expect(throws: JSONError.duplicateMember) { try JSONDocument(text) }
    }
  }

  @Test func `a failed parse leaves nothing behind`() throws {
    var document = try JSONDocument(#"{"a":1}"#)
    let text = bytes(#"{"b":2,"#)
    #expect(throws: JSONError.syntax) { try document.parse(text.span) }
    #expect(document.member("a") == nil)
    #expect(document.member("b") == nil)
    #expect(document.kind(of: document.root) == nil)
  }

  /// Every text of up to five of these bytes. Foundation takes a comma before `]`, which RFC 8259 does not.
  @Test func `short texts are judged as Foundation judges them`() throws {
    let alphabet = bytes("[]{},:\"1 ")
    var texts: [[UInt8]] = [[]]
    for _ in 0..<5 {
      texts = texts.flatMap { text in alphabet.map { text + [$0] } }
      for text in texts {
        let isAccepted = (try? JSONDocument(text.span)) != nil
        let isAcceptedByFoundation =
          (try? JSONSerialization.jsonObject(with: Data(text), options: .fragmentsAllowed)) != nil
        let hasTrailingComma = String(decoding: text, as: UTF8.self).replacing(" ", with: "").contains(",]")
        if isAccepted != isAcceptedByFoundation, isAccepted || !hasTrailingComma {
          Issue.record("\(String(decoding: text, as: UTF8.self)): accepted \(isAccepted)")
        }
      }
    }
  }
}

@Suite struct JSONDocumentTests {
  static let text = #"{"s":"a\u00e9b","n":-12,"f":1.50,"t":true,"z":null,"l":[1,[2,3],{"x":4},5],"o":{"p":{"q":"r"}}}"#

  @Test func `values are found with their kinds`() throws {
    let document = try JSONDocument(Self.text)
    func node(_ name: String) throws -> JSONDocument.Node { try #require(document.member(name)) }
    #expect(try document.string(node("s")) == "aéb")
    #expect(try document.integer(node("n")) == -12)
    #expect(try document.integer(node("f")) == nil)
    #expect(try document.numberRange(node("f")).map { Array(document.bytes[$0]) } == bytes("1.50"))
    #expect(try document.boolean(node("t")) == true)
    #expect(try document.kind(of: node("z")) == .null)
    #expect(try document.string(node("n")) == nil)
    #expect(try document.integer(node("s")) == nil)
    #expect(document.member("S") == nil)
  }

  @Test func `nested values are stepped over`() throws {
    let document = try JSONDocument(Self.text)
    let list = try #require(document.member("l"))
    #expect(document.count(of: list) == 4)
    #expect(document.elements(of: list).map { document.kind(of: $0) } == [.number, .array, .object, .number])
    #expect(
      document.members(of: document.root).map { document.string($0.name) } == ["s", "n", "f", "t", "z", "l", "o"])
  }

  @Test func `strings are equal byte for byte, not by Unicode equivalence`() throws {
    let document = try JSONDocument("[\"\u{E9}\",\"e\u{301}\"]")
    let elements = Array(document.elements(of: document.root))
    #expect(document.isString(elements[0], equalTo: "\u{E9}"))
    #expect(!document.isString(elements[1], equalTo: "\u{E9}"))
  }

  @Test func `an empty document has nothing`() {
    let document = JSONDocument()
    #expect(document.kind(of: document.root) == nil)
    #expect(document.member("a") == nil)
    #expect(Array(document.elements(of: document.root)).isEmpty)
  }
}

@Suite struct ClaimPathTests {
  static let document = Result {
    try JSONDocument(
      #"""
      {"sub":"u","a":{"b":{"c":1}},"realm_access":{"roles":["x"]},"https://a.example/roles":["y"],
       "https://a.example/claims":{"role":"z"},"p.q":1,"p":{"q":2},"m":{"n":1}}
      """#)
  }

  @Test(
    arguments: [
      ("sub", "\"u\""), ("a.b.c", "1"), ("realm_access.roles", "[\"x\"]"), ("https://a.example/roles", "[\"y\"]"),
      ("https://a.example/claims.role", "\"z\""), ("a.b", "{\"c\":1}"),
    ] as [(String, String)])
  func `a path leads to a value, also through names with dots`(path: String, value: String) throws {
    let document = try Self.document.get()
    let claimPath = try #require(ClaimPath(path))
    let node = try #require(document.node(at: claimPath))
    var writer = JSONWriter()
    writer.value(node, of: document)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == value)
  }

  @Test(arguments: ["x", "a.x", "sub.x", "a.b.c.d", ".", "a.", ".a", "a..b", "m.n.", "p.q"])
  func `a path that leads nowhere, or to two values, finds nothing`(path: String) throws {
    let document = try Self.document.get()
    let claimPath = try #require(ClaimPath(path))
    #expect(document.node(at: claimPath) == nil)
  }

  @Test func `a path is not empty and has few dots`() {
    #expect(ClaimPath("") == nil)
    #expect(ClaimPath("a.b.c.d.e.f.g.h.i") != nil)
    #expect(ClaimPath("a.b.c.d.e.f.g.h.i.j") == nil)
  }
}
