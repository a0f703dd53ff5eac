import Testing

@testable import passkey_sidecar_demo

@Suite struct DemoVocabularyTests {
  // MARK: Base64 (RFC 4648, section 10)

  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
  ])
  func `base64 is as RFC 4648 has it`(plain: String, encoded: String) {
    #expect(Base64.encoded(Array(plain.utf8)) == encoded)
    #expect(Base64.decoded(encoded) == Array(plain.utf8))
    let unpadded = encoded.filter { $0 != "=" }
    #expect(Base64.urlEncoded(Array(plain.utf8)) == unpadded)
    #expect(Base64.urlDecoded(unpadded) == Array(plain.utf8))
  }

  @Test(arguments: ["Zg==", "Zh", "Z", "Z+8", "Zm9v\n", "Zm 9"])
  func `base64url with padding, spare bits or foreign characters is refused`(text: String) {
    #expect(Base64.urlDecoded(text) == nil)
  }

  @Test func `every byte survives base64url`() {
    let all = (0...255).map(UInt8.init)
    #expect(Base64.urlDecoded(Base64.urlEncoded(all)) == all)
    #expect(Base64.urlEncoded([0xFB, 0xEF, 0xFF]) == "--__")
  }

  // MARK: JSON

  @Test(
    arguments: [
      (#"{"a":[1,-2,0.5,"x",true,false,null,{}]}"#, ["a": [1, -2, .number(0.5), "x", true, false, nil, [:]]]),
      (#" "\u00fc\ud83d\ude00\n" "#, "ü😀\n"), ("9223372036854775807", .integer(.max)), ("1e2", .number(100)),
    ] as [(String, JSON)])
  func `a text is read`(text: String, value: JSON) throws {
    #expect(try JSON(reading: text) == value)
  }

  @Test(arguments: [
    "", "{", "[1,]", #"{"a":1,}"#, "01", "+1", "1.", ".5", "1e", "nul", "tru e", #""\x""#, #""\ud800""#, #""\ud800A""#,
    "\"\n\"",
    #"{"a":1,"a":1}"#, "{} {}", "NaN", "1e999", "'a'", String(repeating: "[", count: 100_000),
  ])
  func `what is no JSON is refused`(text: String) {
    #expect(throws: JSONError.self) { try JSON(reading: text) }
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    #expect(throws: JSONError.notUTF8) { try JSON(reading: [0x22, 0xFF, 0x22]) }
  }

  @Test func `what is written reads back, and closes no script element`() throws {
    let value: JSON = ["a\"\\\u{0}": ["</script>", "\u{1F600}", 1, .number(0.25), nil]]
    #expect(try JSON(reading: value.bytes) == value)
    #expect(!value.description.contains("<"))
  }

  // MARK: Parameters

  @Test func `parameters are decoded`() {
    let decoded = FormParameters.decoded(
      "filter%5B%5D=a%3Aeq%3Ab&email=ada%2Bx%40example.com&name=Ada+L&empty&bad=%zz%4")
    #expect(decoded.map(\.name) == ["filter[]", "email", "name", "empty", "bad"])
    #expect(decoded.map(\.value) == ["a:eq:b", "ada+x@example.com", "Ada L", "", "%zz%4"])
  }
}
