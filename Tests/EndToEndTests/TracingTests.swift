import Foundation
import Synchronization
import TestPeers
import Testing

/// Spans of what was done, at a collector.
@Suite struct TracingTests {
  /// Takes what is posted to `/v1/traces`.
  private final class Collector: Sendable {
    private let app: RecordingApp
    var port: UInt16 { app.port }

    init() throws { app = try RecordingApp() }

    var spans: [[String: Any]] {
      app.received("/v1/traces").flatMap { message -> [[String: Any]] in
        let object = try? JSONSerialization.jsonObject(with: Data(message.body)) as? [String: Any]
        let resources = object?["resourceSpans"] as? [[String: Any]] ?? []
        return resources.flatMap { $0["scopeSpans"] as? [[String: Any]] ?? [] }.flatMap { $0["spans"] as? [[String: Any]] ?? [] }
      }
    }

    func spans(_ trace: String, atLeast count: Int) throws -> [[String: Any]] {
      try #require(eventually {
        let found = spans.filter { $0["traceId"] as? String == trace }
        return found.count >= count ? found : nil
      })
    }
  }

  private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private let parent = "00f067aa0ba902b7"

  private func sidecar(_ app: RecordingApp, _ collector: UInt16, sample: String = "1") throws -> SidecarUnderTest {
    try SidecarUnderTest(app: app.port) { text, _ in
      text + "tracing: {otlp: \"http://127.0.0.1:\(collector)\", sample: \(sample)}\n"
    }
  }

  @Test func `a sampled request gives spans of itself, the decision and the app, who is told the last of them`() throws {
    let (app, collector) = (try RecordingApp(), try Collector())
    let sidecar = try sidecar(app, collector.port)
    let fields = "traceparent: 00-\(trace)-\(parent)-01\r\ntracestate: vendor=value\r\n"
    #expect(try sidecar.ask("GET", "/traced?\(SidecarUnderTest.canary)", fields).status == 200)
    let received = try #require(app.received("/traced").first)
    #expect(received.values("tracestate") == ["vendor=value"])
    let spans = try collector.spans(trace, atLeast: 3)
    let request = try #require(spans.first { $0["kind"] as? Int == 2 })
    #expect(request["parentSpanId"] as? String == parent && request["name"] as? String == "GET")
    let gate = try #require(spans.first { $0["name"] as? String == "gate" })
    let upstream = try #require(spans.first { $0["kind"] as? Int == 3 })
    for child in [gate, upstream] { #expect(child["parentSpanId"] as? String == request["spanId"] as? String) }
    #expect(received.values("traceparent") == ["00-\(trace)-\(try #require(upstream["spanId"] as? String))-01"])
    #expect(!"\(spans)".contains(SidecarUnderTest.canary) && !"\(spans)".contains("eyJ"))
  }

  @Test func `a client that did not sample its trace is passed on as it came, without spans`() throws {
    let (app, collector) = (try RecordingApp(), try Collector())
    let sidecar = try sidecar(app, collector.port)
    let field = "00-\(trace)-\(parent)-00"
    #expect(try sidecar.ask("GET", "/unsampled", "traceparent: \(field)\r\n").status == 200)
    #expect(app.received("/unsampled").first?.values("traceparent") == [field])
    // The next one is exported, that one was before it.
    #expect(try sidecar.ask("GET", "/begun").status == 200)
    #expect(eventually { collector.spans.isEmpty ? nil : true } == true)
    #expect(!collector.spans.contains { $0["traceId"] as? String == trace })
  }

  @Test func `a call of Corbado is part of the request that needed it`() throws {
    let (app, collector) = (try RecordingApp(), try Collector())
    let corbado = try RecordingApp()
    corbado.on("/v2/connectTokens") { head, connection in
      var message = head
      try connection.readBody(of: &message)
      try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n{\"secret\":\"cot1\"}")
      return true
    }
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
      text.replacingOccurrences(of: "corbado: {", with: "corbado: {backendAPI: \"http://127.0.0.1:\(corbado.port)\", ")
        + "tracing: {otlp: \"http://127.0.0.1:\(collector.port)\", sample: 1}\n"
    }
    let body = #"{"connectTokenType":"passkey-append"}"#
    let fields = "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\ntraceparent: 00-\(trace)-\(parent)-01\r\n"
    #expect(try sidecar.ask("POST", "/auth/createConnectToken", fields, body: body).status == 200)
    let spans = try collector.spans(trace, atLeast: 3)
    let request = try #require(spans.first { $0["kind"] as? Int == 2 })
    let call = try #require(spans.first { $0["kind"] as? Int == 3 })
    #expect(call["parentSpanId"] as? String == request["spanId"] as? String)
    #expect("\(call)".contains("/v2/connectTokens"))
    // Whoever we call out there is not told.
    #expect(corbado.received("/v2/connectTokens").first?.values("traceparent") == [])
  }

  @Test func `a collector that takes everything and answers nothing costs no request, nor does it hold up the end`() throws {
    let app = try RecordingApp()
    let silent = try LoopbackServer { connection in _ = connection.readToEnd() }
    let sidecar = try sidecar(app, silent.port)
    let connection = try sidecar.connection()
    let request = "GET /untaken HTTP/1.1\r\nHost: a\r\n\(try sidecar.authorization)\r\n"
    // More than the queue has room for: three spans each.
    for _ in 0..<2000 {
      try connection.send(request)
      let status = try connection.readResponse().status
      #expect(status == 200)
    }
    let dropped = try eventually { () -> Int? in
      let name = "passkey_sidecar_spans_total{result=\"dropped\"} "
      let text = try #require(sidecar.probe("/metrics")).text
      let count = text.split(separator: "\n").first { $0.hasPrefix(name) }.flatMap { Int($0.dropFirst(name.count)) } ?? 0
      return count > 0 ? count : nil
    }
    #expect(dropped != nil && dropped ?? 0 <= 6000)
    sidecar.process.signal(SIGTERM)
    #expect(sidecar.process.ending() == .init(code: 0, wasSignalled: false))
  }

  @Test func `a collector that is away costs no request, and what it missed is counted`() throws {
    let app = try RecordingApp()
    let sidecar = try sidecar(app, try LoopbackServer.freePort())
    for _ in 0..<10 { #expect(try sidecar.ask("GET", "/untaken").status == 200) }
    #expect(eventually {
      let text = sidecar.probe("/metrics")?.text ?? ""
      return text.contains("passkey_sidecar_spans_total{result=\"dropped\"} 0\n") ? nil : true
    } == true)
    #expect(sidecar.events("traces_not_taken").count == 1)
    #expect(try sidecar.ask("GET", "/untaken").status == 200)
  }
}
