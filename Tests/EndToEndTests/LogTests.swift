import Foundation
import TestPeers
import Testing

/// What is written down, and what is not.
@Suite struct LogTests {
  private func line(_ sidecar: SidecarUnderTest, _ path: String) throws -> [String: Any] {
    try #require(eventually { sidecar.accessLines(path).first })
  }

  @Test func `a line names the route, three durations and the reason of a refusal`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
      text.replacingOccurrences(of: "routes: [", with: "routes: [{path: /items/*, access: required}, ")
    }
    #expect(try sidecar.ask("GET", "/items/1?\(SidecarUnderTest.canary)").status == 200)
    #expect(try sidecar.ask("GET", "/items/2", authorized: false).status == 401)
    let passed = try line(sidecar, "/items/1")
    #expect(passed["route"] as? String == "/items/*" && passed["rule"] as? String == "0")
    for duration in ["duration_us", "gate_us", "upstream_us"] { #expect(passed[duration] is NSNumber, "\(duration)") }
    #expect(passed["client"] as? String == "127.0.0.1" && passed["reason"] is NSNull)
    let refused = try line(sidecar, "/items/2")
    #expect(refused["route"] as? String == "/items/*" && refused["reason"] as? String == "token_missing")
    #expect(refused["upstream_us"] is NSNull && refused["subject"] is NSNull)
  }

  @Test func `who called one of our endpoints is in its line, as elsewhere`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    #expect(try sidecar.ask("GET", "/who").status == 200)
    let fields = "Content-Type: application/json\r\nContent-Length: 2\r\n"
    #expect(try sidecar.ask("POST", "/auth/createConnectToken", fields, body: "[]").status == 400)
    let (passed, served) = (try line(sidecar, "/who"), try line(sidecar, "/auth/createConnectToken"))
    #expect(served["reason"] as? String == "body_malformed")
    for name in ["subject", "issuer"] {
      let value = try #require(served[name] as? String)
      #expect(value == passed[name] as? String && !value.isEmpty, "\(name)")
    }
  }

  @Test func `a refusal is found by the trace that its client was in`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    #expect(try sidecar.ask("GET", "/a", "traceparent: 00-\(trace)-00f067aa0ba902b7-00\r\n", authorized: false).status == 401)
    #expect(try line(sidecar, "/a")["trace_id"] as? String == trace)
  }

  @Test func `a user has the same hash after a restart`() throws {
    let app = try RecordingApp()
    let state = NSTemporaryDirectory() + "log-" + UUID().uuidString
    defer { for suffix in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: state + suffix) } }
    var hashes: [String] = []
    for _ in 1...2 {
      let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
        text.replacingOccurrences(of: "sqlite: state.db", with: "sqlite: \(state)")
      }
      #expect(try sidecar.ask("GET", "/who").status == 200)
      hashes.append(try #require(try line(sidecar, "/who")["subject"] as? String))
      sidecar.process.signal(SIGTERM)
      #expect(sidecar.process.ending()?.code == 0)
    }
    #expect(hashes[0] == hashes[1] && hashes[0].utf8.count == 16)
  }

  @Test func `a user can be named or left out, and so can the client's address, from one reload to the next`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in text + "log: {subject: plain, client: false}\n" }
    #expect(try sidecar.ask("GET", "/plain").status == 200)
    let plain = try line(sidecar, "/plain")
    let subject = try #require(plain["subject"] as? String)
    #expect(sidecar.claims.contains("\"\(subject)\"") && plain["client"] is NSNull)
    try sidecar.reconfigure { $0.replacingOccurrences(of: "subject: plain, client: false", with: "subject: off") }
    #expect(eventually { sidecar.events("reloaded").isEmpty ? nil : true } == true)
    let changed: Bool? = try eventually {
      let status = try sidecar.ask("GET", "/off").status
      #expect(status == 200)
      return sidecar.accessLines("/off").contains { $0["subject"] is NSNull && $0["client"] as? String == "127.0.0.1" } ? true : nil
    }
    #expect(changed == true)
  }

  @Test func `nothing secret is written down, whatever is sent and however loud the log is`() throws {
    let app = try RecordingApp()
    let canary = SidecarUnderTest.canary
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in text + "log: {level: debug}\n" }
    let token = try sidecar.issuer.first.token(sidecar.claims)
    let other = try TokenFactory(issuer: "https://nobody.test/").token()
    for (target, fields) in [
      ("/a?token=\(token)&\(canary)", "Authorization: Bearer \(token)\r\nCookie: session=\(canary)\r\n"),
      ("/b?\(canary)", "Authorization: Bearer \(other)\r\n"), ("/c", "Authorization: Bearer \(token)\(canary)\r\n"),
      ("/d", "Authorization: Basic \(canary)\r\n"), ("/e", "Authorization: Bearer \(token), Bearer \(canary)\r\n"),
      ("/f", "X-User-ID: \(canary)\r\n\(canary): x\r\n"), ("/g?\(canary)", " bad: \(canary)\r\n"),
    ] {
      let connection = try sidecar.connection()
      try connection.send("GET \(target) HTTP/1.1\r\nHost: app.test\r\n\(fields)\r\n")
      _ = try connection.readResponse()
    }
    for endpoint in ["createConnectToken", "completeLogin"] {
      let body = #"{"connectTokenType":"\#(canary)","signedPasskeyData":"\#(token)","username":"\#(canary)"}"#
      let fields = "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
      _ = try sidecar.ask("POST", "/auth/\(endpoint)?\(canary)", fields, body: body)
    }
    #expect(eventually { sidecar.accessLines.count >= 9 ? true : nil } == true)
    let written = sidecar.accessLines.joined(separator: "\n") + sidecar.events
    for secret in [canary, token, other, "eyJ", "corbado1_x"] { #expect(!written.contains(secret), "\(secret)") }
  }

  @Test func `an output that stalls costs lines, which are counted, and no request`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port, stallsOutput: true)
    // More than a pipe and the buffer hold.
    let path = "/" + String(repeating: "long/", count: 390)
    let connection = try sidecar.connection()
    let request = "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n"
    let batch = String(repeating: request, count: 50)
    let dropped: Bool? = try eventually {
      try connection.send(batch)
      for _ in 0..<50 {
        let status = try connection.readResponse().status
        #expect(status == 401)
      }
      let text = sidecar.probe("/metrics")?.text ?? ""
      return text.contains("passkey_sidecar_log_lines_dropped_total{log=\"access\"} 0\n") ? nil : true
    }
    #expect(dropped == true)
    // Nor is the end held up.
    sidecar.process.signal(SIGTERM)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }
}
