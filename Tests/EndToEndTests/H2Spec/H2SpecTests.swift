import TestPeers
import Testing

/// What h2spec asks of a server (RFC 9113, RFC 7541), case by case, over the data port: once where the app answers, once
/// where we refuse before the request is complete.
@Suite struct H2SpecTests {
  static let cases = H2SpecGeneric.all + H2SpecHPACK.all + H2SpecConnection.all + H2SpecFrames.all + H2SpecMessages.all

  @Test(arguments: cases, ["/public/h2spec", "/h2spec"])
  func `a server keeps to RFC 9113 whatever a client sends`(_ test: H2SpecCase, path: String) throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let client = try RawHTTP2(port: sidecar.port, path: path, handshakes: test.handshakes)
    let verdict = try test.verdict(of: client)
    #expect(verdict == nil)
  }

  @Test func `every case has a name of its own`() {
    #expect(Set(Self.cases.map(\.testDescription)).count == Self.cases.count)
    #expect(Self.cases.count == 149)
  }
}
