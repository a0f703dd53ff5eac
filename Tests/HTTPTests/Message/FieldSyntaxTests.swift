import HTTP
import Testing

@Suite struct FieldSyntaxTests {
  @Test(arguments: UInt8.min...UInt8.max)
  func `a byte belongs to tokens and values as RFC 9110 says`(byte: UInt8) {
    let token = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8.contains(byte)
    #expect(judge([byte], FieldSyntax.isToken) == token)
    #expect(
      judge([byte], FieldSyntax.isLowerCaseToken) == (token && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)))
    #expect(FieldSyntax.isValueByte(byte) == (byte == 9 || (byte >= 32 && byte != 127)))
    #expect(judge([0x61, byte, 0x61], FieldSyntax.isValue) == FieldSyntax.isValueByte(byte))
  }

  @Test func `a token has a byte, a value no white space at its ends`() {
    #expect(!judge([], FieldSyntax.isToken))
    #expect(!judge([], FieldSyntax.isLowerCaseToken))
    #expect(judge([], FieldSyntax.isValue))
    for value in [" a", "a ", "\ta", "a\t", " "] { #expect(!judge(value.utf8, FieldSyntax.isValue), "\(value)") }
    #expect(judge("a \t b".utf8, FieldSyntax.isValue))
  }

  @Test(arguments: [
    ("a", ["a"]), ("a,b", ["a", "b"]), (" a ,\tb\t, ", ["a", "b"]), ("", []), (",,", []), (" , a b ,", ["a b"]),
  ])
  func `a list is walked element by element, empty ones skipped`(text: String, expected: [String]) {
    var section = FieldSection()
    let value = section.store(text)
    var elements = ListElements(value)
    var found: [String] = []
    while let element = elements.next(in: section.bytes.span) { found.append(section.string(element)) }
    #expect(found == expected)
  }

  @Test(
    arguments: [("0", 0), ("007", 7), ("18446744073709551615", UInt64.max)] as [(String, UInt64?)]
      + ["", "18446744073709551616", "184467440737095516150", "+1", "-1", " 1", "1 ", "1,1", "a", "\u{0}"].map {
        ($0, nil)
      })
  func `a content length is digits that fit 64 bits`(text: String, length: UInt64?) {
    #expect(judge(text.utf8, FieldSyntax.contentLength) == length)
  }
}
