import Foundation
import Testing

@testable import Telemetry

@Suite struct JSONTextTests {
  private func quoted(_ content: [UInt8], limit: Int = .max) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: content.count * OutputSpan<UInt8>.worstCaseBytesPerByte + 5) { output in
      output.append(quoted: content.span, limit: limit)
    }
    return bytes
  }

  private func read(_ json: [UInt8]) throws -> String {
    try #require(try JSONSerialization.jsonObject(with: Data(json), options: .fragmentsAllowed) as? String)
  }

  @Test func `every scalar of Unicode comes back as it was`() throws {
    var text = ""
    for value in UInt32(0)...0x10FFFF {
      guard let scalar = Unicode.Scalar(value), value < 0x3000 || value % 251 == 0 || value > 0x10FFF0 else { continue }
      text.unicodeScalars.append(scalar)
    }
    #expect(Array(try read(quoted(Array(text.utf8))).unicodeScalars) == Array(text.unicodeScalars))
  }

  @Test func `any bytes become one line that reads as the standard library decodes them`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<3000 {
      let interesting: [UInt8] = [
        0x00, 0x0A, 0x0D, 0x22, 0x5C, 0x7F, 0x80, 0x85, 0xC2, 0xE0, 0xE2, 0xA8, 0xED, 0xF0, 0xF4, 0xFF,
      ]
      let content = (0..<Int.random(in: 0...24, using: &random)).map { _ in
        Bool.random(using: &random)
          ? interesting.randomElement(using: &random)! : UInt8.random(in: 0...255, using: &random)
      }
      let json = quoted(content)
      #expect(!json.contains { $0 < 0x20 })
      let text = try read(json)
      // A run of ill-formed bytes may become one or several U+FFFD; everything else must agree.
      let expected = String(decoding: content, as: UTF8.self)
      #expect(text.unicodeScalars.filter { $0 != "\u{FFFD}" } == expected.unicodeScalars.filter { $0 != "\u{FFFD}" })
      #expect(text.unicodeScalars.contains("\u{FFFD}") == expected.unicodeScalars.contains("\u{FFFD}"))
    }
  }

  @Test(arguments: ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{0B}", "\u{0C}", "\u{1B}[2J", "\u{9B}2J"])
  func `nothing that a reader of lines or a terminal acts on survives`(text: String) {
    let json = String(decoding: quoted(Array(text.utf8)), as: UTF8.self)
    #expect(json.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value < 0x7F })
  }

  @Test func `a text over its limit is cut and marked`() throws {
    #expect(try read(quoted(Array("abcdef".utf8), limit: 4)) == "abcd…")
    #expect(try read(quoted(Array("abcd".utf8), limit: 4)) == "abcd")
    #expect(try read(quoted(Array("abcä".utf8), limit: 4)) == "abc\u{FFFD}…")
  }

  @Test(arguments: [0, 7, -7, 1_000_000, .max, .min] as [Int64])
  func `integers read as the standard library writes them`(integer: Int64) {
    var bytes: [UInt8] = []
    bytes.append(addingCapacity: 24) { output in output.append(integer: integer) }
    #expect(String(decoding: bytes, as: UTF8.self) == "\(integer)")
  }
}
