import Foundation
import JOSE
import TestPeers
import Testing

@Suite struct JSONWriterTests {
  private func text(_ write: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    write(&writer)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  @Test func `commas stand between values only`() {
    let text = text { writer in
      writer.beginObject()
      writer.member("a", "x")
      writer.member("b", 1)
      writer.member("c", true)
      writer.member("d", ["y", "z"])
      writer.name("e")
      writer.beginArray()
      writer.beginObject()
      writer.endObject()
      writer.null()
      writer.integer(-1)
      writer.endArray()
      writer.endObject()
    }
    #expect(text == #"{"a":"x","b":1,"c":true,"d":["y","z"],"e":[{},null,-1]}"#)
  }

  @Test func `strings that end like structure do not confuse the commas`() {
    #expect(
      text { writer in
        writer.beginArray()
        for value in ["[", "{", ":", ",", ""] { writer.string(value) }
        writer.endArray()
      } == #"["[","{",":",",",""]"#)
  }

  @Test func `Foundation reads back every string`() throws {
    let scalars = (0..<0x2100).compactMap { Unicode.Scalar($0) } + ["\u{1F600}", "\u{10FFFF}"]
    for scalar in scalars {
      let string = "a\(Character(scalar))b"
      let json = text { $0.string(string) }
      let read = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed) as? String
      #expect(read.map { Array($0.utf8) } == Array(string.utf8))
      #expect(json.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F })
    }
  }

  @Test func `bytes that are not UTF-8 become replacement characters`() {
    var writer = JSONWriter()
    let content: [UInt8] = [0x61, 0xFF, 0xC3, 0xA9, 0xE2, 0x82, 0x62]
    writer.string(content.span)
    #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"a\u{FFFD}é\u{FFFD}\u{FFFD}b\"")
  }

  @Test func `a parsed document is written as it was, numbers in their spelling`() throws {
    let source = #"{"a":[1,-2.50,1e5,"x\"\\\n",null,true,false,{}],"b":{"c":[]}}"#
    let document = try JSONDocument(source)
    #expect(text { $0.value(document.root, of: document) } == source)
  }
}
