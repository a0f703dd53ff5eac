import Foundation
import TestPeers
import Testing

/// What the Gate judged is what the app got: a path that is accepted arrives byte for byte, any other does not arrive.
@Suite struct PathTests {
  @Test func `over generated targets the app gets the bytes that were sent, or nothing`() throws {
    let app = try RecordingApp()
    let issuer = try TokenFactory()
    let sidecar = try ConfiguredSidecar(
      app: app.port, files: ["keys.json": try issuer.jwkSet],
      """
      issuers: [{issuer: "\(issuer.issuer)", audiences: [my-app], algorithms: [ES256], keys: {file: keys.json}}]
      login: {token: {issuer: https://app.example.com, audience: my-app}}
      routes: [{path: /open/**, access: public}, {path: /shut/**, claims: {roles: [nobody]}}]

      """)
    let authorization = "Authorization: Bearer \(try issuer.token())\r\n"
    let pieces = [
      "/", "//", "a", "B", ".", "..", ";x=1", "%2e", "%2F", "%5c", "%00", "%25", "%252e", "\\", "?q=/../", "open", "shut", "/open/",
      "/shut/", "~", "%7E", "%zz", "é", "+", "@", ":", "*", ".json", "%C3%A9",
    ]
    var generator = SeededPieces(state: 5)
    var counts = (forwarded: 0, refused: 0)
    for number in 0..<400 {
      let target = "/" + (0..<generator.next(6)).map { _ in pieces[generator.next(pieces.count)] }.joined()
      let isAnonymous = number % 3 == 0
      let before = app.receivedCount
      let connection = try RawConnection(port: sidecar.port)
      try connection.send(
        "GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(isAnonymous ? "" : authorization)\r\n")
      let answer = try connection.readResponse()
      if answer.status == 200 {
        counts.forwarded += 1
        #expect(answer.text.hasPrefix("GET \(target) HTTP/1.1\r\n"), "\(target)")
        // Without a token only what is written as the rule writes it.
        if isAnonymous { #expect(target.hasPrefix("/open/"), "\(target)") }
      } else {
        counts.refused += 1
        #expect((400...403).contains(answer.status), "\(target): \(answer.status)")
        #expect(app.receivedCount == before, "\(target)")
      }
    }
    #expect(counts.forwarded > 60 && counts.refused > 60, "\(counts)")
  }
}

/// The same numbers in every run.
private struct SeededPieces {
  var state: UInt64

  mutating func next(_ bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
