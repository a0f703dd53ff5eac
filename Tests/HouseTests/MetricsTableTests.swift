import Foundation
import Proxy
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

  /// A question to Prometheus, and the labels that are shown with its answer.
  private struct Question {
    var expression: String
    var shown: [String]
  }

  private func questions() throws -> [Question] {
    let dashboard = try JSONSerialization.jsonObject(with: Data(Project.text("config/observability/dashboard.json").utf8))
    let panels = (dashboard as? [String: Any])?["panels"] as? [[String: Any]] ?? []
    let asked = panels.flatMap { $0["targets"] as? [[String: Any]] ?? [] }.map { target in
      Question(
        expression: target["expr"] as? String ?? "",
        shown: matches(of: /\{\{(\w+)\}\}/, in: target["legendFormat"] as? String ?? ""))
    }
    let alerts = try Project.text("config/observability/alerts.yaml").components(separatedBy: "- alert: ").dropFirst().map { alert in
      let expression = alert.components(separatedBy: "expr:")[1].components(separatedBy: "labels:")[0]
      return Question(expression: expression, shown: matches(of: /\$labels\.(\w+)/, in: alert))
    }
    return asked + alerts
  }

  private func matches(of pattern: Regex<(Substring, Substring)>, in text: String) -> [String] {
    text.matches(of: pattern).map { String($0.1) }
  }

  /// What Prometheus adds to every sample, and the label of a histogram's buckets.
  private static let added: Set = ["instance", "job", "le"]

  @Test func `the dashboard and the alert rules ask for no label that a family does not have`() throws {
    let families = MetricFamily.all.flatMap { family in
      (family.kind == .histogram ? ["_bucket", "_sum", "_count"] : [""]).map { (name: family.name + $0, labels: Set(family.labels)) }
    }
    let labels = Dictionary(families.map { ($0.name, $0.labels) }) { first, _ in first }
    var count = 0
    for question in try questions() {
      let asked = question.expression.matches(of: /((?:passkey_sidecar|process)_\w+)(?:\{([^}]*)\})?/)
      #expect(!asked.isEmpty, "\(question.expression)")
      for match in asked {
        let known = Self.added.union(labels[String(match.1), default: []])
        let used = matches(of: /(\w+)(?:=|!)/, in: String(match.2 ?? ""))
        #expect(Set(used).subtracting(known) == [], "\(match.0)")
        count += used.count
      }
      let all = asked.reduce(into: Self.added) { $0.formUnion(labels[String($1.1), default: []]) }
      let grouped = matches(of: /by \(([^)]*)\)/, in: question.expression)
        .flatMap { $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) } }
      #expect(Set(grouped + question.shown).subtracting(all) == [], "\(question.expression)")
      count += grouped.count + question.shown.count
    }
    #expect(count > 40)
  }

  @Test func `reasons that the alert rules name are reasons that there are`() throws {
    let named = try questions().flatMap { matches(of: /reason="(\w+)"/, in: $0.expression) }
    #expect(named == ["internal_error"])
    #expect(Set(named).subtracting(Reason.allCases.map(\.rawValue)) == [])
  }
}
