import Foundation
import Telemetry
import Testing

/// The README's table of metrics is the code's.
@Suite struct MetricsTableTests {
  private func rows() throws -> [[String]] {
    try Project.rows(of: "README.md", columnCount: 4).filter { ["counter", "gauge", "histogram"].contains($0[1]) }
  }

  @Test func `the README lists every family as the code has it, in the order of a scrape`() throws {
    let written = try rows().map { [Project.quoted($0[0]).joined(), $0[1], Project.quoted($0[2]).joined(separator: " "), $0[3]] }
    let meant = MetricFamily.all.map { [$0.name, $0.kind.rawValue, $0.labels.joined(separator: " "), $0.help] }
    #expect(written == meant)
  }

  @Test func `the dashboard and the alert rules ask for no family that there is not`() throws {
    let known = Set(
      MetricFamily.all.flatMap { family in
        family.kind == .histogram ? ["_bucket", "_sum", "_count"].map { family.name + $0 } : [family.name]
      })
    for path in ["config/observability/dashboard.json", "config/observability/alerts.yaml"] {
      let words = try Project.text(path).split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
      let asked = Set(words.filter { $0.hasPrefix("passkey_sidecar_") || $0.hasPrefix("process_") })
      #expect(asked.subtracting(known) == [], "\(path)")
      #expect(asked.count > 5)
    }
  }
}
