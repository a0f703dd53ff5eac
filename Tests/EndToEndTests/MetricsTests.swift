import Foundation
import Telemetry
import TestPeers
import Testing

/// What a scrape gets, as Prometheus' own tool sees it.
@Suite struct MetricsTests {
  /// The samples of a scrape, by name and labels as written.
  private func samples(_ text: String) -> [String: Double] {
    var samples: [String: Double] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      guard let space = line.lastIndex(of: " ") else { continue }
      samples[String(line[..<space])] = Double(line[line.index(after: space)...])
    }
    return samples
  }

  private func scrape(_ sidecar: SidecarUnderTest) throws -> [String: Double] {
    samples(try #require(sidecar.probe("/metrics")).text)
  }

  @Test func `promtool finds nothing to say against a scrape`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    _ = try sidecar.ask("GET", "/scraped")
    let answer = try #require(sidecar.probe("/metrics"))
    #expect(answer.status == 200)
    #expect(answer.values("content-type") == ["text/plain; version=0.0.4; charset=utf-8"])
    let file = sidecar.folder + "/metrics-" + UUID().uuidString
    try Data(answer.body).write(to: URL(fileURLWithPath: file))
    let verdict = try ChildProcess.run("sh", ["-c", "promtool check metrics < '\(file)'"])
    #expect(verdict.code == 0 && verdict.output.isEmpty, "\(verdict.output)")
  }

  @Test func `promtool takes the alert rules`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let verdict = try ChildProcess.run(
      "promtool", ["check", "rules", root.appending(path: "config/observability/alerts.yaml").path])
    #expect(verdict.code == 0, "\(verdict.output)")
  }

  @Test func `promtool takes every expression of the dashboard`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let file = try Data(contentsOf: root.appending(path: "config/observability/dashboard.json"))
    let dashboard = try JSONSerialization.jsonObject(with: file) as? [String: Any]
    let targets = (dashboard?["panels"] as? [[String: Any]] ?? []).flatMap { $0["targets"] as? [[String: Any]] ?? [] }
    // As recording rules, with Grafana's variables filled in; JSON is YAML.
    let rules = targets.enumerated().map { number, target in
      ["record": "dashboard:\(number)",
       "expr": (target["expr"] as? String ?? "").replacing("$instance", with: ".*").replacing("$__rate_interval", with: "5m")]
    }
    #expect(rules.count > 20)
    let path = NSTemporaryDirectory() + "dashboard-" + UUID().uuidString + ".yaml"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try JSONSerialization.data(withJSONObject: ["groups": [["name": "dashboard", "rules": rules]]])
      .write(to: URL(fileURLWithPath: path))
    let verdict = try ChildProcess.run("promtool", ["check", "rules", path])
    #expect(verdict.code == 0 && verdict.output.contains("\(rules.count) rules found"), "\(verdict.output)")
  }

  @Test func `a scrape has every family of the table once, and no other`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let text = try #require(sidecar.probe("/metrics")).text
    let types = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.map { String($0.dropFirst(7)) }
    #expect(types == MetricFamily.all.map { "\($0.name) \($0.kind.rawValue)" })
  }

  @Test func `requests are counted by protocol, status and reason, and measured`() throws {
    let app = try RecordingApp()
    let sidecar = try SidecarUnderTest(app: app.port)
    #expect(try sidecar.ask("GET", "/a").status == 200)
    #expect(try sidecar.ask("GET", "/a", authorized: false).status == 401)
    #expect(try sidecar.ask("GET", "/../a").status == 400)
    let counted = try scrape(sidecar)
    #expect(counted["passkey_sidecar_requests_total{protocol=\"http1\"}"] == 3)
    #expect(counted["passkey_sidecar_responses_total{status=\"2xx\"}"] == 1)
    #expect(counted["passkey_sidecar_responses_total{status=\"4xx\"}"] == 2)
    #expect(counted["passkey_sidecar_refusals_total{reason=\"token_missing\"}"] == 1)
    #expect(counted["passkey_sidecar_refusals_total{reason=\"path_not_canonical\"}"] == 1)
    #expect(counted["passkey_sidecar_refusals_total{reason=\"token_expired\"}"] == 0)
    #expect(counted["passkey_sidecar_request_duration_seconds_count"] == 3)
    #expect(counted["passkey_sidecar_gate_duration_seconds_count"] == 3)
    #expect(counted["passkey_sidecar_upstream_duration_seconds_count"] == 1)
    #expect(counted["passkey_sidecar_request_duration_seconds_bucket{le=\"+Inf\"}"] == 3)
    #expect(counted["passkey_sidecar_token_cache_misses_total"] == 1)
    #expect(counted["passkey_sidecar_connections_accepted_total"] == 3)
    #expect(counted["passkey_sidecar_issuer_usable{issuer=\"https://idp.test/\"}"] == 1)
    #expect(counted["passkey_sidecar_key_fetches_total{issuer=\"https://idp.test/\",result=\"changed\"}"] == 1)
    #expect(counted["passkey_sidecar_ready"] == 1 && counted["passkey_sidecar_configuration_in_force"] == 1)
    #expect((counted["process_resident_memory_bytes"] ?? 0) > 1_000_000)
    #expect((counted["process_open_fds"] ?? 0) > 5)
  }

  @Test func `whoever asks for OpenMetrics gets it`() throws {
    let (sidecar, _) = try SidecarUnderTest.shared.get()
    let connection = try RawConnection(port: sidecar.probes)
    try connection.send(
      "GET /metrics HTTP/1.1\r\nHost: probes\r\nAccept: application/openmetrics-text; version=1.0.0, text/plain;q=0.5\r\n"
        + "Connection: close\r\n\r\n")
    let answer = try connection.readResponse()
    #expect(answer.values("content-type") == ["application/openmetrics-text; version=1.0.0; charset=utf-8"])
    #expect(answer.text.hasSuffix("\n# EOF\n"))
    #expect(answer.text.contains("# TYPE passkey_sidecar_requests counter\n"))
    #expect(answer.text.contains("passkey_sidecar_requests_total{protocol=\"http1\"}"))
  }

  @Test func `a configuration that was refused and calls of Corbado show`() throws {
    let app = try RecordingApp()
    // Nobody listens there any more.
    let nowhere = try LoopbackServer.freePort()
    let sidecar = try SidecarUnderTest(app: app.port) { text, _ in
      text.replacingOccurrences(of: "corbado: {", with: "corbado: {backendAPI: \"http://127.0.0.1:\(nowhere)\", ")
    }
    let body = #"{"connectTokenType":"passkey-append"}"#
    let fields = "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
    #expect(try sidecar.ask("POST", "/auth/createConnectToken", fields, body: body).status == 500)
    try sidecar.reconfigure { $0 + "nothing: known\n" }
    #expect(eventually { sidecar.events("reload_refused").isEmpty ? nil : true } == true)
    let counted = try scrape(sidecar)
    #expect(
      counted["passkey_sidecar_corbado_calls_total{call=\"create_connect_token\",outcome=\"corbado_unreachable\"}"] == 1)
    #expect(counted["passkey_sidecar_corbado_call_duration_seconds_count{call=\"create_connect_token\"}"] == 1)
    #expect(counted["passkey_sidecar_state_operations_total{operation=\"claim_link\",outcome=\"ok\"}"] == 1)
    #expect(counted["passkey_sidecar_configuration_in_force"] == 0)
    #expect(counted["passkey_sidecar_configuration_reloads_total{result=\"refused\"}"] == 1)
    #expect(counted["passkey_sidecar_ready"] == 1)
  }
}
