import Gate
import HTTP
import JOSE
import Proxy
import Settings

/// An explanation as a person reads it.
struct ExplanationText {
  let question: String
  let explanation: Explanation
  /// Nil without a token.
  let inspection: TokenInspection?
  let settings: SidecarSettings
  let now: UnixTime

  func whole(_ head: consuming RequestHead, _ facts: ConnectionFacts) -> String {
    var lines = [question, ""]
    lines += ["rule: \(rule)", "", "checks:"]
    for step in explanation.steps {
      // The store of the running sidecar knows of revocations; nothing here has asked it.
      lines.append(step.check == .revocation ? row("--", .revocation, "not looked at") : row("ok", step.check, step.detail))
    }
    if let failed = explanation.failed, case .refuse(let denied) = explanation.decision {
      lines.append(row(isUndecided ? "OPEN" : "NO", failed, denied.denial.rawValue))
    }
    if let inspection { lines += [""] + token(inspection) }
    lines.append("")
    switch explanation.decision {
    case .forward(let admission):
      let who = admission.token.map { "as \($0.subject)" } ?? "without an identity"
      lines += ["decision: forwarded, \(who)", "the app gets, besides what the client sends:"]
      lines += fields(admission, &head, facts)
    case .serve(let call):
      lines.append("decision: served by our own endpoint \(call.endpoint.rawValue); the app gets nothing")
    case .answerPreflight(let preflight):
      lines.append("decision: the preflight is answered for our endpoint \(preflight.endpoint.rawValue)")
    case .refuse(let denied): lines += refusal(denied)
    case .needsKeys: lines.append("decision: the request waits for keys")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(_ result: String, _ check: Check, _ detail: String) -> String {
    "  \(padded(result, 4)) \(padded(check.rawValue, 12)) \(printable(detail))"
  }

  // MARK: Rule

  private var deciding: Int? {
    switch explanation.decision {
    case .forward(let admission): admission.rule
    case .refuse(let denied): denied.rule
    default: nil
    }
  }

  private var rule: String {
    guard let index = deciding, settings.routes.indices.contains(index) else {
      let isReached = explanation.steps.contains { $0.check == .rule }
      return isReached ? "none matches: a token is required" : "none was asked"
    }
    let route = settings.routes[index]
    var parts = ["\(index + 1), \(route.path)"]
    if !route.methods.isEmpty { parts.append(route.methods.joined(separator: " ")) }
    parts.append(route.access.rawValue)
    if !route.claims.isEmpty { parts.append("claims " + route.claims.map(\.claim).joined(separator: " ")) }
    if !route.issuers.isEmpty { parts.append("issuers " + route.issuers.joined(separator: " ")) }
    if !route.audiences.isEmpty { parts.append("audiences " + route.audiences.joined(separator: " ")) }
    if let limit = route.passkeyWithin { parts.append("passkeyWithin \(limit)") }
    return parts.joined(separator: ", ")
  }

  // MARK: Token

  /// No keys were at hand: what a sidecar with keys would decide is not known.
  private var isUndecided: Bool {
    guard case .refuse(let denied) = explanation.decision else { return false }
    return denied.denial == .keysUnavailable
  }

  private func token(_ inspection: TokenInspection) -> [String] {
    var lines: [String] = []
    switch inspection.signature {
    case .good(let keyID): lines.append("signature: GOOD\(keyID.map { ", by the key \(printable($0))" } ?? "")")
    case .wrong: lines.append("signature: WRONG: nobody vouches for these claims")
    case .unverified(let why): lines.append("signature: UNVERIFIED, \(why): nobody vouches for these claims")
    }
    lines.append("token header:")
    lines += members(inspection.header)
    lines.append("claims\(isGood(inspection) ? "" : " (anybody can have written them)"):")
    return lines + members(inspection.claims)
  }

  private func isGood(_ inspection: TokenInspection) -> Bool {
    if case .good = inspection.signature { true } else { false }
  }

  private func members(_ document: JSONDocument) -> [String] {
    var lines: [String] = []
    for (name, value) in document.members(of: document.root) {
      guard let name = document.string(name) else { continue }
      var writer = JSONWriter()
      writer.value(value, of: document)
      var text = printable(String(decoding: writer.bytes, as: UTF8.self))
      if ["exp", "nbf", "iat", "auth_time"].contains(name), let time = document.numericDate(value) {
        text += " (\(distance(time)))"
      }
      lines.append("  \(padded(printable(name), 14)) \(text)")
    }
    return lines.isEmpty ? ["  no JSON object"] : lines
  }

  /// How far a moment is away, in its two largest units.
  private func distance(_ time: UnixTime) -> String {
    let seconds = (time - now).components.seconds
    let units: [(Int64, String)] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")]
    var rest = seconds.magnitude
    var parts: [String] = []
    for (size, name) in units where parts.count < 2 && (rest >= UInt64(size) || !parts.isEmpty || size == 1) {
      parts.append("\(rest / UInt64(size)) \(name)")
      rest %= UInt64(size)
    }
    let text = parts.joined(separator: " ")
    return seconds < 0 ? "\(text) ago" : "in \(text)"
  }

  // MARK: Decision

  private func fields(
    _ admission: Admission, _ head: inout RequestHead, _ facts: ConnectionFacts
  ) -> [String] {
    var forwarded: [FieldLine] = []
    admission.forwardLines(of: &head, facts: facts, into: &forwarded)
    let assertion = settings.identity.assertion?.field.lowercased()
    return forwarded.map { line in
      let name = head.fields.string(line.name)
      let isToken = line.known == .authorization
      let isAssertion = admission.token != nil && name.lowercased() == assertion
      let value =
        isToken ? "Bearer (the token)" : isAssertion ? "(signed when it is sent)" : printable(head.fields.string(line.value))
      return "  \(name): \(value)"
    }
  }

  private func refusal(_ denied: Denied) -> [String] {
    let answer = DenialAnswer(denied)
    var lines: [String] = []
    if isUndecided {
      lines.append("decision: OPEN: without keys nothing can be said; --keys FILE brings them, --live fetches them")
      lines.append("a sidecar without keys answers:")
    } else {
      lines.append("decision: refused, \(denied.denial.rawValue); the app gets nothing, the client:")
    }
    lines.append("  \(answer.status)")
    lines += answer.fields.map { "  \($0.name): \($0.value)" }
    lines.append("  " + String(decoding: answer.content, as: UTF8.self))
    if let rule = denied.rule, settings.routes.indices.contains(rule), let page = settings.routes[rule].loginPage,
      denied.denial.status == 401
    {
      lines.append("  but a browser that goes to a page is sent to \(page)")
    }
    return lines
  }
}

private func padded(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.unicodeScalars.count))
}

/// What a token says must not move the cursor of whoever reads it.
private func printable(_ text: String) -> String {
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned:
      result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}
