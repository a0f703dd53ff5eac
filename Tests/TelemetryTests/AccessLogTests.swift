import Foundation
import Testing

@testable import Telemetry

@Suite struct AccessLogTests {
  private func write(_ line: AccessLine, _ texts: [[UInt8]]) throws -> String {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    var log = AccessLog(writer: writer)
    let (client, method, path, rule, subject, issuer) = (texts[0], texts[1], texts[2], texts[3], texts[4], texts[5])
    log.append(
      line, client: client.span, method: method.span, path: path.span, rule: rule.span, subject: subject.span,
      issuer: issuer.span)
    log.flush()
    #expect(writer.close(within: .seconds(10)))
    let lines = pipe.readLines(1)
    #expect(lines.count == 1)
    return lines[0]
  }

  @Test func `a line has every member in its place`() throws {
    var line = AccessLine()
    line.time = Timestamp(unixMilliseconds: 1_767_323_045_678)
    line.version = .http2
    line.status = 401
    line.reason = "token_expired"
    line.route = "/orders/**"
    line.receivedBytes = 5
    line.sentBytes = 27
    line.totalMicroseconds = 1234
    line.gateMicroseconds = 56
    line.trace = TraceContext(fieldValue: Array("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".utf8).span)
    let texts = ["127.0.0.1", "GET", "/orders/1", "routes[0]", "9f86d081", "https://idp.example.com/"]
    #expect(
      try write(line, texts.map { Array($0.utf8) })
        == #"{"time":"2026-01-02T03:04:05.678Z","client":"127.0.0.1","method":"GET","path":"/orders/1","status":401,"#
        + #""reason":"token_expired","rule":"routes[0]","route":"/orders/**","subject":"9f86d081","issuer":"https://idp.example.com/","#
        + #""protocol":"HTTP/2","bytes_in":5,"bytes_out":27,"duration_us":1234,"gate_us":56,"upstream_us":null,"#
        + #""trace_id":"0af7651916cd43dd8448eb211c80319c"}"#)
  }

  @Test func `what does not apply is null`() throws {
    let members = try object(try write(AccessLine(), Array(repeating: [], count: 6)))
    for name in [
      "client", "method", "path", "status", "reason", "rule", "route", "subject", "issuer", "gate_us", "upstream_us", "trace_id",
    ] {
      #expect(members[name] is NSNull, "\(name)")
    }
  }

  @Test func `hostile bytes in every text stay inside one valid line`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let texts = (0..<6).map { _ in
        (0..<Int.random(in: 1...3000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      }
      var line = AccessLine()
      line.receivedBytes = .max
      line.sentBytes = .min
      line.totalMicroseconds = .min
      line.status = .max
      let members = try object(try write(line, texts))
      #expect(members.count == 17)
    }
  }

  @Test func `a path over the limit is cut`() throws {
    let path = "/" + String(repeating: "a", count: 5000)
    let members = try object(try write(AccessLine(), [[], [], Array(path.utf8), [], [], []]))
    #expect(members["path"] as? String == path.prefix(AccessLog.pathLimitBytes) + "…")
  }

  @Test func `lines of a turn go out together and a large turn in parts`() throws {
    let pipe = TestPipe()
    let writer = try LineWriter(descriptor: pipe.writer)
    var log = AccessLog(writer: writer)
    let path = Array("/p".utf8)
    for _ in 0..<1000 {
      log.append(
        AccessLine(), client: path.span, method: path.span, path: path.span, rule: path.span, subject: path.span,
        issuer: path.span)
    }
    log.flush()
    log.flush()
    #expect(pipe.readLines(1000).count == 1000)
    #expect(writer.close(within: .seconds(10)))
  }
}
