/// What the Gate checks, in the order in which it does.
public enum Check: String, CaseIterable, Sendable {
  case method, path, endpoint, rule, credential, token, revocation, origin, mediaType = "media type"
  case issuers, audiences, claims, passkey
}

/// Sees the checks that a request passes. The Gate's own costs nothing: it is specialised away.
protocol DecisionObserver {
  mutating func passed(_ check: Check, _ detail: @autoclosure () -> String)
}

struct NoObserver: DecisionObserver {
  @inline(__always) mutating func passed(_ check: Check, _ detail: @autoclosure () -> String) {}
}
