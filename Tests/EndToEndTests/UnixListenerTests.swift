import Foundation
import TestPeers
import Testing

/// Who comes by a Unix socket has no address; whether it is a proxy that is believed, the configuration says.
@Suite struct UnixListenerTests {
  @Test func `the forwarded fields of a peer on a Unix socket are believed only where it says so`() throws {
    let app = try RecordingApp()
    var folder = ""
    let sidecar = try SidecarUnderTest(app: app.port) { text, own in
      folder = own
      return text.replacing(
        "listen: [", with: "listen: [{address: \"unix:stranger\"}, {address: \"unix:proxy\", trustedProxies: [unix]}, ")
    }
    let token = try sidecar.authorization.replacing("\r\n", with: "")
    for peer in ["stranger", "proxy"] {
      let answer = try ChildProcess.run(
        "curl",
        ["-sS", "--unix-socket", "\(folder)/\(peer)", "-H", token, "-H", "X-Forwarded-For: 203.0.113.7", "-H", "X-Forwarded-Proto: https"]
          + ["-H", "Forwarded: for=203.0.113.7", "http://app.test/\(peer)"])
      #expect(answer.code == 0, "\(answer.output)")
    }
    let stranger = try #require(app.received("/stranger").first)
    #expect(stranger.values("x-forwarded-for") == ["unknown"])
    #expect(stranger.values("x-forwarded-proto") == ["http"])
    #expect(stranger.values("forwarded") == [#"for=unknown;host="app.test";proto=http"#])
    let proxy = try #require(app.received("/proxy").first)
    #expect(proxy.values("x-forwarded-for") == ["203.0.113.7, unknown"])
    #expect(proxy.values("x-forwarded-proto") == ["https"])
    #expect(proxy.values("forwarded") == [#"for=203.0.113.7, for=unknown;host="app.test";proto=http"#])
    #expect(eventually { sidecar.accessLines("/proxy").first }?["client"] as? String == "unix")
  }
}
