public import HTTP
public import JOSE

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

/// A decision with the checks that led to it: what `explain` prints.
public struct Explanation: Sendable {
  public struct Step: Sendable {
    public let check: Check
    public let detail: String
  }

  /// The checks that the request passed, in order. Where the decision is a denial, it is the next one that it did not.
  public let steps: [Step]
  public let decision: Decision
}

private struct StepRecorder: DecisionObserver {
  var steps: [Explanation.Step] = []

  mutating func passed(_ check: Check, _ detail: @autoclosure () -> String) {
    steps.append(Explanation.Step(check: check, detail: detail()))
  }
}

extension Gate {
  /// Decides as ``decide(_:facts:lastToken:policy:keys:revocations:now:keysWereJustFetched:)`` does, by the same code,
  /// and says how.
  public mutating func explain(
    _ head: borrowing RequestHead, facts: ConnectionFacts, policy: Policy, keys: KeySnapshot, revocations: Revocations,
    now: UnixTime
  ) -> Explanation {
    var recorder = StepRecorder()
    var hint = TokenHint()
    let snapshots = Snapshots(
      policy: policy, keys: keys, revocations: revocations, now: now, keysWereJustFetched: true)
    let decision = decide(head, snapshots, lastToken: &hint, observer: &recorder)
    return Explanation(steps: recorder.steps, decision: decision)
  }
}
