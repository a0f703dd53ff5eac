import HTTP
import Testing

@Suite struct ConnectionOptionsTests {
  func section(_ lines: [(StaticString, String)]) -> FieldSection {
    var section = FieldSection()
    for (name, value) in lines { section.append(name, value) }
    return section
  }

  @Test func `fields are listed in any line and any case`() {
    let section = section([("connection", "X-One, close"), ("x-one", "1"), ("connection", "\tx-TWO ,,")])
    let options = ConnectionOptions(section)
    #expect(options.closes)
    #expect(!options.upgrades)
    #expect(!options.isEmpty)
    #expect(judge("x-one".utf8) { options.lists($0, in: section) })
    #expect(judge("x-two".utf8) { options.lists($0, in: section) })
    #expect(!judge("x-on".utf8) { options.lists($0, in: section) })
    #expect(!judge("x-three".utf8) { options.lists($0, in: section) })
  }

  @Test func `the usual options name no field`() {
    let options = ConnectionOptions(section([("connection", "keep-alive, Upgrade, TE, HTTP2-Settings")]))
    #expect(options.isEmpty)
    #expect(options.upgrades)
    #expect(ConnectionOptions(section([("x", "connection")])).isEmpty)
  }

  @Test(arguments: [
    "connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade", "http2-settings",
  ])
  func `connection-specific fields are known by name`(name: String) {
    #expect(judge(name.utf8) { KnownField($0).isConnectionSpecific })
  }

  @Test(arguments: ["trailer", "host", "content-length", "authorization", "x-connection"])
  func `other fields are not`(name: String) {
    #expect(!judge(name.utf8) { KnownField($0).isConnectionSpecific })
  }

  @Test(arguments: [
    ("trailers", true), ("gzip, Trailers", true), ("gzip", false), ("trailers;q=1", false), ("", false),
  ])
  func `TE says whether trailers are wanted`(value: String, accepted: Bool) {
    #expect(section([("te", value)]).acceptsTrailers == accepted)
  }
}
