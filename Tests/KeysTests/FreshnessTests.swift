import HTTP
import Testing

@testable import Keys

func responseHead(_ fields: [(StaticString, String)], status: UInt16 = 200) -> ResponseHead {
  var head = ResponseHead()
  head.status = status
  for (name, value) in fields { head.fields.append(name, value) }
  return head
}

@Suite struct FreshnessTests {
  @Test(
    arguments: [
      ("max-age=300", 300),
      ("public, max-age=300, must-revalidate", 300),
      ("MAX-AGE=300", 300),
      (#"max-age="300""#, 300),
      ("max-age=300 ,no-transform", 300),
      ("max-age=99999999999999999999", 1 << 31),
      ("no-store", 0),
      ("no-cache", 0),
      ("max-age=300, no-store", 0),
      (#"no-cache="set-cookie, x""#, 0),
      ("max-age=0", 0),
      // Invalid freshness is no freshness (RFC 9111 §4.2.1).
      ("max-age=ten", 0),
      ("max-age=-1", 0),
      ("max-age", 0),
      ("max-age=300, max-age=400", 0),
      // Nothing is said.
      ("", nil),
      ("public", nil),
      ("s-maxage=300", nil),
      (#"private="max-age=1, no-store""#, nil),
      (",,=,", nil),
    ] as [(String, Int64?)])
  func `the answer's freshness is read as RFC 9111 says`(_ value: String, _ seconds: Int64?) {
    #expect(responseHead([("cache-control", value)]).freshness == seconds.map { .seconds($0) })
  }

  @Test func `an answer without Cache-Control says nothing`() {
    #expect(responseHead([("expires", "Thu, 01 Dec 1994 16:00:00 GMT")]).freshness == nil)
  }

  @Test func `several lines are one list`() {
    #expect(responseHead([("cache-control", "public"), ("cache-control", "max-age=60")]).freshness == .seconds(60))
  }

  @Test(arguments: [("100", 200), ("300", 0), ("99999999999999999999", 0), ("soon", 300)] as [(String, Int64)])
  func `time spent in caches counts`(_ age: String, _ seconds: Int64) {
    #expect(responseHead([("cache-control", "max-age=300"), ("age", age)]).freshness == .seconds(seconds))
  }

  @Test(
    arguments: [
      (#""abc""#, true), (#"W/"abc""#, true), (#""""#, true), ("abc", false), (#"""#, false), ("", false),
      (#""a b""#, false), (#""a"b""#, false), (#"w/"abc""#, false), ("\"\u{e9}\"", false),
    ])
  func `an entity tag is taken if it is one`(_ tag: String, _ isTaken: Bool) {
    #expect(responseHead([("etag", tag)]).entityTag == (isTaken ? tag : nil))
  }

  @Test func `two entity tags are none`() {
    #expect(responseHead([("etag", #""a""#), ("etag", #""b""#)]).entityTag == nil)
  }
}
