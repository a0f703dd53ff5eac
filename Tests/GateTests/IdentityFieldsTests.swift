import HTTP
import Testing

@testable import Gate

@Suite struct `Identity fields` {
  /// The fields that a token with these claims brings, or the reason why it is refused.
  static func fields(_ map: [IdentityField], _ claims: String, subject: String = "alice") -> [String] {
    var fixture = Fixture { $0.identityFields = map }
    let head = RequestHead(bearer: Fixture.token(subject: subject, extra: claims))
    guard let lines = fixture.forwarded(head) else { return ["\(fixture.outcome(head))"] }
    return lines.filter { $0.hasPrefix("x-") && !$0.hasPrefix("x-forwarded-") }
  }

  static func value(_ json: String, _ format: IdentityField.Format = .text(separator: ",")) -> String? {
    let fields = fields([IdentityField(name: "X-Value", claim: "value", format: format)], #""value":\#(json)"#)
    return fields.first
  }

  @Test func `claims go where the map says, in its order`() {
    let map = [
      IdentityField(name: "X-User-ID", claim: "sub"), IdentityField(name: "X-User-Email", claim: "email"),
      IdentityField(name: "X-Org", claim: "org.name"), IdentityField(name: "X-Missing", claim: "nothing"),
    ]
    let fields = Self.fields(map, #""email":"a@example.com","org":{"name":"ACME"}"#)
    #expect(fields == ["x-user-id: alice", "x-user-email: a@example.com", "x-org: ACME"])
  }

  @Test(arguments: [
    (#""plain""#, "plain"), (#""a b""#, "a b"), (#"" a ""#, "%20a%20"), (#""%41""#, "%2541"), (#""é""#, "%C3%A9"),
    (#""a\tb""#, "a%09b"), (#""a\u007fb""#, "a%7Fb"), (#""~!@#$^&*()""#, "~!@#$^&*()"), ("7", "7"), ("-1.50", "-1.50"),
    ("true", "true"), ("false", "false"), (#""""#, ""), (#""\u0001""#, "%01"), (#"" ""#, "%20"),
    (#"["a","b"]"#, "a,b"), (#"["a",1,true]"#, "a,1,true"), ("[]", ""), (#"["é"," b "]"#, "%C3%A9, b%20"),
  ])
  func `values as text`(json: String, expected: String) {
    #expect(Self.value(json) == "x-value: \(expected)")
  }

  @Test(arguments: [
    #""a\rb""#, #""a\nb""#, #""a\u0000b""#, #"["a","b\nc"]"#, #"["a,b"]"#, #"["a",","]"#, #"{"a":1}"#, #"[["a"]]"#,
    "[null]", #"[{"a":1}]"#,
  ])
  func `values without a form as text are refused`(json: String) {
    #expect(Self.value(json) == "refused: claimInvalid")
  }

  @Test(arguments: [
    (#"["a","b"]"#, #"["a","b"]"#), (#"{"a":[1,{"b":null}]}"#, #"{"a":[1,{"b":null}]}"#), (#""é%""#, #""%C3%A9%25""#),
    (#""a\nb""#, #""a\nb""#), ("1.0", "1.0"),
  ])
  func `values as JSON`(json: String, expected: String) {
    #expect(Self.value(json, .json) == "x-value: \(expected)")
  }

  @Test func `a claim that is null or missing leaves no field`() {
    #expect(Self.value("null") == nil)
    #expect(Self.fields([IdentityField(name: "X-Value", claim: "value")], "") == [])
  }

  @Test func `a separator of several bytes`() {
    #expect(Self.value(#"["a","b,c"]"#, .text(separator: ", ")) == "x-value: a, b,c")
    #expect(Self.value(#"["a, b"]"#, .text(separator: ", ")) == "refused: claimInvalid")
    #expect(Self.value(#"["a b"]"#, .text(separator: " ")) == "refused: claimInvalid")
    #expect(Self.value(#"["","a"]"#, .text(separator: " ")) == "refused: claimInvalid")
  }

  @Test func `a subject that cannot be a value is refused`() {
    #expect(
      Self.fields([IdentityField(name: "X-User-ID", claim: "sub")], "", subject: #"a\nb"#) == ["refused: claimInvalid"])
  }

  @Test func `an encoded value is never anything but one line of visible ASCII`() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<300 {
      let scalars = (0..<Int.random(in: 0..<8, using: &generator)).map { _ in
        Unicode.Scalar(UInt32.random(in: 1..<0x300, using: &generator)) ?? "a"
      }
      let json = #"""# + scalars.map { String(format: $0) }.joined() + #"""#
      guard let line = Self.value(json), !line.hasPrefix("refused") else { continue }
      let value = Array(line.utf8.dropFirst("x-value: ".utf8.count))
      #expect(value.allSatisfy { (0x20...0x7E).contains($0) })
      #expect(value.first != 0x20 && value.last != 0x20)
      #expect(percentDecoded(value) == scalars.map { String(Character($0)) }.joined())
    }
  }

  private func percentDecoded(_ bytes: [UInt8]) -> String {
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%") {
        result.append(UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)!)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension String {
  /// A scalar below U+0300 as a JSON escape.
  fileprivate init(format scalar: Unicode.Scalar) {
    let hexadecimal = String(scalar.value, radix: 16)
    self = #"\u"# + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
  }
}
